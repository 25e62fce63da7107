"""A test run that is interrupted leaves nothing behind: no process, and no folder but pytest's."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
from support import until

pytestmark = pytest.mark.endurance

INTERRUPTED = Path(__file__).with_name("interrupted.py")
SERVICES, STORAGES, ORCHESTRATOR = "services", "storages", "orchestrator"


@dataclass
class Run:
    """A run of its own, in a session of its own.

    Attributes:
        at_work: A folder with a file for each test that waits; it names its worker's folder.
    """

    process: "subprocess.Popen[bytes]"
    marker: str
    at_work: Path

    def folders(self) -> list[Path]:
        return [Path(each.read_text()) for each in self.at_work.glob("[!.]*") if not each.suffix]

    def left(self, folders: list[Path]) -> list[str]:
        """List what is alive: by its environment, or by where it is if that was changed."""
        where = [os.fsencode(folder) for folder in folders]
        found = []
        for each in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                line = (each / "cmdline").read_bytes()
                told = [(each / "environ").read_bytes(), line, bytes((each / "cwd").readlink())]
                if any(name in text for text in told for name in (self.marker.encode(), *where)):
                    found.append(line.replace(b"\0", b" ").decode())
        return found


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    started: list[Run] = []

    def start(*names: str, workers: int = 0, ignoring: tuple[signal.Signals, ...] = ()) -> Run:
        at_work = tmp_path / "at-work"
        at_work.mkdir()
        marker = uuid4().hex
        options = ["-p", "no:cacheprovider", "--basetemp", tmp_path / "temp", "-q"]
        spread = ["-n", str(workers), "--dist", "load"] if workers else []
        ignore = "".join(f"trap '' {each.name[3:]}; " for each in ignoring)
        command = [sys.executable, "-m", "pytest", INTERRUPTED, "-k", " or ".join(names)]
        process = subprocess.Popen(
            ["sh", "-c", f'{ignore}exec "$@"', "sh", *command, *options, *spread],
            env={
                **{name: value for name, value in os.environ.items() if "XDIST" not in name},
                "INTERRUPTED": str(at_work),
                "MARKER": marker,
            },
            start_new_session=True,
        )
        started.append(Run(process, marker, at_work))
        return started[-1]

    yield start
    for run in started:
        with suppress(ProcessLookupError):
            os.killpg(run.process.pid, signal.SIGKILL)
        run.process.wait()


@pytest.mark.parametrize(
    ("number", "to", "names", "workers"),
    [
        pytest.param(signal.SIGINT, os.kill, (SERVICES,), 0, id="SIGINT"),
        pytest.param(signal.SIGTERM, os.killpg, (SERVICES,), 0, id="SIGTERM to the group"),
        pytest.param(signal.SIGKILL, os.kill, (SERVICES,), 0, id="SIGKILL"),
        pytest.param(signal.SIGINT, os.killpg, (SERVICES,), 1, id="SIGINT to the group, spread"),
        pytest.param(signal.SIGTERM, os.kill, (STORAGES, ORCHESTRATOR), 2, id="SIGTERM, spread"),
        pytest.param(signal.SIGKILL, os.kill, (SERVICES,), 1, id="SIGKILL, spread"),
    ],
)
def test_nothing_is_left(
    number: signal.Signals,
    to: Callable[[int, int], None],
    names: tuple[str, ...],
    workers: int,
    start: Callable[..., Run],
) -> None:
    run = start(*names, workers=workers)

    def are_waiting() -> bool:
        assert run.process.poll() is None, "it has ended"
        return len(run.folders()) == len(names)

    until(are_waiting, seconds=240)
    folders = run.folders()
    assert run.left(folders)
    to(run.process.pid, number)
    ended = run.process.wait(60)
    assert ended == (-signal.SIGKILL if number == signal.SIGKILL else pytest.ExitCode.INTERRUPTED)
    until(lambda: not run.left(folders))
    until(lambda: not any(each.exists() for each in folders))


@pytest.mark.parametrize("workers", [0, 1], ids=["alone", "spread"])
def test_what_is_started_hears_signals_that_the_run_ignores(
    workers: int, start: Callable[..., Run]
) -> None:
    """As in a job of a runner that was itself started in the background."""
    run = start("hears", workers=workers, ignoring=(signal.SIGINT, signal.SIGQUIT, signal.SIGHUP))
    assert run.process.wait(100) == pytest.ExitCode.OK
