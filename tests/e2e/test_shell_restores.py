"""What an earlier state left is put where a command asks for it."""

import os
from collections.abc import Callable

from support.machine import Ended, Machine


def test_a_folder_comes_back_as_it_was(
    machine: Machine, elsewhere: Machine, step: Callable[..., Ended]
) -> None:
    make = (
        "mkdir -p out/tree/empty; echo '#!/bin/sh' > out/tree/run; chmod 755 out/tree/run;"
        " ln -s run out/tree/link; echo naïve > 'out/tree/ünïcode name'"
    )
    assert step(machine, 25, make, "--artifact", "out/tree").code == 0
    elsewhere.write("out/tree/stale", "left over")
    assert step(elsewhere, 50, "ls out/tree > seen").code == 0
    assert elsewhere.read("seen").split("\n") == ["empty", "link", "run", "ünïcode name", ""]
    assert os.access(elsewhere.folder / "out/tree/run", os.X_OK)
    assert os.readlink(elsewhere.folder / "out/tree/link") == "run"  # noqa: PTH115 - as written


def test_an_earlier_state_can_be_restored_by_name_to_another_path(
    machine: Machine, elsewhere: Machine, step: Callable[..., Ended]
) -> None:
    make = "echo kernel > k; echo disk > d; echo initrd > i"
    three = ["--artifact", "kernel=k", "--artifact", "disk=d", "--artifact", "i"]
    assert step(machine, 10, make, *three).code == 0
    assert step(machine, 25, "echo 25 > hard", "--artifact", "hard").code == 0
    wanted = ["--restore", "10:kernel=boot/vmlinuz", "--restore", "10:i", "--restore", "25"]
    show = 'echo "$BLDST_RESTORED"; cat boot/vmlinuz i hard; ls'
    seen = step(elsewhere, 50, show, *wanted)
    assert seen.code == 0
    assert seen.out.split() == [
        "boot/vmlinuz", "i", "hard", "kernel", "initrd", "25", "boot", "hard", "i",
    ]  # fmt: skip


def test_a_restore_takes_the_place_of_no_folder_by_a_file(
    machine: Machine, elsewhere: Machine, step: Callable[..., Ended]
) -> None:
    assert step(machine, 10, "echo disk > disk", "--artifact", "disk").code == 0
    elsewhere.write("disk/mine", "")
    refused = step(elsewhere, 25, "touch ran")
    assert (refused.code, elsewhere.has("ran"), elsewhere.has("disk/mine")) == (4, False, True)
    assert "disk is a folder that is not empty, and the artifact is a file" in refused.err
    into = step(elsewhere, 25, 'echo "$BLDST_RESTORED"', "--restore", "10=disk/")
    assert (into.code, into.out, elsewhere.read("disk/disk")) == (0, "disk/disk\n", "disk\n")


def test_what_is_not_there_to_restore_is_said(machine: Machine, step: Callable[..., Ended]) -> None:
    step(machine, 10, "echo base > base", "--artifact", "base")
    answer = step(machine, 25, "touch ran", "--restore", "10:no-such")
    assert (answer.code, machine.has("ran")) == (3, False)
    assert "State 10 has no artifact named no-such to restore" in answer.err
