"""Artifacts in S3 and in what speaks its language (Ceph, MinIO).

An upload is a multipart upload, whatever its size: one way to be right about. It carries a mark of
its own, so that after an answer that was lost the storage can be asked whether what is there is
ours. It is completed as the last step, on the condition that nothing is there, and aborted on any
error. A killed worker leaves an upload that nobody sees, and whose parts cost money until they are
removed: see `unfinished`.

A copy is an upload whose parts the storage takes from another object.
"""

import math
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from botocore.exceptions import ClientError

from buildstate_core.errors import BuildStateError
from buildstate_worker.storage.base import Listed, Unfinished, part_size
from buildstate_worker.storage.failures import not_listed, not_removed, occupied, unreachable
from buildstate_worker.storage.s3.client import Clients, Options
from buildstate_worker.storage.s3.failures import (
    FAILURES,
    NotS3Error,
    code_of,
    is_bare,
    not_readable,
    not_s3,
    not_written,
    told,
)
from buildstate_worker.storage.s3.upload import MARK, MultipartUpload, field_of, found_at
from buildstate_worker.storage.uris import bucket_and_key, bucket_and_prefix

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import HeadObjectOutputTypeDef

PART_BYTES: Final = 16 * 2**20
"""The size of an upload's parts, unless 9 000 would not do."""

COPY_BYTES: Final = 256 * 2**20
"""The same for a copy. The storage has to copy so much before a request's patience ends."""

_MOST_PARTS: Final = 9_000
_REMEMBERED: Final = 1_000


class S3Storage:
    """Artifacts as objects. See `Storage`.

    Raises:
        InvalidInput: A variable of this worker's environment has a value that cannot be.
    """

    parallel = 6
    range_bytes = 16 * 2**20
    keeps_holes = False
    writes_in_order = False

    def __init__(self) -> None:
        self._options = Options.load(os.environ)
        self._clients = Clients(self._options)
        self._seen: dict[str, str] = {}

    def size_of(self, uri: str, *, root: str | None = None) -> int | None:
        """Return the object's size. The bucket tells gone from unreachable without `root`."""
        del root
        head = self._head(uri)
        self._remember(uri, head["ETag"])
        return head["ContentLength"]

    def read(self, uri: str, start: int, size: int, *, root: str | None = None) -> bytes:
        """Return a part of the object's bytes, and only of the object whose size was returned."""
        del root
        bucket, key = bucket_and_key(uri)
        asked: Any = {"IfMatch": self._seen[uri]} if uri in self._seen else {}
        try:
            answer = self._moving().get_object(
                Bucket=bucket, Key=key, Range=f"bytes={start}-{start + size - 1}", **asked
            )
            with answer["Body"] as body:
                if answer["ResponseMetadata"]["HTTPStatusCode"] != HTTPStatus.PARTIAL_CONTENT:
                    why = "the storage sends the whole object when it is asked for a part"
                    raise unreachable(uri, why, hint="Check what answers at AWS_ENDPOINT_URL.")
                return body.read()
        except FAILURES as error:
            if code_of(error) == "InvalidRange":
                return b""
            raise not_readable(uri, error) from error

    @contextmanager
    def create(self, uri: str, *, expected_bytes: int) -> Iterator[MultipartUpload]:
        """Open a multipart upload, which is completed or aborted at the end."""
        with self._uploading(uri, part_bytes=_part_bytes(expected_bytes)) as upload:
            yield upload

    def copy(self, source: str, target: str) -> None:
        """Have the storage copy an object, in parts, several at once."""
        head = self._head(source)
        size = head["ContentLength"]
        part_bytes = _part_bytes(size, at_least=COPY_BYTES)
        with (
            self._uploading(target, part_bytes=part_bytes) as upload,
            ThreadPoolExecutor(self.parallel, thread_name_prefix="bldst-copy") as threads,
        ):
            copying = [
                threads.submit(upload.put_from, source, head["ETag"], number, size)
                for number in range(math.ceil(size / part_bytes))
            ]
            try:
                for each in copying:
                    each.result()
            finally:
                threads.shutdown(wait=True, cancel_futures=True)

    def remove(self, uri: str) -> None:
        """Remove the object; in a bucket with versions, its newest version."""
        bucket, key = bucket_and_key(uri)
        try:
            answer: Any = self._looking().delete_object(Bucket=bucket, Key=key)["ResponseMetadata"]
            if answer["HTTPHeaders"].get("content-length", "0") != "0":
                # It says nothing when it has removed something.
                raise NotS3Error
        except FAILURES as error:
            if code_of(error) != "NoSuchKey":
                raise told(not_removed, uri, error) from error

    def listing(self, prefix: str) -> Iterator[Listed]:
        """Yield the objects whose keys begin with a prefix."""
        bucket, start = bucket_and_prefix(prefix)
        try:
            pages = self._moving().get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=bucket, Prefix=start):
                field_of(page, "IsTruncated")
                for each in page.get("Contents", []):
                    # What a console calls a folder is no artifact.
                    if not each["Key"].endswith("/"):
                        uri = f"s3://{bucket}/{each['Key']}"
                        yield Listed(uri, each["Size"], each["LastModified"])
        except FAILURES as error:
            raise told(not_listed, prefix, error) from error

    def unfinished(self, prefix: str) -> Iterator[Unfinished]:
        """Yield the multipart uploads that are under way or whose worker died."""
        bucket, start = bucket_and_prefix(prefix)
        try:
            pages = self._moving().get_paginator("list_multipart_uploads")
            for page in pages.paginate(Bucket=bucket, Prefix=start):
                field_of(page, "IsTruncated")
                for each in page.get("Uploads", []):
                    uri = f"s3://{bucket}/{each['Key']}"
                    yield self._unfinished(uri, each["UploadId"], each["Initiated"])
        except FAILURES as error:
            raise told(not_listed, prefix, error) from error

    def abandon(self, upload: Unfinished) -> None:
        """Abort the multipart upload, which removes its parts."""
        bucket, key = bucket_and_key(upload.uri)
        try:
            self._looking().abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload.token)
        except FAILURES as error:
            if code_of(error) != "NoSuchUpload":
                raise told(not_removed, upload.uri, error) from error

    def _unfinished(self, uri: str, token: str, begun_at: datetime) -> Unfinished:
        """Look at the parts: an upload that began long ago may be under way all the same."""
        bucket, key = bucket_and_key(uri)
        at, size = begun_at, 0
        pages = self._moving().get_paginator("list_parts")
        try:
            for page in pages.paginate(Bucket=bucket, Key=key, UploadId=token):
                for part in page.get("Parts", []):
                    at, size = max(at, part["LastModified"]), size + part["Size"]
        except ClientError as error:
            # Somebody else was quicker.
            if code_of(error) != "NoSuchUpload":
                raise
        return Unfinished(uri, token, at, size)

    @contextmanager
    def _uploading(self, uri: str, *, part_bytes: int) -> Iterator[MultipartUpload]:
        bucket, key = bucket_and_key(uri)
        try:
            if self._is_occupied(uri):
                raise occupied(uri)
            client = self._moving()
            mark = uuid4().hex
            storing: Any = self._options.storing
            begun = client.create_multipart_upload(
                Bucket=bucket, Key=key, Metadata={MARK: mark}, **storing
            )
            token = field_of(begun, "UploadId")
        except FAILURES as error:
            raise not_written(uri, error) from error
        upload = MultipartUpload(client, uri, token=token, mark=mark, part_bytes=part_bytes)
        try:
            yield upload
            upload.complete()
        except BaseException:
            upload.abort()
            raise

    def _is_occupied(self, uri: str) -> bool:
        try:
            return found_at(self._looking(), uri) is not None
        except ClientError as error:
            # The first request of the upload is told what is the matter, which a HEAD is not.
            if is_bare(error):
                return False
            raise

    def _head(self, uri: str) -> "HeadObjectOutputTypeDef":
        bucket, key = bucket_and_key(uri)
        try:
            client = self._looking()
            head = client.head_object(Bucket=bucket, Key=key)
        except FAILURES as error:
            raise self._not_readable(uri, error) from error
        if not head.get("ETag"):
            raise not_s3(uri)
        return head

    def _not_readable(self, uri: str, error: Exception) -> BuildStateError:
        """Return the error after a failed HEAD; only a GET is told the reason."""
        if is_bare(error):
            bucket, key = bucket_and_key(uri)
            try:
                with self._looking().get_object(Bucket=bucket, Key=key, Range="bytes=0-0")["Body"]:
                    pass
            except FAILURES as told:
                return not_readable(uri, told)
        return not_readable(uri, error)

    def _remember(self, uri: str, etag: str) -> None:
        if len(self._seen) >= _REMEMBERED:
            self._seen.clear()
        self._seen[uri] = etag

    def _looking(self) -> "S3Client":
        return self._clients.looking()

    def _moving(self) -> "S3Client":
        return self._clients.moving()


def _part_bytes(total_bytes: int, *, at_least: int = PART_BYTES) -> int:
    return part_size(total_bytes, at_least=at_least, most_parts=_MOST_PARTS)
