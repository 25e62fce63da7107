"""What every command that uploads a file and records it has to do."""

import os
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import TypeVar

from buildstate_cli.output.messages import notice
from buildstate_core.errors import InvalidInput
from buildstate_core.models import ArtifactRecord
from buildstate_worker.artifacts import Artifacts
from buildstate_worker.attempt import record_or_undo

Recorded = TypeVar("Recorded")


def existing_path(text: str, *, argument: str, hint: str) -> Path:
    """Return the absolute path of a file or folder.

    Args:
        text: As typed, relative to the working directory.
        argument: What it was typed for.
        hint: What else could be named.

    Raises:
        InvalidInput: There is nothing.
    """
    path = Path(os.path.normpath(Path.cwd() / text))
    if not path.exists():
        raise InvalidInput(
            f'{argument} is "{text}", which is not there.', field=argument, hint=hint
        )
    return path


def place_in_workspace(path: Path) -> PurePosixPath | None:
    """Return where a restore puts a path back: its place in the working directory, if it has one.

    Args:
        path: Absolute.
    """
    folder = Path.cwd()
    is_inside = path != folder and path.is_relative_to(folder)
    return PurePosixPath(path.relative_to(folder)) if is_inside else None


def stand_in(name: str) -> ArtifactRecord:
    """Return a record with which a request can be checked before anything is uploaded."""
    return ArtifactRecord(name=name, storage_type="file", uri="/")


def recorded(
    mover: Artifacts, record: ArtifactRecord, send: Callable[[ArtifactRecord], Recorded]
) -> Recorded:
    """Record an upload, and remove it again if the service refuses that.

    Without an answer the upload stays: an earlier try may have recorded it.

    Args:
        mover: What uploaded it.
        record: What it uploaded.
        send: Asks the service to record it, and returns what that came to.
    """

    def leave() -> None:
        notice(f"bldst: {record.uri} was uploaded, and is left there: it may be recorded.")

    return record_or_undo(lambda: send(record), undo=lambda _: mover.discard(record), leave=leave)
