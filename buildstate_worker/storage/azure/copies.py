"""Copies that Azure makes by itself, within an account."""

import time
from contextlib import suppress
from typing import Final

from azure.core import MatchConditions
from azure.core.exceptions import ResourceExistsError
from azure.storage.blob import BlobClient

from buildstate_worker.storage.azure.failures import FAILURES
from buildstate_worker.storage.azure.upload import MARK, etag_of
from buildstate_worker.storage.failures import not_stored, occupied

_STALLS_SECONDS: Final = 600
"""After how long without any progress a copy is given up."""

_LONGEST_PAUSE_SECONDS: Final = 5.0


def start_copy(blob: BlobClient, source_url: str, target: str, mark: str) -> None:
    """Have Azure begin to copy a blob; the copy has a mark in its metadata.

    Raises:
        Conflict: There is something at the target.
    """
    try:
        blob.start_copy_from_url(
            source_url, metadata={MARK: mark}, match_condition=MatchConditions.IfMissing
        )
    except ResourceExistsError as error:
        if etag_of(blob, mark) is None:
            raise occupied(target) from error


def await_copy(blob: BlobClient, uri: str) -> None:
    """Wait for a copy. What is small or in the same place is there at once.

    Raises:
        Unreachable: It failed, or came no further for minutes.
    """
    pause, stalls_at = 0.1, 0.0
    progress: str | None = ""
    while (copy := blob.get_blob_properties().copy).status == "pending":
        if copy.progress != progress:
            progress, stalls_at = copy.progress, time.monotonic() + _STALLS_SECONDS
        elif time.monotonic() > stalls_at:
            raise not_stored(
                uri, f"Azure's copy stands at {progress} bytes", hint="Try again later."
            )
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
    if copy.status != "success":
        why = f"Azure's copy ended as {copy.status} ({copy.status_description})"
        raise not_stored(uri, why, hint="Check that nobody removed the source, then try again.")


def undo_copy(blob: BlobClient, mark: str) -> None:
    """Stop and remove a copy that has a mark.

    Quiet: the error that led here is the one to be told.
    """
    with suppress(*FAILURES):
        if etag_of(blob, mark) is None:
            return
        copy = blob.get_blob_properties().copy
        if copy.status == "pending":
            blob.abort_copy(str(copy.id))
        blob.delete_blob()
