"""Artifacts in Azure Blob Storage: `az://container/path`.

The account and the credentials are the worker's own affair, see `client`.

An upload is a list of blocks that nobody sees until the list is committed, as the last step and
only if nothing is there. A killed worker leaves blocks, which Azure forgets a week after the last
of them was put.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Lock
from typing import Final
from uuid import uuid4

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.storage.blob import (
    BlobClient,
    BlobProperties,
    BlobServiceClient,
    LinearRetry,
)

from buildstate_core.errors import InvalidInput
from buildstate_worker.storage.azure.client import service_client
from buildstate_worker.storage.azure.copies import await_copy, start_copy, undo_copy
from buildstate_worker.storage.azure.failures import (
    FAILURES,
    code_of,
    not_readable,
    not_written,
    told,
)
from buildstate_worker.storage.azure.upload import BlockUpload, discard_blocks, properties_of
from buildstate_worker.storage.base import Listed, Unfinished, part_size
from buildstate_worker.storage.failures import (
    not_listed,
    not_removed,
    occupied,
    unreachable,
)
from buildstate_worker.storage.uris import bucket_and_key, bucket_and_prefix

PART_BYTES: Final = 16 * 2**20
"""The size of an upload's blocks, unless 50 000 would not do."""

_MOST_PARTS: Final = 45_000
_LARGEST_READ: Final = 2**26
_CONNECT_SECONDS: Final = 3
_LOOK_SECONDS: Final = 5
_READ_SECONDS: Final = 20
_WRITE_SECONDS: Final = 30
_FOLDER: Final = "hdi_isfolder"
"""Metadata by which an account with a hierarchical namespace marks its folders."""


class AzureStorage:
    """Artifacts as block blobs. See `Storage`."""

    parallel = 8
    range_bytes = 16 * 2**20
    keeps_holes = False
    writes_in_order = False

    def __init__(self) -> None:
        self._clients: dict[tuple[int, int], BlobServiceClient] = {}
        self._lock = Lock()

    def size_of(self, uri: str, *, root: str | None = None) -> int | None:
        """Return the blob's size. Azure tells gone from a missing container without `root`."""
        del root
        try:
            found = properties_of(self._looking(uri))
        except FAILURES as error:
            raise not_readable(uri, error) from error
        if found.copy.status == "pending":
            raise unreachable(
                uri, "it is still being copied to there", hint="Try again when that is done."
            )
        return None if _is_folder(found) else found.size

    def read(self, uri: str, start: int, size: int, *, root: str | None = None) -> bytes:
        """Return a range of the blob's bytes, with one request."""
        del root
        try:
            return self._reading(uri).download_blob(offset=start, length=size).readall()
        except HttpResponseError as error:
            if error.status_code == 416:  # noqa: PLR2004 - nothing is from there on
                return b""
            raise not_readable(uri, error) from error
        except FAILURES as error:
            raise not_readable(uri, error) from error

    @contextmanager
    def create(self, uri: str, *, expected_bytes: int) -> Iterator[BlockUpload]:
        """Open a list of blocks, which is committed or discarded at the end."""
        self._check_free(uri)
        part_bytes = part_size(expected_bytes, at_least=PART_BYTES, most_parts=_MOST_PARTS)
        upload = BlockUpload(uri, self._writing(uri), part_bytes=part_bytes)
        try:
            yield upload
            upload.commit()
        except BaseException:
            upload.abort()
            raise

    def copy(self, source: str, target: str) -> None:
        """Have Azure copy a blob within the account, and wait until it has."""
        self.size_of(source)
        blob = self._looking(target)
        mark = uuid4().hex
        try:
            start_copy(blob, self._looking(source).url, target, mark)
            await_copy(blob, target)
        except FAILURES as error:
            undo_copy(blob, mark)
            raise not_written(target, error) from error
        except BaseException:
            undo_copy(blob, mark)
            raise

    def remove(self, uri: str) -> None:
        """Remove the blob. What the account keeps of removed blobs is its own affair."""
        try:
            self._looking(uri).delete_blob(delete_snapshots="include")
        except FAILURES as error:
            if code_of(error) != "BlobNotFound":
                raise told(not_removed, uri, error) from error

    def listing(self, prefix: str) -> Iterator[Listed]:
        """Yield the blobs whose names begin with a prefix, but for those still being copied."""
        for uri, found in self._blobs(prefix, include=["copy", "metadata"]):
            if found.copy.status != "pending" and not _is_folder(found):
                yield Listed(uri, found.size, found.last_modified.astimezone(UTC))

    def unfinished(self, prefix: str) -> Iterator[Unfinished]:
        """Yield the names under which there are blocks, but no blob."""
        for uri, found in self._blobs(prefix, include=["uncommittedblobs"]):
            if found.size:
                continue
            blob = self._looking(uri)
            try:
                _, blocks = blob.get_block_list("uncommitted")
                is_unfinished = bool(blocks) and not blob.exists()
            except ResourceNotFoundError:
                # Somebody else was quicker.
                continue
            except FAILURES as error:
                raise told(not_listed, prefix, error) from error
            if is_unfinished:
                # Azure need not say when. Then it is left alone, and forgotten after a week.
                written_at: datetime | None = found.last_modified
                at = (written_at or datetime.now(UTC)).astimezone(UTC)
                yield Unfinished(uri, found.name, at, sum(block.size for block in blocks))

    def abandon(self, upload: Unfinished) -> None:
        """Discard the blocks, if no blob has been made of them meanwhile."""
        try:
            discard_blocks(self._looking(upload.uri))
        except FAILURES as error:
            raise told(not_removed, upload.uri, error) from error

    def _check_free(self, uri: str) -> None:
        try:
            properties_of(self._looking(uri))
        except HttpResponseError as error:
            # Not there; or not ours to know, with a SAS token that may write but not read.
            if code_of(error) not in {"BlobNotFound", "AuthorizationPermissionMismatch"}:
                raise not_written(uri, error) from error
        except FAILURES as error:
            raise not_written(uri, error) from error
        else:
            raise occupied(uri)

    def _blobs(self, prefix: str, *, include: list[str]) -> Iterator[tuple[str, BlobProperties]]:
        name, start = bucket_and_prefix(prefix)
        try:
            container = self._client(_LOOK_SECONDS, tries=2).get_container_client(name)
            for found in container.list_blobs(name_starts_with=start or None, include=include):
                yield f"az://{name}/{found.name}", found
        except FAILURES as error:
            raise told(not_listed, prefix, error) from error

    def _looking(self, uri: str) -> BlobClient:
        """Return a client for questions: it gives up within 15 seconds."""
        return self._blob(uri, _LOOK_SECONDS, tries=2)

    def _reading(self, uri: str) -> BlobClient:
        """Return a client for ranges, which are asked for again if it gives up."""
        return self._blob(uri, _READ_SECONDS, tries=2)

    def _writing(self, uri: str) -> BlobClient:
        """Return a client for blocks, which has more patience: nobody else tries again."""
        return self._blob(uri, _WRITE_SECONDS, tries=5)

    def _blob(self, uri: str, seconds: int, *, tries: int) -> BlobClient:
        container, name = bucket_and_key(uri)
        if "\\" in name or {".", ".."} & set(name.split("/")):
            raise InvalidInput(
                f"{uri} cannot be a blob: Azure takes . and .. for folders, and \\ for a slash.",
                field="uri",
                code="bad-uri",
            )
        return self._client(seconds, tries=tries).get_blob_client(container, name)

    def _client(self, seconds: int, *, tries: int) -> BlobServiceClient:
        # A client does not survive a fork.
        known = (os.getpid(), seconds)
        with self._lock:
            if known not in self._clients:
                self._clients[known] = service_client(
                    os.environ,
                    connection_timeout=_CONNECT_SECONDS,
                    read_timeout=seconds,
                    retry_policy=LinearRetry(
                        backoff=1, retry_total=tries - 1, random_jitter_range=0
                    ),
                    max_single_get_size=_LARGEST_READ,
                )
            return self._clients[known]


def _is_folder(found: BlobProperties) -> bool:
    return (found.metadata or {}).get(_FOLDER) == "true"
