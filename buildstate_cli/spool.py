"""Plain reports that wait, in a folder, until the service can be reached.

One file for each report, named so that they sort by age, written whole or not at all. Whoever
sends them holds a lock that ends with its process, so each is sent by one process at a time; a
process that is killed after sending and before removing does no harm, for the report carries its
idempotency key.

::

    a command ──► <spool>/TIME-RANDOM.json ──► acknowledged: removed
                                           ├─► refused (it will never be taken): <spool>/refused/
                                           └─► no answer, no access: stays, with those after it
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, ValidationError

from buildstate_core.errors import BuildStateError, Conflict, InvalidInput, NotFound
from buildstate_core.models import Report

ALREADY_TAKEN: Final = "idempotency-key-reused"
"""The service's code for a key that it knows with another body. Here it means that the report had
arrived, and only the answer was lost: the kept report has an `at` that the sent one had not."""


class KeptReport(BaseModel):
    """A report as it waits.

    Attributes:
        api_url: The service it was meant for. It is sent to no other.
        build: The build's id or number.
        idempotency_key: That of the first try, in case it did arrive.
        report: The report, with `at`: when it happened.
    """

    model_config = ConfigDict(frozen=True)

    api_url: str
    build: str | int
    idempotency_key: str
    report: Report


@dataclass(frozen=True)
class RefusedReport:
    """A report that the service will never take, where it lies now, and why."""

    file: Path
    reason: str


@dataclass
class Drained:
    """What became of the reports that waited."""

    sent: int = 0
    refused: list[RefusedReport] = field(default_factory=list)


def keep(folder: Path, report: KeptReport) -> Path:
    """Keep a report for later, safe against a crash of the machine, and return its file.

    Raises:
        OSError: It cannot be written there.
    """
    _make_folder(folder)
    target = folder / f"{time.time_ns():020d}-{uuid4().hex[:8]}.json"
    draft = target.with_suffix(".draft")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(report.model_dump_json(indent=2, exclude_unset=True))
        file.flush()
        os.fsync(file.fileno())
    draft.rename(target)
    return target


def waiting(folder: Path) -> list[Path]:
    """Return the files that wait, oldest first; nothing if the folder cannot be read."""
    return sorted(folder.glob("*.json"))


def drain(folder: Path, api_url: str, send: Callable[[KeptReport], object]) -> Drained:
    """Send what waits for a service, oldest first, until there is no answer.

    Args:
        folder: The spool.
        api_url: The service that `send` speaks to.
        send: Sends one report, and raises what the service says.

    Returns:
        What became of them; nothing if another process is at it.

    Raises:
        OSError: The folder cannot be written.
    """
    drained = Drained()
    with _locked(folder) as is_ours:
        for file in waiting(folder) if is_ours else ():
            try:
                kept = KeptReport.model_validate_json(file.read_bytes())
            except ValidationError:
                drained.refused.append(_refuse(file, "it cannot be read as a report."))
                continue
            if kept.api_url != api_url:
                continue
            try:
                send(kept)
            except (InvalidInput, NotFound, Conflict) as error:
                if error.code != ALREADY_TAKEN:
                    drained.refused.append(_refuse(file, str(error)))
                    continue
            except BuildStateError:
                break
            file.unlink(missing_ok=True)
            drained.sent += 1
    return drained


def _refuse(file: Path, reason: str) -> RefusedReport:
    refused = file.parent / "refused"
    refused.mkdir(mode=0o700, exist_ok=True)
    return RefusedReport(file=file.rename(refused / file.name), reason=reason)


@contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield True
    finally:
        os.close(descriptor)


def _make_folder(folder: Path) -> None:
    """Make the spool, closed to others, and the folders above it that are missing.

    Those that root makes are open: PostgreSQL runs as another user, and has to reach its own folder
    in the same data folder.
    """
    above = 0o755 if os.geteuid() == 0 else 0o700
    for path in reversed([folder, *folder.parents]):
        if not path.exists():
            path.mkdir(exist_ok=True)
            path.chmod(0o700 if path == folder else above)
