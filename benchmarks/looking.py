"""What it costs to look whether something has changed: `make bench-trust`.

- A skip of a milestone that was seen to read 1 000 files, beside one that read none.
- The code of a function that reaches 200 others: in a process that looks at it for the first time,
  and later.

Each figure is the median of some rounds, which take turns.
"""

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, Final

from mutations import PROJECT, imported, running

from buildstate_flows import build
from buildstate_worker.fingerprint.code import code_of
from buildstate_worker.settings import Settings

FILES: Final = 1000
FUNCTIONS: Final = 200
ROUNDS: Final = 9

FLOW: Final = """
from pathlib import Path

from buildstate_flows import milestone, workdir


@milestone(state=10)
def reads_none() -> Path:
    return made("none")


@milestone(state=25)
def reads_many() -> Path:
    return made("".join(each.read_text() for each in sorted(Path("conf").iterdir())))


def made(content):
    path = workdir() / "image.raw"
    path.write_text(content)
    return path
"""


def timed(call: Callable[[], object]) -> float:
    """Return for how many seconds a call took."""
    begin = perf_counter()
    call()
    return perf_counter() - begin


def skips(flow: Any, settings: Settings) -> tuple[list[float], list[float], int, int]:
    """Return the seconds of skips that look at no file and at all of them, and their requests."""
    few, many = [], []
    with build(PROJECT, key="looking", settings=settings) as this:
        client = this._session.client  # noqa: SLF001 - to count its requests
        flow.reads_none()
        flow.reads_many()
        sent: list[str] = []
        send = client._send  # noqa: SLF001 - as above
        client._send = lambda *given, **named: sent.append(given[1]) or send(*given, **named)  # type: ignore[method-assign] # noqa: SLF001 - as above
        for _ in range(ROUNDS):
            few.append(timed(flow.reads_none))
            of_few = len(sent)
            many.append(timed(flow.reads_many))
            of_many = len(sent) - of_few
            sent.clear()
    return few, many, of_few, of_many


def functions(root: Path) -> tuple[float, list[float]]:
    """Return the seconds of a first look at 200 functions, and those of later ones."""
    lines = [
        f"def f{number}(x):\n    return f{number + 1}(x) + {number}\n" for number in range(200)
    ]
    text = "\n\n".join([*lines, f"def f{FUNCTIONS}(x):\n    return x\n"])
    (root / "flow.py").write_text(text)
    (root / "pyproject.toml").touch()
    with imported(root) as flow:
        first = timed(lambda: code_of(flow.f0))
        assert len(code_of(flow.f0).functions) == FUNCTIONS + 1  # noqa: S101 - what is measured
        return first, [timed(lambda: code_of(flow.f0)) for _ in range(ROUNDS)]


def main() -> None:
    """Measure, and print the figures."""
    with tempfile.TemporaryDirectory() as folder, running() as service:
        root = Path(folder)
        project = root / "project"
        (project / "conf").mkdir(parents=True)
        for number in range(FILES):
            (project / "conf" / f"{number:04}").write_text(f"{number}\n" * 100)
        (project / "flow.py").write_text(FLOW)
        (project / "pyproject.toml").touch()
        settings = Settings.load(
            {
                "BLDST_API_URL": service.url,
                "BLDST_API_KEY": service.key,
                "BLDST_CACHE_DIR": str(root / "cache"),
                "BLDST_STORAGE_URL": (root / "storage").as_uri(),
            }
        )
        with imported(project) as flow:
            few, many, of_few, of_many = skips(flow, settings)
        other = root / "functions"
        other.mkdir()
        first, later = functions(other)
    more = (median(many) - median(few)) * 1000
    print(f"a skip: {median(few) * 1000:.1f} ms and {of_few} request(s)")
    print(f"a skip that looks at {FILES} files: {more:.1f} ms more, {of_many} request(s)")
    print(f"the code of {FUNCTIONS} functions: {first * 1000:.0f} ms at first,", end=" ")
    print(f"{median(later) * 1000:.1f} ms later")


if __name__ == "__main__":
    sys.exit(main() or os.EX_OK)
