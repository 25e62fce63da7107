"""The sentences of what goes wrong with artifacts.

Three answers must never be confused. *Gone* and *corrupt* mean that the milestone runs again.
*Unreachable* means that nobody knows, so that nothing runs.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from buildstate_core.errors import (
    ArtifactLost,
    ArtifactUnreachable,
    Conflict,
    InvalidInput,
    Refused,
    Unreachable,
)

_PEER: Final = re.compile(r"\w*HTTPS?Connection(?:Pool)?\(host='([^']+)', port=(\d+)\)")
_NOISE: Final = re.compile(
    r"\[Errno -?\d+\] |<[\w.]+ object at 0x[0-9a-f]+>[:,] | \(read timeout=.*\)"
)
"""Parts of libraries' messages that do not say what went wrong."""

FREE_SPACE: Final = "Free space there, or have the quota raised, then run this again."


def gone(uri: str) -> ArtifactLost:
    """Return the error for an artifact that its storage does not have."""
    return ArtifactLost(
        f"The artifact {uri} is gone: its storage answers, but nothing is there.",
        reason="artifact_gone",
        code="artifact-gone",
        hint="Put it back, or let its milestone run again.",
    )


def corrupt(uri: str, why: str) -> ArtifactLost:
    """Return the error for an artifact that is not what was recorded."""
    return ArtifactLost(
        f"The artifact {uri} is corrupt: {why}.",
        reason="artifact_corrupt",
        code="artifact-corrupt",
        hint="Its milestone has to run again.",
    )


def unreachable(uri: str, why: str, *, hint: str) -> ArtifactUnreachable:
    """Return the error for an artifact that cannot be looked at or read: it may still be there."""
    return ArtifactUnreachable(f"The artifact {uri} cannot be read: {why}.", hint=hint)


def not_stored(uri: str, why: str, *, hint: str) -> Unreachable:
    """Return the error for an upload that failed in its storage."""
    return Unreachable(
        f"The storage of {uri} cannot be written: {why}.", code="storage-unreachable", hint=hint
    )


def not_removed(uri: str, why: str, *, hint: str) -> Unreachable:
    """Return the error for an object that could not be removed, so that it may still be there."""
    return Unreachable(f"{uri} cannot be removed: {why}.", code="storage-unreachable", hint=hint)


def not_listed(prefix: str, why: str, *, hint: str) -> Unreachable:
    """Return the error for a storage that cannot be listed."""
    return Unreachable(
        f"The storage {prefix} cannot be listed: {why}.", code="storage-unreachable", hint=hint
    )


def occupied(uri: str) -> Conflict:
    """Return the error for an upload to a URI at which there is something already."""
    return Conflict(
        f"There is already something at {uri}, and an artifact is never overwritten.",
        code="artifact-exists",
        hint="Push to another URI.",
    )


def no_transfer(uri: str) -> InvalidInput:
    """Return the error for a URI whose storage no adapter moves bytes to or from."""
    return InvalidInput(
        f"{uri} cannot be copied: it names no storage that BuildState moves bytes to and from.",
        field="uri",
        code="no-transfer",
        hint="Record it as a handle, or keep the artifact in one that it does: file://, s3://,"
        " az://, gs://, sftp://, or another that fsspec knows.",
    )


def bad_source(path: Path, why: str, *, hint: str | None = None) -> InvalidInput:
    """Return the error for a file or folder that cannot become an artifact."""
    return InvalidInput(
        f"{path} cannot become an artifact: {why}.", field="artifact", code="bad-source", hint=hint
    )


def reason_of(error: BaseException) -> str:
    """Return the system's own words in short, without a path and a full stop.

    >>> reason_of(OSError(28, "No space left on device", "/srv/images/a.raw"))
    'No space left on device'
    >>> reason_of(ValueError("HTTPConnectionPool(host='nas', port=80): Read timed out."))
    'nas:80: Read timed out'
    """
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    text = _NOISE.sub("", _PEER.sub(r"\1:\2", text.strip().partition("\n")[0]))
    return text.strip().rstrip(".") or type(error).__name__


@contextmanager
def on_this_disk(path: Path) -> Iterator[None]:
    """Turn a failure of the worker's own disk into a sentence.

    Raises:
        Refused: The cache or the workspace could not be read or written.
    """
    try:
        yield
    except OSError as error:
        raise Refused(
            f"{error.filename or path} cannot be written or read: {reason_of(error)}.",
            code="disk-trouble",
            hint="Free space or correct its permissions on this worker, then run this again.",
        ) from error
