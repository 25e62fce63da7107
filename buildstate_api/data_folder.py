"""The folder that a service keeps its data in: which service runs on it.

One service runs on a data folder at a time. It holds a lock there for as long as it lives, so that
a file left behind by a killed one is never mistaken for a running one. To look at the lock loads
nothing of the service itself, which takes most of a second.
"""

import contextlib
import fcntl
import json
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Final

from buildstate_core.errors import Conflict

_LOCK_SECONDS: Final = 1.0
_START_FIELD: Final = 19
"""Of `/proc/PID/stat`, counted from behind the program's name: see proc(5), field 22."""


@dataclass(frozen=True)
class Running:
    """A service that runs on a data folder.

    Attributes:
        url: Where it listens.
        pid: Its process.
        is_embedded: Whether it runs its own PostgreSQL.
        started: When the process began, as the system tells it; `None` where it does not.
    """

    url: str
    pid: int
    is_embedded: bool
    started: str | None = None

    @classmethod
    def here(cls, url: str, *, is_embedded: bool) -> "Running":
        """Return the service that is this process."""
        return cls(url, os.getpid(), is_embedded, _start_of(os.getpid()))

    def is_alive(self) -> bool:
        """Return whether its process is there, and no other one that has got its number since."""
        return self.started is None or _start_of(self.pid) == self.started


def running_on(data_dir: Path) -> Running | None:
    """Find the service that runs on a data folder, if one does.

    That somebody holds the lock is not enough: its file may say who held it before.
    """
    try:
        with _lock_file(data_dir).open("r", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                found = Running(**json.loads(file.read()))
                return found if found.is_alive() else None
    except (OSError, ValueError, TypeError):
        pass
    return None


def end(running: Running) -> None:
    """Ask a service to end, if it is still there; nobody else is ever asked."""
    with contextlib.suppress(ProcessLookupError):
        if not hasattr(os, "pidfd_open"):
            if running.is_alive():
                os.kill(running.pid, signal.SIGTERM)
            return
        process = os.pidfd_open(running.pid)
        try:
            if running.is_alive():  # so the descriptor is of it
                signal.pidfd_send_signal(process, signal.SIGTERM)
        finally:
            os.close(process)


def postgres_folder(data_dir: Path) -> Path:
    """Name the folder of the embedded PostgreSQL."""
    return data_dir / "postgres"


@contextlib.contextmanager
def sole(data_dir: Path, running: Running) -> Iterator[None]:
    """Hold the data folder's lock, and say in it what runs."""
    data_dir.mkdir(parents=True, exist_ok=True)
    with open(_lock_file(data_dir), "a+", encoding="utf-8", opener=for_us_alone) as file:
        deadline = time.monotonic() + _LOCK_SECONDS
        while not _locked(file):
            if time.monotonic() > deadline:
                other = running_on(data_dir)
                where = f" at {other.url} (process {other.pid})" if other else ""
                raise Conflict(
                    f"A service runs on {data_dir} already{where}.",
                    code="server-running",
                    hint="To end it: bldst server stop",
                )
            time.sleep(_LOCK_SECONDS / 10)
        file.truncate(0)
        file.write(json.dumps(asdict(running)))
        file.flush()
        yield


def for_us_alone(path: str, flags: int) -> int:
    """Open a file that nobody else may read or lock; for `open(…, opener=…)`."""
    descriptor = os.open(path, flags | os.O_NOFOLLOW, 0o600)
    os.fchmod(descriptor, 0o600)
    return descriptor


def _start_of(pid: int) -> str | None:
    """Return when a process began, in ticks since the system did; `None` if there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return text.rpartition(")")[2].split()[_START_FIELD]


def _locked(file: IO[str]) -> bool:
    """Take the lock, if it is free. A process that only looks holds it for a moment, too."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _lock_file(data_dir: Path) -> Path:
    return data_dir / "server.lock"
