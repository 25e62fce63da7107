"""What it costs to see what a command reads: `make bench-trust`.

The same commands with and without strace, in turns, as `bldst run --trace` runs them; then what it
takes to judge what was seen. A ratio is the median of those of some rounds: the two of a round run
one after the other.

- A loop of tiny commands, each of which is a process that does nothing: the worst there is.
- Compiling: some files of C, or the modules of a Python package where there is no compiler.
- A command that computes: it makes no calls that are traced.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Final, NamedTuple
from uuid import UUID

from buildstate_core.models import Attempt
from buildstate_worker.reads import Digests, Made, Project, Scope
from buildstate_worker.reads.tracing import Strace, Trace, find_strace, judge_command

ROUNDS: Final = 9
TINY: Final = 500
SOURCES: Final = 10

SOURCE: Final = """#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "shared.h"
int f{number}(int x) {{ printf("%d\\n", x + SHARED); return (int) strlen("{number}"); }}
"""


class Measured(NamedTuple):
    """The seconds of one command, round by round.

    Attributes:
        judging: What it took afterwards to judge what it has read.
        count: How many reads counted.
    """

    plain: Sequence[float]
    traced: Sequence[float]
    judging: Sequence[float]
    count: int


def timed(words: Sequence[str], folder: Path) -> float:
    """Return for how many seconds a command took."""
    begin = perf_counter()
    subprocess.run(words, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return perf_counter() - begin


def measured(strace: Strace, command: Sequence[str], folder: Path, memory: Path) -> Measured:
    """Run a command with and without strace, in turns."""
    plain, traced, judging, count = [], [], [], 0
    attempt = Attempt.model_construct(state=25, fingerprint={})
    scope = Scope(project=Project.around(folder))
    for _ in range(ROUNDS):
        plain.append(timed(command, folder))
        with Trace(strace, command, folder=folder, environ=os.environ) as trace:
            traced.append(timed(trace.words(), folder))
            begin = perf_counter()
            found = judge_command(
                trace,
                scope,
                attempt,
                digests=Digests(memory, str(folder)),
                made=Made(memory, UUID(int=1)),
            )
            count = len(found.reads)
            judging.append(perf_counter() - begin)
    return Measured(plain, traced, judging, count)


def compiling(folder: Path) -> Sequence[str]:
    """Return a command that compiles something, with its sources made."""
    if shutil.which("cc") is None:
        package = Path(subprocess.__file__).parent / "asyncio"
        shutil.copytree(package, folder / "package", ignore=shutil.ignore_patterns("__pycache__"))
        return [sys.executable, "-m", "compileall", "-q", "-f", "package"]
    (folder / "shared.h").write_text("#define SHARED 1\n")
    for number in range(SOURCES):
        (folder / f"f{number}.c").write_text(SOURCE.format(number=number))
    return ["sh", "-c", "for each in *.c; do cc -O1 -c -o ${each%.c}.o $each || exit; done"]


def main() -> None:
    """Measure, and print the figures."""
    strace = find_strace(os.environ)
    with tempfile.TemporaryDirectory() as place:
        folder, memory = Path(place) / "project", Path(place) / "memory"
        folder.mkdir()
        (folder / "pyproject.toml").touch()
        commands = {
            f"{TINY} tiny commands": [
                "sh",
                "-c",
                f"i=0; while [ $i -lt {TINY} ]; do /bin/true; i=$((i+1)); done",
            ],
            "compiling": compiling(folder),
            "computing": [sys.executable, "-c", "sum(range(20_000_000))"],
        }
        print(f"{'':20} {'plain':>9} {'traced':>9} {'ratio':>7} {'judging':>9} {'reads':>6}")
        for name, command in commands.items():
            found = measured(strace, command, folder, memory)
            plain, traced = median(found.plain) * 1000, median(found.traced) * 1000
            ratio = median(
                with_it / without
                for with_it, without in zip(found.traced, found.plain, strict=True)
            )
            print(
                f"{name:20} {plain:6.0f} ms {traced:6.0f} ms {ratio:6.2f}x"
                f" {median(found.judging) * 1000:6.0f} ms {found.count:6}"
            )


if __name__ == "__main__":
    sys.exit(main() or os.EX_OK)
