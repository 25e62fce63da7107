"""Artifacts in S3 and in what speaks its language (Ceph, MinIO), through s3fs.

Where and as whom is the worker's own affair: botocore reads `AWS_ENDPOINT_URL`,
`AWS_ACCESS_KEY_ID`, `AWS_PROFILE` and the rest from its environment.

An upload is a multipart upload, whatever its size. It is completed as the last step and aborted
on any error. A killed worker leaves an upload that nobody sees, and whose parts cost money until
the bucket's lifecycle rule `AbortIncompleteMultipartUpload` removes them.
"""

import math
import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

import aiohttp
import botocore.exceptions
import s3fs

from buildstate_core.errors import BuildStateError
from buildstate_core.transfer.failures import gone, not_stored, occupied, reason_of, unreachable
from buildstate_core.transfer.sinks import Sink
from buildstate_core.transfer.uris import bucket_and_key

PART_BYTES: Final = 16 * 2**20
"""The size of an upload's parts and of a download's requests, unless 10 000 would not do."""

_MOST_PARTS: Final = 9_000
_CONNECT_SECONDS: Final = 3
_LOOK_SECONDS: Final = 5
# The time to send a part counts as waiting for the answer: 16 MiB must get through in it.
_TRANSFER_SECONDS: Final = 60
_FAILURES: Final = (
    OSError,
    botocore.exceptions.BotoCoreError,
    botocore.exceptions.ClientError,
    aiohttp.ClientError,
    # An AWS_ENDPOINT_URL that is no URL.
    ValueError,
)
_CHECK_KEYS: Final = (
    "Check this worker's AWS credentials (AWS_ACCESS_KEY_ID, AWS_PROFILE) and the bucket's policy."
)
_CHECK_BUCKET: Final = "Check the bucket's name, and AWS_ENDPOINT_URL on this worker."
_CHECK_NETWORK: Final = "Check AWS_ENDPOINT_URL and the network on this worker, then try again."


class S3Storage:
    """Artifacts as objects. See `Storage`."""

    def __init__(self) -> None:
        self._clients: dict[tuple[int, int], Any] = {}

    def size_of(self, uri: str, *, root: str | None = None) -> int | None:
        """Give the object's size. The bucket tells gone from unreachable: `root` is not needed."""
        del root
        bucket, key = bucket_and_key(uri)
        try:
            head = self._looking().call_s3("head_object", Bucket=bucket, Key=key)
        except _FAILURES as error:
            raise self._not_readable(uri, error) from error
        return int(head["ContentLength"])

    def read(self, uri: str, *, root: str | None = None) -> Generator[bytes]:
        """Give the object's bytes in blocks. A broken connection is taken up again."""
        del root
        bucket, key = bucket_and_key(uri)
        try:
            with self._moving().open(
                f"{bucket}/{key}", "rb", block_size=PART_BYTES, cache_type="none"
            ) as file:
                while block := file.read(PART_BYTES):
                    yield block
                if file.tell() != file.size:
                    why = f"its bytes ended at {file.tell()} of {file.size}"
                    raise unreachable(uri, why, hint=_CHECK_NETWORK)
        except _FAILURES as error:
            raise self._not_readable(uri, error) from error

    @contextmanager
    def create(self, uri: str, *, expected_bytes: int) -> Iterator[Sink]:
        """Open a multipart upload, which is completed or aborted at the end."""
        upload = self._begin(uri, part_bytes=_part_bytes(expected_bytes))
        try:
            yield upload
            upload.commit()
        except BaseException:
            upload.abort()
            raise

    def remove(self, uri: str) -> None:
        """Remove the object; in a bucket with versions, its newest version."""
        bucket, key = bucket_and_key(uri)
        try:
            self._looking().call_s3("delete_object", Bucket=bucket, Key=key)
        except _FAILURES as error:
            raise _not_written(uri, error) from error

    def _begin(self, uri: str, *, part_bytes: int) -> "_Upload":
        bucket, key = bucket_and_key(uri)
        try:
            self._looking().call_s3("head_object", Bucket=bucket, Key=key)
        except (FileNotFoundError, PermissionError):
            # Not there; or not ours to know, as with a key that may write but not list.
            pass
        except _FAILURES as error:
            raise _not_written(uri, error) from error
        else:
            raise occupied(uri)
        try:
            file = self._moving().open(
                f"{bucket}/{key}", "wb", block_size=part_bytes, autocommit=False
            )
        except _FAILURES as error:
            raise _not_written(uri, error) from error
        return _Upload(uri, file)

    def _not_readable(self, uri: str, error: Exception) -> BuildStateError:
        if not isinstance(error, FileNotFoundError):
            return unreachable(uri, _why(error), hint=_hint(error))
        bucket, _ = bucket_and_key(uri)
        try:
            self._looking().call_s3("head_bucket", Bucket=bucket)
        except FileNotFoundError:
            return unreachable(uri, f"there is no bucket {bucket}", hint=_CHECK_BUCKET)
        except _FAILURES as other:
            return unreachable(uri, _why(other), hint=_hint(other))
        return gone(uri)

    def _looking(self) -> Any:
        """Give the client for questions: it gives up within 15 seconds."""
        return self._client(read_seconds=_LOOK_SECONDS, tries=2, rounds=1)

    def _moving(self) -> Any:
        """Give the client for bytes, which has more patience."""
        return self._client(read_seconds=_TRANSFER_SECONDS, tries=3, rounds=2)

    def _client(self, *, read_seconds: int, tries: int, rounds: int) -> Any:
        # A client does not survive a fork.
        known = (os.getpid(), read_seconds)
        if known not in self._clients:
            client = s3fs.S3FileSystem(
                use_listings_cache=False,
                skip_instance_cache=True,
                fixed_upload_size=True,
                config_kwargs={
                    "connect_timeout": _CONNECT_SECONDS,
                    "read_timeout": read_seconds,
                    "retries": {"mode": "standard", "total_max_attempts": tries},
                },
            )
            # s3fs takes up what botocore has given up on, and answers that break off.
            client.retries = rounds
            self._clients[known] = client
        return self._clients[known]


class _Upload:
    """A multipart upload, as an s3fs file that is committed by hand."""

    def __init__(self, uri: str, file: Any) -> None:
        self._uri = uri
        self._file = file
        self._committing = False

    def write(self, block: bytes, /) -> None:
        try:
            self._file.write(block)
        except _FAILURES as error:
            raise _not_written(self._uri, error) from error

    def commit(self) -> None:
        try:
            self._file.close()
            self._committing = True
            self._file.commit()
        except _FAILURES as error:
            raise _not_written(self._uri, error) from error

    def abort(self) -> None:
        """Leave nothing visible. Quiet: the error that led here is the one to be told."""
        # Or s3fs would go on uploading when the file is collected.
        self._file.closed = True
        with suppress(*_FAILURES):
            self._file.discard()
        if self._committing:
            # The answer may have been lost after the storage had completed the upload.
            bucket, key = bucket_and_key(self._uri)
            with suppress(*_FAILURES):
                self._file.fs.call_s3("delete_object", Bucket=bucket, Key=key)


def _part_bytes(expected_bytes: int) -> int:
    return max(PART_BYTES, math.ceil(expected_bytes / _MOST_PARTS))


def _not_written(uri: str, error: Exception) -> BuildStateError:
    return not_stored(uri, _why(error), hint=_hint(error))


def _why(error: Exception) -> str:
    cause = error.__cause__
    code = ""
    if isinstance(cause, botocore.exceptions.ClientError):
        code = str(cause.response.get("Error", {}).get("Code", ""))
    text = reason_of(error)
    return f"{text} ({code})" if code and code not in text else text


def _hint(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return _CHECK_BUCKET
    credentials = (
        PermissionError,
        botocore.exceptions.NoCredentialsError,
        botocore.exceptions.PartialCredentialsError,
    )
    return _CHECK_KEYS if isinstance(error, credentials) else _CHECK_NETWORK
