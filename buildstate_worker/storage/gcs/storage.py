"""Artifacts in Google Cloud Storage: `gs://bucket/path`.

An upload is one resumable upload, whatever its size. A killed worker leaves a session that nobody
can see or list, and that the service forgets after a week.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC
from http import HTTPStatus
from typing import Any, Final
from uuid import uuid4

import requests
from google.api_core.exceptions import (
    NotFound,
    PreconditionFailed,
    RequestRangeNotSatisfiable,
    from_http_response,
)
from google.cloud.storage.retry import DEFAULT_RETRY  # type: ignore[import-untyped]

from buildstate_core.errors import BuildStateError
from buildstate_worker.storage.base import Listed, Unfinished
from buildstate_worker.storage.failures import (
    gone,
    not_listed,
    not_removed,
    not_stored,
    occupied,
    unreachable,
)
from buildstate_worker.storage.gcs.client import Client, Clients
from buildstate_worker.storage.gcs.failures import CHECK_BUCKET, FAILURES, not_readable, told
from buildstate_worker.storage.gcs.upload import ResumableUpload
from buildstate_worker.storage.uris import bucket_and_prefix

_BYTES: Final = "application/octet-stream"
_MARK: Final = "buildstate-copy"
"""Metadata by which a copy is known as ours when the answer was lost."""

_LOOKING: Final[dict[str, Any]] = {
    "timeout": (3, 5),
    "retry": DEFAULT_RETRY.with_timeout(7).with_delay(0.5, 2, 2),
}
"""For questions: gives up within 15 seconds."""

_COPYING: Final[dict[str, Any]] = {
    "timeout": (3, 60),
    "retry": DEFAULT_RETRY.with_timeout(60).with_delay(0.5, 5, 2),
}
"""For each step of a copy, in which the service moves bytes before it answers."""

_READ_TIMEOUT: Final = (3, 20)
_READ_AGAIN: Final = DEFAULT_RETRY.with_timeout(3).with_delay(0.5, 2, 2)
"""For ranges, which are asked for again if this gives up."""


class GcsStorage:
    """Artifacts as objects. See `Storage`."""

    parallel = 8
    range_bytes = 16 * 2**20
    keeps_holes = False
    writes_in_order = True

    def __init__(self) -> None:
        self._clients = Clients()

    def size_of(self, uri: str, *, root: str | None = None) -> int | None:
        """Return the object's size. The bucket tells gone from unreachable without `root`."""
        del root
        try:
            blob = self._clients.here().blob(uri)
            blob.reload(**_LOOKING)
        except FAILURES as error:
            raise self._not_readable(uri, error) from error
        return int(blob.size)

    def read(self, uri: str, start: int, size: int, *, root: str | None = None) -> bytes:
        """Return a range of the object's bytes, as they are stored."""
        del root
        try:
            client = self._clients.here()
            found: bytes = _READ_AGAIN(lambda: _range(client, uri, start, size))()
        except RequestRangeNotSatisfiable:
            return b""
        except FAILURES as error:
            raise self._not_readable(uri, error) from error
        return found

    @contextmanager
    def create(self, uri: str, *, expected_bytes: int) -> Iterator[ResumableUpload]:
        """Open a resumable upload, which is completed or cancelled at the end."""
        del expected_bytes
        upload = self._begin(uri)
        try:
            yield upload
            upload.commit()
        except BaseException:
            generation = upload.abort()
            if generation is not None:
                with suppress(*FAILURES):
                    blob = self._clients.here().blob(uri)
                    blob.delete(if_generation_match=generation, **_LOOKING)
            raise

    def copy(self, source: str, target: str) -> None:
        """Have the service copy an object, in as many steps as it takes."""
        self.size_of(source)
        mark = uuid4().hex
        try:
            client = self._clients.here()
            blob = client.blob(target)
            blob.content_type, blob.metadata = _BYTES, {_MARK: mark}
            token, _, _ = blob.rewrite(client.blob(source), if_generation_match=0, **_COPYING)
            while token is not None:
                token, _, _ = blob.rewrite(
                    client.blob(source), token=token, if_generation_match=0, **_COPYING
                )
        except PreconditionFailed as error:
            if not self._is_ours(target, mark):
                raise occupied(target) from error
        except FAILURES as error:
            raise self._told(not_stored, target, error) from error

    def remove(self, uri: str) -> None:
        """Remove the object; in a bucket with versions, its newest version."""
        try:
            self._clients.here().blob(uri).delete(**_LOOKING)
        except NotFound as error:
            if isinstance(self._bucket_problem(uri), NotFound):
                raise not_removed(uri, _no_bucket(uri), hint=CHECK_BUCKET) from error
        except FAILURES as error:
            raise told(not_removed, uri, error) from error

    def listing(self, prefix: str) -> Iterator[Listed]:
        """Yield the objects whose names begin with a prefix."""
        bucket, start = bucket_and_prefix(prefix)
        try:
            for blob in self._clients.here().storage.list_blobs(
                bucket,
                prefix=start or None,
                fields="items(name,size,timeCreated),nextPageToken",
                **_LOOKING,
            ):
                at = blob.time_created.astimezone(UTC)
                yield Listed(f"gs://{bucket}/{blob.name}", int(blob.size), at)
        except FAILURES as error:
            raise self._told(not_listed, prefix, error) from error

    def unfinished(self, prefix: str) -> Iterator[Unfinished]:
        """Yield nothing: the service does not list them, and forgets them after a week."""
        del prefix
        return iter(())

    def abandon(self, upload: Unfinished) -> None:
        """Do nothing, as there are none."""

    def _begin(self, uri: str) -> ResumableUpload:
        try:
            client = self._clients.here()
            url = client.blob(uri).create_resumable_upload_session(
                content_type=_BYTES, if_generation_match=0, **_LOOKING
            )
        except PreconditionFailed as error:
            raise occupied(uri) from error
        except FAILURES as error:
            raise self._told(not_stored, uri, error) from error
        return ResumableUpload(uri, client.session, url)

    def _is_ours(self, uri: str, mark: str) -> bool:
        try:
            blob = self._clients.here().blob(uri)
            blob.reload(**_LOOKING)
        except FAILURES as error:
            raise told(not_stored, uri, error) from error
        return (blob.metadata or {}).get(_MARK) == mark

    def _not_readable(self, uri: str, error: Exception) -> BuildStateError:
        if not isinstance(error, NotFound):
            return not_readable(uri, error)
        problem = self._bucket_problem(uri)
        if problem is None:
            return gone(uri)
        if isinstance(problem, NotFound):
            return unreachable(uri, _no_bucket(uri), hint=CHECK_BUCKET)
        return not_readable(uri, problem)

    def _told(
        self, say: Callable[..., BuildStateError], uri: str, error: Exception
    ) -> BuildStateError:
        if isinstance(error, NotFound) and isinstance(self._bucket_problem(uri), NotFound):
            return say(uri, _no_bucket(uri), hint=CHECK_BUCKET)
        return told(say, uri, error)

    def _bucket_problem(self, uri: str) -> Exception | None:
        """Look whether the bucket is there, with the one right that those who read have anyhow."""
        bucket, _ = bucket_and_prefix(uri)
        try:
            list(self._clients.here().storage.list_blobs(bucket, max_results=1, **_LOOKING))
        except FAILURES as error:
            return error
        return None


def _range(client: Client, uri: str, start: int, size: int) -> bytes:
    blob = client.blob(uri)
    response = client.session.get(
        f"{client.storage.api_endpoint}/download/storage/v1{blob.path}?alt=media",
        headers={
            "Range": f"bytes={start}-{start + size - 1}",
            # Or the service unpacks what is marked as packed, from the start.
            "Accept-Encoding": "gzip",
        },
        timeout=_READ_TIMEOUT,
        stream=True,
        hooks={"response": _read_refusal},
    )
    with response:
        if response.status_code != HTTPStatus.PARTIAL_CONTENT:
            raise from_http_response(response)  # type: ignore[no-untyped-call]
        found: bytes = response.raw.read(decode_content=False)
    return found


def _read_refusal(response: requests.Response, *_: Any, **__: Any) -> None:
    """Read what is short, so that its connection is used again; an object is not."""
    if response.status_code >= HTTPStatus.BAD_REQUEST:
        # google-auth drops some of these without closing them.
        response.content  # noqa: B018 - a property that reads


def _no_bucket(uri: str) -> str:
    return f"there is no bucket {bucket_and_prefix(uri)[0]}"
