"""A pipeline of commands, each behind `bldst run`, on machines that are killed and replaced."""

import hashlib
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from support import Service, until
from support.machine import Ended, Machine

PIPELINE = """
bldst run $ID --state 10 --artifact out/base.img -- sh -c '
    mkdir -p out; echo base > out/base.img; echo 10 >> ran'
bldst run $ID --state 25 --artifact out/hard.img -- sh -c '
    if [ -n "$HANG" ]; then echo half >> out/base.img; touch hangs; sleep 600; fi
    sed s/base/hardened/ out/base.img > out/hard.img; echo 25 >> ran'
bldst run $ID --state 50 --artifact out/app.img -- sh -c '
    cat out/hard.img > out/app.img; echo app >> out/app.img; echo 50 >> ran'
"""
CRASHED = [(10, "completed", "never_completed"), (25, "lost", "never_completed")]
FINISHED = [(25, "completed", "lost_worker"), (50, "completed", "never_completed")]

Story = Callable[[], list[tuple[int, str, str | None]]]


@pytest.fixture
def step(build: str) -> Callable[..., Ended]:
    """Run a shell command as a state of the build, on a machine."""

    def run(machine: Machine, state: int, command: str, *flags: str, **environ: str) -> Ended:
        return machine.bldst(
            "run", build, "--state", str(state), *flags, "--", "sh", "-c", command, **environ
        )

    return run


def crash_at_the_second_step(machine: Machine, build: str) -> None:
    running = machine.start_script(PIPELINE, ID=build, HANG="1", BLDST_LEASE_SECONDS="3")
    machine.await_file("hangs")
    running.kill_all()


def test_a_pipeline_that_was_killed_goes_on_elsewhere(
    machine: Machine, elsewhere: Machine, build: str, story: Story
) -> None:
    crash_at_the_second_step(machine, build)
    ended = elsewhere.script(PIPELINE, ID=build, HANG="")
    assert (ended.code, elsewhere.read("ran").split()) == (0, ["25", "50"])
    assert elsewhere.read("out/app.img") == "hardened\napp\n"
    assert elsewhere.read("out/base.img") == "base\n"
    assert story() == CRASHED + FINISHED
    assert "restored out/base.img of state 10" in ended.err


def test_a_pipeline_that_was_killed_goes_on_in_its_own_half_changed_folder(
    machine: Machine, build: str, story: Story
) -> None:
    crash_at_the_second_step(machine, build)
    assert machine.read("out/base.img") == "base\nhalf\n"
    ended = machine.script(PIPELINE, ID=build, HANG="")
    assert (ended.code, machine.read("ran").split()) == (0, ["10", "25", "50"])
    assert machine.read("out/base.img") == "base\n"
    assert machine.read("out/app.img") == "hardened\napp\n"
    assert story() == CRASHED + FINISHED


def test_a_finished_pipeline_runs_nothing_and_downloads_nothing(
    machine: Machine, elsewhere: Machine, build: str, story: Story
) -> None:
    assert machine.script(PIPELINE, ID=build, HANG="").code == 0
    before = story()
    assert elsewhere.script(PIPELINE, ID=build, HANG="").code == 0
    assert story() == before
    assert [each.name for each in elsewhere.folder.iterdir()] == [".bldst"]


def test_in_place_changes_are_made_again_on_a_restored_checkpoint(
    machine: Machine, elsewhere: Machine, build: str, story: Story
) -> None:
    """The design's example: 10 ✔ artifact, 25 ✔ artifact, 30 ✔, 35 ✔, 50 ✘."""
    pipeline = """
    bldst run $ID --state 10 --artifact disk -- sh -c 'echo 10 > disk'
    bldst run $ID --state 25 --artifact disk -- sh -c 'echo 25 >> disk'
    bldst run $ID --state 30 -- sh -c 'echo 30 >> disk'
    bldst run $ID --state 35 -- sh -c 'echo 35 >> disk'
    bldst run $ID --state 50 --artifact disk -- sh -c 'echo 50 >> disk; test -n "$WORKS"'
    """
    assert machine.script(pipeline, ID=build, WORKS="").code == 1
    assert machine.read("disk").split() == ["10", "25", "30", "35", "50"]

    assert elsewhere.script(pipeline, ID=build, WORKS="1").code == 0
    assert elsewhere.read("disk").split() == ["10", "25", "30", "35", "50"]
    assert story()[5:] == [
        (30, "completed", "not_restorable"),
        (35, "completed", "not_restorable"),
        (50, "completed", "failed_before"),
    ]

    # Now 50 has what the steps did.
    third = machine.script(pipeline, ID=build, WORKS="1")
    assert (third.code, len(story())) == (0, 8)
    assert "the checkpoint at state 50 includes it" in third.err


def test_a_failed_step_on_its_own_machine_starts_from_the_checkpoint_again(
    machine: Machine, step: Callable[..., Ended]
) -> None:
    for _ in range(2):
        step(machine, 25, "echo 25 > disk", "--artifact", "disk")
        step(machine, 30, "echo 30 >> disk")
        failed = step(machine, 50, "echo 50 >> disk; exit 9", "--artifact", "disk")
        assert failed.code == 9
        assert machine.read("disk").split() == ["25", "30", "50"]


def test_a_state_whose_step_is_on_another_machine_is_refused_and_names_it(
    machine: Machine,
    elsewhere: Machine,
    step: Callable[..., Ended],
    story: Story,
) -> None:
    step(machine, 25, "echo 25 > disk", "--artifact", "disk")
    step(machine, 30, "echo 30 >> disk")
    before = story()
    refused = step(elsewhere, 50, "touch ran")
    assert (refused.code, elsewhere.has("ran"), story()) == (4, False, before)
    assert "needs state 30 first" in refused.err
    assert "Run the pipeline again from state 30" in refused.err
    # On the machine that the step has changed, it goes on.
    assert step(machine, 50, "cat disk > seen").code == 0
    assert machine.read("seen").split() == ["25", "30"]


def test_an_exit_code_is_passed_on_and_recorded(
    machine: Machine, step: Callable[..., Ended], build: str, service: Service
) -> None:
    assert step(machine, 25, "exit 9").code == 9
    [attempt] = service.client.history(build)
    assert (attempt.status, attempt.message) == ("failed", "the command ended with exit code 9")


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        pytest.param(["no-such-program"], 127, "no-such-program: command not found", id="missing"),
        pytest.param(["./notes.txt"], 126, "./notes.txt: Permission denied", id="no-program"),
        pytest.param(["sh", "-c", "kill -9 $$"], 137, "the command was ended by SIGKILL", id="-9"),
    ],
)
def test_a_command_that_cannot_end_well_has_the_exit_code_of_a_shell(
    command: list[str], code: int, said: str, machine: Machine, build: str, service: Service
) -> None:
    machine.write("notes.txt", "no program")
    ended = machine.bldst("run", build, "--state", "25", "--", *command)
    [attempt] = service.client.history(build)
    assert (ended.code, attempt.status, attempt.message) == (code, "failed", said)
    assert "Traceback" not in ended.err


def test_an_artifact_that_was_not_made_fails_the_attempt(
    machine: Machine, step: Callable[..., Ended], build: str, service: Service
) -> None:
    ended = step(machine, 25, "true", "--artifact", "out/image.img")
    [attempt] = service.client.history(build)
    assert (ended.code, attempt.status) == (1, "failed")
    assert "--artifact out/image.img is not there" in ended.err
    assert "did not make" in (attempt.message or "")


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)],
    ids=["SIGTERM", "SIGINT", "SIGHUP"],
)
def test_a_signal_reaches_the_command_and_is_recorded_by_name(
    number: signal.Signals, code: int, machine: Machine, build: str, service: Service
) -> None:
    traps = f'trap "echo {number.name} > got; exit" {number.name[3:]}; touch here;'
    running = machine.start(
        "run", build, "--state", "25", "--", "sh", "-c", f"{traps} while :; do sleep 0.05; done"
    )
    machine.await_file("here")
    running.send(number)
    ended = running.end()
    [attempt] = service.client.history(build)
    assert (ended.code, machine.read("got").strip()) == (code, number.name)
    assert attempt.status == "cancelled"
    assert number.name in (attempt.message or "")


def test_a_signal_that_only_tells_something_is_passed_on_and_is_no_failure(
    machine: Machine, build: str, story: Story
) -> None:
    body = "trap 'touch told' USR1; touch ready; until test -e told; do sleep 0.05; done"
    running = machine.start("run", build, "--state", "10", "--", "sh", "-c", body)
    machine.await_file("ready")
    running.send(signal.SIGUSR1)
    assert running.end().code == 0
    assert story() == [(10, "completed", "never_completed")]


def test_a_storage_that_nothing_can_be_moved_to_is_refused_before_the_command_runs(
    machine: Machine, service: Service
) -> None:
    project = service.make_project(f"p{uuid4().hex}", storage_url="rbd://images/x")
    number = str(service.make_build(project).number)
    flags = ("--state", "10", "--artifact", "ran")
    refused = machine.bldst("run", number, *flags, "--", "touch", "ran")
    assert (refused.code, machine.has("ran")) == (2, False)
    assert "rbd://images/x" in refused.err


def test_a_command_that_does_not_handle_sigterm_dies_of_it(
    machine: Machine, build: str, service: Service
) -> None:
    running = machine.start(
        "run", build, "--state", "25", "--", "sh", "-c", "touch here; exec sleep 600"
    )
    machine.await_file("here")
    running.send(signal.SIGTERM)
    assert running.end().code == 143
    [attempt] = service.client.history(build)
    assert (attempt.status, "SIGTERM" in (attempt.message or "")) == ("cancelled", True)


def test_a_command_may_outlive_a_signal_and_have_its_own_exit_code(
    machine: Machine, build: str, service: Service
) -> None:
    command = 'trap "exit 5" TERM; touch here; while :; do sleep 0.05; done'
    running = machine.start("run", build, "--state", "25", "--", "sh", "-c", command)
    machine.await_file("here")
    running.send(signal.SIGTERM)
    assert running.end().code == 5
    [attempt] = service.client.history(build)
    assert (attempt.status, "SIGTERM" in (attempt.message or "")) == ("cancelled", True)


def test_a_signal_that_its_caller_ignores_is_ignored(
    machine: Machine, build: str, service: Service
) -> None:
    """As under `nohup`: the terminal that it was started from may go away."""
    running = machine.start_script(
        """trap '' HUP
        exec bldst run $ID --state 25 -- sh -c 'touch here; until [ -e go ]; do sleep 0.05; done'
        """,
        ID=build,
    )
    machine.await_file("here")
    running.send_all(signal.SIGHUP)
    machine.write("go")
    assert running.end().code == 0
    [attempt] = service.client.history(build)
    assert attempt.status == "completed"


def test_a_signal_during_the_upload_ends_the_attempt_and_leaves_nothing(
    machine: Machine, build: str, service: Service, tmp_path: Path
) -> None:
    storage = tmp_path / "storage"
    running = machine.start(
        "run", build, "--state", "25", "--artifact", "small", "--artifact", "large",
        "--", "sh", "-c", "echo small > small; truncate -s 300G large",
    )  # fmt: skip

    def is_at_the_second() -> bool:
        # Until its hidden name has gone too, the first is not over.
        first_is_over = [path.stat().st_nlink for path in storage.rglob("small")] == [1]
        return first_is_over and any(storage.rglob(".buildstate-*"))

    until(is_at_the_second)
    running.send(signal.SIGTERM)
    ended = running.end()
    [attempt] = service.client.history(build)
    assert (ended.code, attempt.status) == (143, "cancelled")
    assert "SIGTERM" in (attempt.message or "")
    assert [path for path in storage.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        pytest.param(["--input", "hosts", "--param", "size=2"], "recipe_changed:param:size"),
        pytest.param(["--input", "changed", "--param", "size=1"], None, id="another input's name"),
    ],
)
def test_a_changed_parameter_runs_again(
    flags: list[str],
    reason: str | None,
    machine: Machine,
    step: Callable[..., Ended],
    story: Story,
) -> None:
    machine.write("hosts", "a")
    machine.write("changed", "a")
    first = ["--input", "hosts", "--param", "size=1", "--artifact", "disk"]
    step(machine, 25, "echo x > disk", *first)
    assert step(machine, 25, "echo x > disk", *flags, "--artifact", "disk").code == 0
    # A part that was not recorded is unknown, and unknown is kept.
    assert [each[2] for each in story()] == ["never_completed", *([reason] if reason else [])]


def test_a_changed_input_or_command_runs_again(
    machine: Machine, step: Callable[..., Ended], story: Story
) -> None:
    machine.write("roles/web/main.yml", "a")
    flags = ["--input", "roles", "--artifact", "disk"]
    step(machine, 25, "echo x > disk", *flags)
    step(machine, 25, "echo x > disk", *flags)
    machine.write("roles/web/main.yml", "b")
    step(machine, 25, "echo x > disk", *flags)
    step(machine, 25, "echo y > disk", *flags)
    assert [each[2] for each in story()] == [
        "never_completed", "input_changed:roles", "recipe_changed:command",
    ]  # fmt: skip


def test_what_depends_on_a_result_that_came_out_the_same_is_kept(
    machine: Machine, step: Callable[..., Ended], story: Story
) -> None:
    for size in "112":
        step(machine, 10, "echo same > base", "--artifact", "base", "--param", f"size={size}")
        step(machine, 25, "cat base > disk", "--artifact", "disk")
    assert [(state, why) for state, _, why in story()] == [
        (10, "never_completed"), (25, "never_completed"), (10, "recipe_changed:param:size"),
    ]  # fmt: skip


def test_a_missing_input_is_refused_before_anything_runs(
    machine: Machine, step: Callable[..., Ended], story: Story
) -> None:
    refused = step(machine, 25, "touch ran", "--input", "no-such.yml")
    assert (refused.code, machine.has("ran"), story()) == (2, False, [])
    assert "The input no-such.yml does not exist" in refused.err


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


def test_the_command_sees_what_it_is_part_of(
    machine: Machine, step: Callable[..., Ended], service: Service, build: str
) -> None:
    step(machine, 10, "echo a > a; echo b > b", "--artifact", "a", "--artifact", "b")
    step(machine, 60, "exit 1", "--lane", "eu-west-1")
    show = (
        'echo "$BLDST_BUILD_ID" "$BLDST_STATE" "$BLDST_LANE" "$BLDST_ATTEMPT" $BLDST_RESTORED'
        ' "[$BLDST_RESTORE_URI]" "$OWN"'
    )
    seen = step(machine, 60, show, "--lane", "eu-west-1", OWN="mine")
    expected = [str(service.client.get_build(build).id), "60", "eu-west-1", "2", "a", "b", "[]"]
    assert seen.out.split() == [*expected, "mine"]


def test_stdin_and_stdout_are_the_command_s_own(machine: Machine, build: str) -> None:
    ended = machine.bldst(
        "run", build, "--state", "25", "--", "sh", "-c", "tr a-z A-Z; echo e >&2", stdin=b"piped"
    )
    assert (ended.code, ended.out) == (0, "PIPED")
    assert "\ne\n" in f"\n{ended.err}"


def test_with_json_stdout_is_the_attempt_and_nothing_else(
    machine: Machine, step: Callable[..., Ended], service: Service, build: str
) -> None:
    json = ("--output", "json", "--artifact", "disk")
    ran = step(machine, 25, "echo noise; echo x > disk", *json)
    skipped = step(machine, 25, "echo noise; echo x > disk", *json)
    failed = step(machine, 30, "echo noise; exit 3", "--output", "json")
    history = [each.model_dump(mode="json") for each in service.client.history(build)]
    assert [ran.data, failed.data] == history
    assert skipped.data == ran.data
    assert (ran.code, skipped.code, failed.code) == (0, 0, 3)
    assert "noise" in ran.err


class TestPlainRecords:
    """What a tool moved by itself, and only reported."""

    @pytest.fixture
    def report(self, machine: Machine, build: str) -> Callable[..., Ended]:
        def add(state: int, *flags: str) -> Ended:
            line = ("--state", str(state), "--status", "completed", *flags)
            return machine.bldst("build", "add-state", build, *line)

        return add

    def test_an_unverified_record_is_used_and_gets_its_digest(
        self,
        report: Callable[..., Ended],
        elsewhere: Machine,
        step: Callable[..., Ended],
        service: Service,
        build: str,
        tmp_path: Path,
    ) -> None:
        share = tmp_path / "mnt/nfs/builds/sap-123"
        share.mkdir(parents=True)
        (share / "state-30.qcow2").write_text("reported")
        path = str(share / "state-30.qcow2")
        assert report(30, "--storage-type", "nfs", "--storage-path", path).code == 0
        ran = step(elsewhere, 50, "cat state-30.qcow2")
        assert (ran.code, ran.out) == (0, "reported")
        assert "unverified" in ran.err
        [record] = service.client.list_artifacts(build)
        digest = hashlib.sha256(b"reported").hexdigest()
        assert (record.size_bytes, record.checksum) == (8, f"sha256:{digest}")
        # From now on it is held to that.
        (share / "state-30.qcow2").write_text("rEported")
        shutil.rmtree(elsewhere.environ["BLDST_CACHE_DIR"])
        elsewhere.write("state-30.qcow2", "something else")
        refused = step(elsewhere, 55, "touch ran", "--restore", "30")
        assert (refused.code, elsewhere.has("ran")) == (4, False)
        assert "corrupt" in refused.err

    def test_a_verified_record_is_held_to_its_checksum(
        self,
        report: Callable[..., Ended],
        elsewhere: Machine,
        step: Callable[..., Ended],
        tmp_path: Path,
    ) -> None:
        image = tmp_path / "image.qcow2"
        image.write_text("not that")
        wrong = "sha256:" + "0" * 64
        report(30, "--storage-path", str(image), "--checksum", wrong)
        refused = step(elsewhere, 50, "touch ran")
        assert (refused.code, elsewhere.has("ran")) == (4, False)
        assert "corrupt" in refused.err

    @pytest.mark.parametrize(
        ("flags", "handed_over"),
        [
            pytest.param(
                ["--storage-type", "ebs", "--storage-path", "snap-0abc"], "snap-0abc", id="ebs"
            ),
            pytest.param(["--storage-path", "rbd://images/base"], "rbd://images/base", id="rbd"),
            pytest.param(
                ["--storage-type", "ceph", "--storage-path", "rbd/pool/base@gold"],
                "rbd/pool/base@gold",
                id="ceph",
            ),
        ],
    )
    def test_what_cannot_be_moved_from_here_is_handed_to_the_command(
        self,
        flags: list[str],
        handed_over: str,
        report: Callable[..., Ended],
        elsewhere: Machine,
        step: Callable[..., Ended],
    ) -> None:
        assert report(30, *flags).code == 0
        ran = step(elsewhere, 50, 'echo "$BLDST_RESTORE_URI"; echo "$BLDST_RESTORED"')
        assert (ran.code, ran.out) == (0, f"{handed_over}\n\n")


def test_a_build_that_is_complete_takes_no_more_work(
    machine: Machine, step: Callable[..., Ended], story: Story
) -> None:
    assert step(machine, 100, "true", "--kind", "effect").code == 0
    refused = step(machine, 50, "touch ran")
    assert (refused.code, machine.has("ran"), len(story())) == (4, False, 1)


def test_lanes_go_their_own_ways_from_the_trunk_s_checkpoint(
    machine: Machine, elsewhere: Machine, step: Callable[..., Ended], build: str, service: Service
) -> None:
    step(machine, 25, "echo trunk > disk", "--artifact", "disk")
    copy = "cat disk > copy; echo lane >> copy"
    eu = step(elsewhere, 60, copy, "--lane", "eu", "--artifact", "copy")
    us = step(elsewhere, 60, f"{copy}; exit 3", "--lane", "us", "--artifact", "copy")
    assert (eu.code, us.code) == (0, 3)
    lanes: Any = {each.lane: each for each in service.client.get_build(build).lanes}
    assert (lanes["eu"].status, lanes["eu"].frontier) == ("in_progress", 60)
    assert (lanes["us"].status, lanes["us"].frontier) == ("failed", 25)
    assert step(elsewhere, 60, copy, "--lane", "us", "--artifact", "copy").code == 0
