"""An upload to Azure: blocks under a name, seen by nobody until their list is committed."""

from contextlib import suppress
from threading import Lock
from typing import Final
from uuid import uuid4

from azure.core import MatchConditions
from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import BlobBlock, BlobClient, BlobProperties, ContentSettings

from buildstate_worker.storage.azure.failures import FAILURES, NotAzureError, not_written
from buildstate_worker.storage.failures import occupied
from buildstate_worker.storage.request_body import Body

MARK: Final = "buildstate_upload"
"""Metadata by which a blob is known as ours when the answer to a commit was lost."""

_BYTES: Final = "application/octet-stream"


class BlockUpload:
    """Blocks under a name."""

    def __init__(self, uri: str, blob: BlobClient, *, part_bytes: int) -> None:
        self.part_bytes = part_bytes
        self._uri = uri
        self._blob = blob
        self._mark = uuid4().hex
        self._lock = Lock()
        self._count = 0
        self._is_committing = False

    def put(self, number: int, part: bytes) -> None:
        """Store one block; see `Upload`."""
        with self._lock:
            self._count = max(self._count, number + 1)
        try:
            self._blob.stage_block(self._block(number), Body(part), length=len(part))
        except FAILURES as error:
            raise not_written(self._uri, error) from error

    def commit(self) -> None:
        """Make the blob visible.

        Raises:
            Conflict: There is something at its URI by now.
            Unreachable: The storage failed.
        """
        self._is_committing = True
        try:
            self._blob.commit_block_list(
                [BlobBlock(self._block(number)) for number in range(self._count)],
                metadata={MARK: self._mark},
                content_settings=ContentSettings(content_type=_BYTES),
                match_condition=MatchConditions.IfMissing,
            )
        except ResourceExistsError as error:
            # Ours, if the answer to an earlier try was lost.
            if self._committed() is None:
                raise occupied(self._uri) from error
        except FAILURES as error:
            raise not_written(self._uri, error) from error

    def abort(self) -> None:
        """Leave nothing visible. Quiet: the error that led here is the one to be told."""
        with suppress(*FAILURES):
            etag = etag_of(self._blob, self._mark) if self._is_committing else None
            if etag is not None:
                self._blob.delete_blob(etag=etag, match_condition=MatchConditions.IfNotModified)
            elif self._count:
                discard_blocks(self._blob)

    def _committed(self) -> str | None:
        try:
            return etag_of(self._blob, self._mark)
        except FAILURES as error:
            raise not_written(self._uri, error) from error

    def _block(self, number: int) -> str:
        # All blocks under a name must have names of one length, those of a killed worker too.
        return f"{self._mark}-{number:06}"


def properties_of(blob: BlobClient) -> BlobProperties:
    """Ask for a blob's properties, and believe only Azure."""
    found = blob.get_blob_properties()
    if found.blob_type is None:
        # As when somebody's web server answers everything with a page.
        raise NotAzureError("no type of blob")
    return found


def etag_of(blob: BlobClient, mark: str) -> str | None:
    """Return a blob's etag if it was made with a mark."""
    try:
        found = properties_of(blob)
    except ResourceNotFoundError:
        return None
    return found.etag if found.metadata.get(MARK) == mark else None


def discard_blocks(blob: BlobClient) -> None:
    """Remove the blocks under a name, unless a blob has been made of them."""
    try:
        # Blocks cannot be removed. They go when a list without them is committed.
        empty = blob.commit_block_list([], match_condition=MatchConditions.IfMissing)
    except ResourceExistsError:
        return
    blob.delete_blob(etag=str(empty["etag"]), match_condition=MatchConditions.IfNotModified)
