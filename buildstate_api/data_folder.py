"""The folder that a service keeps its data in: which service runs on it.

One service runs on a data folder at a time. It holds a lock there for as long as it lives, so that
a file left behind by a killed one is never mistaken for a running one. To look at the lock loads
nothing of the service itself, which takes most of a second.
"""

import contextlib
import fcntl
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Final

from buildstate_core.errors import Conflict

_LOCK_SECONDS: Final = 1.0


@dataclass(frozen=True)
class Running:
    """A service that runs on a data folder.

    Attributes:
        url: Where it listens.
        pid: Its process.
        is_embedded: Whether it runs its own PostgreSQL.
    """

    url: str
    pid: int
    is_embedded: bool


def running_on(data_dir: Path) -> Running | None:
    """Find the service that runs on a data folder, if one does."""
    try:
        with _lock_file(data_dir).open("r", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return Running(**json.loads(file.read()))
    except (OSError, ValueError):
        pass
    return None


def postgres_folder(data_dir: Path) -> Path:
    """Name the folder of the embedded PostgreSQL."""
    return data_dir / "postgres"


@contextlib.contextmanager
def sole(data_dir: Path, running: Running) -> Iterator[None]:
    """Hold the data folder's lock, and say in it what runs."""
    data_dir.mkdir(parents=True, exist_ok=True)
    with _lock_file(data_dir).open("a+", encoding="utf-8") as file:
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


def _locked(file: IO[str]) -> bool:
    """Take the lock, if it is free. A process that only looks holds it for a moment, too."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _lock_file(data_dir: Path) -> Path:
    return data_dir / "server.lock"
