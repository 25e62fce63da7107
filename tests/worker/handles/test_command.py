"""A command that looks at handles, and all the ways in which it can end."""

import json
import os
import signal
from pathlib import Path

import pytest
from support import until

from buildstate_core.errors import ArtifactLost, ArtifactUnreachable
from buildstate_worker.handles import HandleRef, Probes, command

IMAGE = HandleRef("rbd", "images/rhel 9@gold", {"cluster": "ceph-a"})


class Hook:
    """The command of a worker's administrator."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.script = folder / "look"

    def says(self, line: str) -> Probes:
        self.script.write_text(f"#!/bin/sh\ncd {self.folder}\n{line}\n")
        self.script.chmod(0o755)
        return Probes({"RBD": (str(self.script), "--quick")})


@pytest.fixture
def hook(tmp_path: Path) -> Hook:
    return Hook(tmp_path)


def undecided(probes: Probes, handle: HandleRef = IMAGE) -> ArtifactUnreachable:
    with pytest.raises(ArtifactUnreachable) as caught:
        probes.check(handle)
    assert handle.id in caught.value.message
    return caught.value


def test_it_gets_the_id_last_and_the_handle_as_json(hook: Hook) -> None:
    probes = hook.says('printf "%s|" "$@" > arguments; cat > given')
    assert probes.check(IMAGE) is None
    assert (hook.folder / "arguments").read_text() == f"--quick|{IMAGE.id}|"
    assert json.loads((hook.folder / "given").read_text()) == {
        "kind": "rbd",
        "id": IMAGE.id,
        "attributes": {"cluster": "ceph-a"},
    }


def test_what_it_prints_is_the_identity(hook: Hook) -> None:
    assert hook.says("echo; echo made today; printf '8\\tGiB \\n'; echo >&2 hm").check(IMAGE) == (
        "made today 8 GiB"
    )


@pytest.mark.parametrize("line", [":", "echo", "printf '\\000'"], ids=["nothing", "line", "nul"])
def test_it_need_not_know_an_identity(hook: Hook, line: str) -> None:
    seen = HandleRef(IMAGE.kind, IMAGE.id, identity="made yesterday")
    assert hook.says(line).check(seen) is None


@pytest.mark.parametrize("length", [1000, 1001])
def test_an_identity_has_a_bound(hook: Hook, length: int) -> None:
    probes = hook.says(f"printf %0{length}d 0")
    if length == 1000:
        assert probes.check(IMAGE) == "0" * 1000
    else:
        assert "1001 characters" in undecided(probes).message


def test_what_is_no_text_is_taken_all_the_same(hook: Hook) -> None:
    seen = hook.says("printf 'a\\377b'").check(IMAGE)
    assert seen == "a\ufffdb"


def test_another_thing_under_the_same_id_is_told_from_the_first(hook: Hook) -> None:
    seen = HandleRef(IMAGE.kind, IMAGE.id, identity="made yesterday")
    with pytest.raises(ArtifactLost) as caught:
        hook.says("echo made today").check(seen)
    assert caught.value.reason == "artifact_corrupt"
    assert "'made yesterday'" in caught.value.message
    assert "'made today'" in caught.value.message


def test_exit_code_1_says_that_it_is_gone(hook: Hook) -> None:
    with pytest.raises(ArtifactLost) as caught:
        hook.says("echo >&2 no such image.; exit 1").check(IMAGE)
    assert caught.value.reason == "artifact_gone"
    assert caught.value.message.endswith("BLDST_PROBE_RBD says so: no such image.")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        pytest.param("exit 2", "ended with exit code 2", id="2"),
        pytest.param("exit 3", "ended with exit code 3", id="3"),
        pytest.param("exit 127", "ended with exit code 127", id="127"),
        pytest.param("kill -9 $$", "was ended by SIGKILL", id="a signal"),
        pytest.param("kill -40 $$", "was ended by signal 40", id="a signal without a name"),
        pytest.param(
            "printf 'one\\ntwo\\n\\n three  four\\nfive.\\n' >&2; exit 2",
            "exit code 2: two / three four / five.",
            id="its last lines",
        ),
    ],
)
def test_any_other_end_means_that_nobody_can_tell(hook: Hook, line: str, says: str) -> None:
    error = undecided(hook.says(line))
    assert says in error.message
    assert "BLDST_PROBE_RBD" in error.message
    assert "with 1 if it is gone" in str(error.hint)


def test_a_command_that_is_not_there_is_named(tmp_path: Path) -> None:
    error = undecided(Probes({"RBD": (str(tmp_path / "look"),)}))
    assert "BLDST_PROBE_RBD cannot be started: No such file or directory" in error.message


def test_one_that_takes_too_long_is_ended_with_what_it_started(
    hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "TIMEOUT_SECONDS", 0.5)
    monkeypatch.setattr(command, "_GRACE_SECONDS", 0.1)
    probes = hook.says("trap '' TERM; sh -c \"trap '' TERM; sleep 100\" & echo $! > child; wait")
    assert "has not ended after" in undecided(probes).message
    child = int((hook.folder / "child").read_text())
    until(lambda: not is_alive(child))


def test_what_it_leaves_running_keeps_nobody_waiting(hook: Hook) -> None:
    assert hook.says("sleep 100 & echo $! > child; echo made today").check(IMAGE) == "made today"
    os.kill(int((hook.folder / "child").read_text()), signal.SIGKILL)


def test_an_id_is_never_taken_for_an_option(hook: Hook) -> None:
    probes = hook.says("touch ran")
    assert "dash" in undecided(probes, HandleRef("rbd", "--force")).message
    assert not (hook.folder / "ran").exists()


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
