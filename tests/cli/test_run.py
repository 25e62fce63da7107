"""`bldst run` from near: what is typed, what is refused, and what a workspace can do to it."""

import os
import pty
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import Service, until

from buildstate_cli.run import actions, child
from buildstate_core.models import Build
from buildstate_worker.client import ONCE


@pytest.fixture
def build(shared_service: Service) -> Build:
    return shared_service.make_build(key=os.urandom(8).hex())


@pytest.fixture
def run(work: Path, build: Build, bldst: Callable[..., Any]) -> Callable[..., Any]:
    """Run a shell command as a state of the build, in this process."""
    assert work

    def run(state: int, command: str, *flags: str, **environ: str) -> Any:
        line = ("run", str(build.number), "--state", str(state), *flags)
        return bldst(*line, "--", "sh", "-c", command, **environ)

    return run


Run = Callable[..., Any]


def statuses(service: Service, build: Build) -> list[tuple[int, str]]:
    return [(each.state, each.status.value) for each in service.client.history(build.number)]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["--state", "25"], "There is no command to run"),
        (["--state", "101", "--", "true"], "--state is 101; use an integer from 0 to 100."),
        (["--", "true"], "Missing option '--state'"),
        (["--state", "25", "--lease", "0", "--", "true"], "--lease is 0"),
        (["--state", "25", "--wait", "nan", "--", "true"], '--wait is "nan"; use a number of'),
        (["--state", "25", "--lane", "a/b", "--", "true"], "--lane"),
        (["--state", "25", "--kind", "x", "--", "true"], "--kind: 'x' is not one of"),
        (["--state", "25", "--artifact", ".", "--", "true"], "--artifact is"),
        (["--state", "25", "--param", "x", "--", "true"], '--param is "x"; use KEY=VALUE.'),
        (["--state", "25", "--restore", "30", "--", "true"], "only a state before 25"),
        (["--state", "25", "--input", "nope", "--", "true"], "The input nope does not exist"),
    ],
    ids=lambda each: " ".join(each)[:40] if isinstance(each, list) else "",
)
@pytest.mark.usefixtures("work")
def test_a_wrong_line_is_refused_and_runs_nothing(
    line: list[str], said: str, bldst: Run, build: Build, shared_service: Service
) -> None:
    answer = bldst("run", str(build.number), *line)
    assert (answer.code, answer.out) == (2, "")
    assert said in answer.err
    assert statuses(shared_service, build) == []


def test_an_unknown_build_is_not_found(work: Path, bldst: Run) -> None:
    answer = bldst("run", "999999", "--state", "25", "--", "touch", "ran")
    assert (answer.code, (work / "ran").exists()) == (3, False)


def test_a_service_that_is_down_runs_nothing(
    work: Path, bldst: Run, closed_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "STEADY", ONCE)
    answer = bldst("run", "1", "--state", "25", "--", "touch", "ran", BLDST_API_URL=closed_url)
    assert (answer.code, (work / "ran").exists()) == (6, False)


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"BLDST_LEASE_SECONDS": "soon"}, "BLDST_LEASE_SECONDS is 'soon'"),
        ({"BLDST_LEASE_SECONDS": "0"}, "BLDST_LEASE_SECONDS is '0'"),
        ({"BLDST_LEASE_SECONDS": "99999999"}, "lease"),
        ({"BLDST_WORKER": "w" * 200}, "worker"),
    ],
)
def test_a_wrong_setting_is_refused(
    environ: dict[str, str], said: str, run: Run, shared_service: Service, build: Build
) -> None:
    answer = run(25, "touch ran", **environ)
    assert answer.code == 2
    assert said in answer.err
    assert statuses(shared_service, build) == []


class TestWorkspace:
    """It is not trusted, and may not even be writable."""

    @pytest.fixture(autouse=True)
    def _checkpoint(self, run: Run, work: Path) -> None:
        assert run(10, "mkdir out; echo base > out/disk", "--artifact", "out/disk").code == 0
        assert (work / "out/disk").read_text() == "base\n"

    def test_a_file_that_was_changed_is_replaced(self, run: Run, work: Path) -> None:
        (work / "out/disk").write_text("BASE\n")
        assert run(25, "cat out/disk > seen").code == 0
        assert (work / "seen").read_text() == "base\n"

    def test_a_folder_where_the_file_belongs_is_replaced_if_it_is_empty(
        self, run: Run, work: Path
    ) -> None:
        (work / "out/disk").unlink()
        (work / "out/disk/mine").mkdir(parents=True)
        refused = run(25, "cat out/disk > seen")
        assert (refused.code, (work / "out/disk/mine").exists()) == (4, True)
        assert "Move the folder away" in refused.err
        (work / "out/disk/mine").rmdir()
        assert run(25, "cat out/disk > seen").code == 0
        assert (work / "seen").read_text() == "base\n"

    def test_a_link_where_the_file_belongs_is_replaced_and_not_followed(
        self, run: Run, work: Path, tmp_path: Path
    ) -> None:
        outside = tmp_path / "outside"
        outside.write_text("not ours")
        (work / "out/disk").unlink()
        (work / "out/disk").symlink_to(outside)
        assert run(25, "echo more >> out/disk").code == 0
        assert outside.read_text() == "not ours"
        assert not (work / "out/disk").is_symlink()

    def test_a_second_name_of_the_file_is_left_alone(
        self, run: Run, work: Path, tmp_path: Path
    ) -> None:
        os.link(work / "out/disk", tmp_path / "kept")
        assert run(25, "echo more >> out/disk").code == 0
        assert (tmp_path / "kept").read_text() == "base\n"

    def test_a_file_where_the_folder_belongs_refuses_and_keeps_it(
        self, run: Run, work: Path, shared_service: Service, build: Build
    ) -> None:
        (work / "out/disk").unlink()
        (work / "out").rmdir()
        (work / "out").write_text("mine")
        answer = run(25, "touch ran")
        assert (answer.code, (work / "ran").exists()) == (4, False)
        assert "out" in answer.err
        assert (work / "out").read_text() == "mine"
        assert statuses(shared_service, build)[-1] == (25, "failed")

    def test_what_the_command_does_to_its_input_does_not_spoil_the_cache(
        self, run: Run, work: Path
    ) -> None:
        (work / "out/disk").unlink()
        for _ in range(2):
            run(25, "echo more >> out/disk; exit 1")
            assert (work / "out/disk").read_text() == "base\nmore\n"

    def test_a_workspace_that_cannot_remember_does_not_fail_what_is_done(
        self, run: Run, work: Path, shared_service: Service, build: Build
    ) -> None:
        answer = run(25, "rm -r .bldst; touch .bldst")
        assert answer.code == 0
        assert "warning: " in answer.err
        assert statuses(shared_service, build)[-1] == (25, "completed")
        # Then the machine holds nothing, so that what follows is refused.
        assert run(30, "touch ran").code == 4
        assert not (work / "ran").exists()

    def test_a_workspace_that_cannot_forget_runs_nothing(
        self, run: Run, work: Path, shared_service: Service, build: Build
    ) -> None:
        [memory] = (work / ".bldst/machine").glob("*/_")
        content = memory.read_text()
        memory.parent.rename(work / "aside")
        memory.parent.symlink_to("/proc/self/task")  # can be read and not written
        memory.parent.unlink()
        (work / "aside").rename(memory.parent)
        assert memory.read_text() == content
        (work / ".bldst/.gitignore").unlink()
        (work / ".bldst/.gitignore").mkdir()
        answer = run(25, "touch ran")
        assert (answer.code, (work / "ran").exists()) == (1, False)
        assert ".gitignore" in answer.err
        assert statuses(shared_service, build)[-1] == (25, "failed")

    @pytest.mark.parametrize("content", ["", "{", "null", "\0", "[]", "\ufffd" * 1000])
    def test_a_memory_that_makes_no_sense_is_none(self, content: str, run: Run, work: Path) -> None:
        assert run(25, "echo 25 >> out/disk").code == 0
        [memory] = (work / ".bldst/machine").glob("*/_")
        memory.write_text(content)
        assert run(30, "cat out/disk > seen").code == 0
        # The machine holds nothing then, so that what was done to it is done again.
        assert (work / "seen").read_text() == "base\n25\n"


def test_a_huge_and_odd_command_is_run_as_it_is(run: Run, work: Path) -> None:
    assert run(25, f": {'x' * 100_000}; printf '%s' 'ünï \"$HOME\" \t' > seen").code == 0
    assert (work / "seen").read_text() == 'ünï "$HOME" \t'


def test_a_command_without_a_shell_gets_its_words_unchanged(
    bldst: Run, build: Build, work: Path
) -> None:
    words = ["--state", "--", "a b", "*", "", "-h"]
    line = ("run", str(build.number), "--state", "25", "--", "sh", "-c", 'printf "%s|" "$@" > w')
    assert bldst(*line, "sh", *words).code == 0
    assert (work / "w").read_text() == "".join(f"{each}|" for each in words)


def test_secrets_are_not_in_the_history(
    run: Run, shared_service: Service, build: Build, work: Path
) -> None:
    (work / "vault").write_text("s3cret-file")
    run(25, "echo s3cret-command; exit 1", "--param", "token=s3cret-param", "--input", "vault")
    [attempt] = shared_service.client.history(build.number)
    assert "s3cret" not in attempt.model_dump_json()
    assert set(attempt.fingerprint) == {"command", "param:token", "input:vault"}


def test_a_command_that_will_not_end_is_killed_when_its_claim_is_lost(
    run: Run,
    work: Path,
    build: Build,
    shared_service: Service,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(child, "GRACE_SECONDS", 0.2)

    def expire() -> None:
        until((work / "here").exists)
        [attempt] = shared_service.client.history(build.number)
        shared_service.expire(attempt.id)

    thread = threading.Thread(target=expire)
    thread.start()
    command = "trap 'touch asked' TERM; touch here; while :; do sleep 0.1; done"
    answer = run(25, command, "--lease", "3")
    thread.join()
    assert (answer.code, (work / "asked").exists()) == (4, True)
    assert statuses(shared_service, build) == [(25, "lost")]


def test_ctrl_c_at_a_terminal_reaches_the_command_once(
    work: Path, build: Build, environment: dict[str, str]
) -> None:
    """Also when stdin is not the terminal: packer, for one, gives up at the second."""
    command = (
        "trap 'echo x >> got' INT; touch here; until [ -e got ]; do sleep 0.05; done; sleep 0.3"
    )
    terminal, end = pty.openpty()
    line = ["bldst", "run", str(build.number), "--state", "25", "--", "sh", "-c", command]
    with subprocess.Popen(
        ["setsid", "--ctty", "sh", "-c", 'exec "$@" < /dev/null', "sh", *line],
        stdin=end,
        stdout=end,
        stderr=end,
        cwd=work,
        env={**environment, "PATH": f"{Path(sys.executable).parent}:{environment['PATH']}"},
    ) as running:
        os.close(end)
        until((work / "here").exists)
        os.write(terminal, b"\x03")
        assert running.wait(30) == 130
    os.close(terminal)
    assert (work / "got").read_text() == "x\n"
