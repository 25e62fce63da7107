"""A traced command runs and ends as one that is not traced."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from buildstate_core.errors import InvalidInput
from buildstate_worker.reads.tracing import Strace, Trace, find_strace, refuse_setuid

SAYS_AND_WAITS = """
import signal, sys, time
{}
print("ready", flush=True)
while True:
    signal.pause()
"""


@contextmanager
def started(
    strace: Strace, folder: Path, *command: str
) -> Iterator[tuple["subprocess.Popen[str]", Trace]]:
    with Trace(strace, command, folder=folder, environ=os.environ) as trace:
        process = subprocess.Popen(
            trace.words(),
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with process:
            yield process, trace
            process.kill()


class TestEnds:
    @pytest.mark.parametrize("code", [0, 3, 127, 255])
    def test_with_its_own_exit_code(self, strace: Strace, tmp_path: Path, code: int) -> None:
        with started(strace, tmp_path, "sh", "-c", f"exit {code}") as (process, trace):
            assert process.wait() == code
            trace.seen()
            assert trace.is_whole

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGABRT])
    def test_by_the_signal_that_ended_it(
        self, strace: Strace, tmp_path: Path, number: signal.Signals
    ) -> None:
        with started(strace, tmp_path, "sh", "-c", f"kill -{number.value} $$") as (process, trace):
            assert process.wait() == -number
            trace.seen()
            assert trace.is_whole

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
    def test_as_it_answers_a_signal_that_is_sent_to_it(
        self, strace: Strace, tmp_path: Path, number: signal.Signals
    ) -> None:
        script = SAYS_AND_WAITS.format(f"signal.signal({number}, lambda *_: sys.exit(9))")
        with started(strace, tmp_path, sys.executable, "-c", script) as (process, trace):
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            process.send_signal(number)
            assert process.wait() == 9
            trace.seen()
            assert trace.is_whole

    def test_though_others_live_on_which_stay_traced(self, strace: Strace, tmp_path: Path) -> None:
        (tmp_path / "hosts").write_text("a")
        script = "sh -c 'read line; cat later' <&3 & cat hosts"
        with started(strace, tmp_path, "sh", "-c", f"exec 3<&0; {script}") as (process, trace):
            assert process.wait() == 0
            assert "hosts" in {each.path for each in trace.seen().events}
            assert trace.is_whole
            assert trace.still_there == 1
            assert process.stdin is not None
            process.stdin.close()


def test_its_standard_input_is_its_own(strace: Strace, tmp_path: Path) -> None:
    loop = 'while read line; do "$@" </dev/null; echo "$line"; done'
    with Trace(strace, ["true"], folder=tmp_path, environ=os.environ) as trace:
        done = subprocess.run(
            ["sh", "-c", loop, "sh", *trace.words()],
            input="one\ntwo\n",
            capture_output=True,
            text=True,
            check=True,
        )
    assert (done.stdout, done.stderr) == ("one\ntwo\n", "")


def test_a_script_on_its_standard_input_is_run(strace: Strace, tmp_path: Path) -> None:
    with started(strace, tmp_path, "bash", "-s", "word") as (process, _):
        assert process.communicate("read next\nthe line\necho $1 $next\n") == (
            "word the line\n",
            "",
        )


def test_it_has_no_child_that_it_does_not_know(strace: Strace, tmp_path: Path) -> None:
    script = "import os\ntry: os.wait()\nexcept ChildProcessError: os._exit(7)"
    with started(strace, tmp_path, sys.executable, "-c", script) as (process, _):
        assert process.wait() == 7


@pytest.mark.parametrize("command", ["no-such-program", "./no-such-program", "./text"])
def test_what_cannot_be_run_fails_as_always(strace: Strace, tmp_path: Path, command: str) -> None:
    (tmp_path / "text").write_text("a")
    with Trace(strace, [command], folder=tmp_path, environ=os.environ) as trace:
        with pytest.raises(OSError, match=r"No such file|Permission denied"):
            subprocess.run(trace.words(), cwd=tmp_path, check=False)
        assert not trace.seen().events


def test_its_words_are_gone_with_the_block(strace: Strace, tmp_path: Path) -> None:
    with Trace(strace, ["true"], folder=tmp_path, environ=os.environ) as trace:
        file = Path(trace.words()[-3])
        assert file.parent.stat().st_mode & 0o777 == 0o700
    assert not file.parent.exists()


class TestUnavailable:
    def test_it_is_not_installed(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidInput, match="no strace on PATH") as refused:
            find_strace({"PATH": str(tmp_path)})
        assert refused.value.code == "trace-unavailable"
        assert "apt install strace" in (refused.value.hint or "")

    def test_this_is_no_linux(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "platform", "darwin")
        with pytest.raises(InvalidInput, match="no Linux"):
            find_strace(os.environ)

    def test_what_is_traced_already_cannot_be_traced(self, strace: Strace, tmp_path: Path) -> None:
        script = (
            "import os; from buildstate_worker.reads.tracing import find_strace;"
            "find_strace(os.environ)"
        )
        with started(strace, tmp_path, sys.executable, "-c", script) as (process, _):
            _, said = process.communicate()
            assert process.returncode == 1
            assert "strace cannot trace here: " in said
            assert "Operation not permitted" in said

    def test_an_older_one_that_stops_at_every_call(self, strace: Strace, tmp_path: Path) -> None:
        older = tmp_path / "strace"
        older.write_text(
            "#!/bin/sh\n"
            'if [ "$1" = --seccomp-bpf ]; then echo "$0: unrecognized option" >&2; exit 1; fi\n'
            f'exec {strace.program} "$@"\n'
        )
        older.chmod(0o755)
        found = find_strace({**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"})
        assert found == Strace(str(older), ())


class TestSetuid:
    @pytest.fixture
    def environ(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
        """Where `become` runs as another user, for somebody who is not root."""
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
        for name in ("become", "other"):
            shutil.copy("/bin/true", tmp_path / name)
        (tmp_path / "become").chmod(0o4755)
        return {"PATH": f"{tmp_path}:{os.environ['PATH']}"}

    @pytest.mark.parametrize(
        "command",
        [
            pytest.param(["become", "make"], id="first"),
            pytest.param(["env", "A=b", "become", "make"], id="later"),
            pytest.param(["sh", "-c", "cd x && become make"], id="in a script"),
        ],
    )
    def test_a_command_that_names_it_is_refused(
        self, environ: dict[str, str], command: list[str]
    ) -> None:
        with pytest.raises(InvalidInput, match="names become") as refused:
            refuse_setuid(command, environ)
        assert (refused.value.code, refused.value.field) == ("trace-setuid", "--trace")

    @pytest.mark.parametrize(
        "command",
        [
            pytest.param(["other", "make"], id="another program"),
            pytest.param(["echo", "become-it"], id="only part of a word"),
        ],
    )
    def test_others_are_not(self, environ: dict[str, str], command: list[str]) -> None:
        refuse_setuid(command, environ)

    def test_nor_is_root_for_whom_it_works(
        self, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(os, "geteuid", lambda: 0)
        refuse_setuid(["become"], environ)
