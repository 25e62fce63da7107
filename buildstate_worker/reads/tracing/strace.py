"""The strace of this machine: whether it can trace a command, and by which words it does.

The command stays the direct child of whoever starts it (`-D`): its signals, its exit code and its
standard input are its own, and the tracer is beside it. Only the calls that are needed stop it
(`--seccomp-bpf`), where strace and the kernel can do so.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from buildstate_core.errors import InvalidInput

_QUICK: Final = ("--seccomp-bpf",)
"""Of strace 5.3 and later."""

_ALWAYS: Final = (
    "-f",  # all that it starts
    "-D",
    "-q",  # no word about whom it follows; the ends of processes stay
    "-y",  # the paths of descriptors
    "-a1",  # no blanks before results
    "-ttt",
    "-s4096",  # whole paths
    "-esignal=!SIGCHLD",  # of what is left out here not even the end is told
)
_SECONDS: Final = 20
_WITHOUT: Final = (
    "Or run it with --no-trace: then what it reads does not count unless that is declared."
)


@dataclass(frozen=True)
class Strace:
    """A strace that was tried, and works.

    Attributes:
        program: Its path.
        options: What it can do of what helps.
    """

    program: str
    options: Sequence[str] = ()

    def words(self, command: Sequence[str], file: Path) -> list[str]:
        """Return the words that run a command and have a file written of what it does."""
        # Few need it, and it takes its time.
        from buildstate_worker.reads.tracing.parsing import TRACED  # noqa: PLC0415

        calls = ",".join(f"?{each}" for each in TRACED)  # not every machine has each of them
        options = [*self.options, *_ALWAYS, f"-etrace={calls}", "-o", os.fspath(file)]
        return [self.program, *options, "--", *command]


def find_strace(environ: Mapping[str, str]) -> Strace:
    """Return the strace that PATH finds, once it has traced something.

    Raises:
        InvalidInput: There is none, or it cannot trace here.
    """
    if not sys.platform.startswith("linux"):
        raise _unavailable("this system is no Linux, and strace is needed.", _WITHOUT)
    program = shutil.which("strace", path=environ.get("PATH"))
    if program is None:
        raise _unavailable(
            "there is no strace on PATH.", f"Install it: apt install strace. {_WITHOUT}"
        )
    problem = ""
    for options in (_QUICK, ()):
        found = Strace(program, options)
        problem = _problem_of(found, environ)
        if not problem:
            return found
    raise _unavailable(
        f"strace cannot trace here: {problem}.",
        "In a container it needs ptrace, such as docker run --cap-add SYS_PTRACE; what is traced"
        f" already cannot be traced again. {_WITHOUT}",
    )


def _problem_of(strace: Strace, environ: Mapping[str, str]) -> str:
    """Return what keeps it from tracing a command that does nothing; empty if it can."""
    words = strace.words(["true"], Path(os.devnull))
    try:
        done = subprocess.run(  # noqa: S603 - fixed words
            words,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=dict(environ),
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"it does not end within {_SECONDS} seconds"
    except OSError as error:
        return error.strerror or str(error)
    said = done.stderr.decode(errors="replace").strip().splitlines()
    if done.returncode == 0 and not said:
        return ""
    return (
        said[0].removeprefix(f"{strace.program}: ").rstrip(".")
        if said
        else f"exit code {done.returncode}"
    )


def _unavailable(why: str, hint: str) -> InvalidInput:
    return InvalidInput(
        f"What the command reads cannot be seen: {why}",
        code="trace-unavailable",
        field="--trace",
        hint=hint,
    )
