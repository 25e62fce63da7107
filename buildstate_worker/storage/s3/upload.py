"""A multipart upload to S3: parts in any order, seen by nobody until it is completed.

An upload carries a mark of its own, so that after a lost answer the storage can be asked whether
the object that is there is ours.
"""

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from buildstate_worker.storage.failures import occupied
from buildstate_worker.storage.s3.failures import (
    FAILURES,
    NotS3Error,
    code_of,
    not_readable,
    not_written,
)
from buildstate_worker.storage.uris import bucket_and_key

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef, HeadObjectOutputTypeDef

MARK: Final = "buildstate-upload"
"""Metadata by which an object is known as the one that an upload made."""


class MultipartUpload:
    """A multipart upload that is under way."""

    def __init__(
        self, client: "S3Client", uri: str, *, token: str, mark: str, part_bytes: int
    ) -> None:
        self.part_bytes = part_bytes
        self._client = client
        self._uri = uri
        self._mark = mark
        bucket, key = bucket_and_key(uri)
        self._about: Any = {"Bucket": bucket, "Key": key, "UploadId": token}
        self._parts: dict[int, CompletedPartTypeDef] = {}
        self._is_completing = False

    def put(self, number: int, part: bytes) -> None:
        """Store one part; see `Upload`."""
        try:
            answer = self._client.upload_part(PartNumber=number + 1, Body=part, **self._about)
            self._keep(number, answer)
        except FAILURES as error:
            raise not_written(self._uri, error) from error

    def put_from(self, source: str, etag: str, number: int, size_bytes: int) -> None:
        """Have the storage fill one part from an object that has so many bytes."""
        bucket, key = bucket_and_key(source)
        start = number * self.part_bytes
        end = min(start + self.part_bytes, size_bytes) - 1
        try:
            answer = self._client.upload_part_copy(
                PartNumber=number + 1,
                CopySource={"Bucket": bucket, "Key": key},
                CopySourceIfMatch=etag,
                CopySourceRange=f"bytes={start}-{end}",
                **self._about,
            )
        except FAILURES as error:
            if code_of(error) in {"NoSuchKey", "InvalidObjectState", "PreconditionFailed"}:
                raise not_readable(source, error) from error
            raise not_written(self._uri, error) from error
        self._keep(number, answer["CopyPartResult"])

    def complete(self) -> None:
        """Make it visible.

        Raises:
            Conflict: There is something at its URI by now.
            Unreachable: The storage failed. Nothing is visible, as far as anybody can tell.
        """
        if not self._parts:
            # S3 does not complete an upload without parts.
            self.put(0, b"")
        self._is_completing = True
        try:
            self._complete_unless_occupied()
        except FAILURES as error:
            # The answer may have been lost, or be the one to a repeated request.
            self._settle(error)

    def abort(self) -> None:
        """Leave nothing visible. Quiet: the error that led here is the one to be told."""
        with suppress(*FAILURES):
            self._client.abort_multipart_upload(**self._about)
        if self._is_completing:
            with suppress(*FAILURES):
                if self._is_mine(found_at(self._client, self._uri)):
                    self._client.delete_object(**self._place())

    def _complete_unless_occupied(self) -> None:
        parts = {"Parts": [self._parts[number] for number in sorted(self._parts)]}
        asked: Any = {**self._about, "MultipartUpload": parts}
        try:
            answer = self._client.complete_multipart_upload(IfNoneMatch="*", **asked)
        except ClientError as error:
            if code_of(error) not in {"NotImplemented", "501"}:
                raise
            # A server that cannot promise it. URIs are unique to an attempt.
            answer = self._client.complete_multipart_upload(**asked)
        field_of(answer, "ETag")

    def _settle(self, error: Exception) -> None:
        """Find out whether it was completed all the same; if not, see to it that it never is."""
        try:
            if self._is_visible():
                return
            with suppress(ClientError):
                self._client.abort_multipart_upload(**self._about)
            if self._is_visible():
                return
        except FAILURES:
            pass
        raise not_written(self._uri, error) from error

    def _is_visible(self) -> bool:
        found = found_at(self._client, self._uri)
        if found is not None and not self._is_mine(found):
            raise occupied(self._uri)
        return found is not None

    def _is_mine(self, found: "HeadObjectOutputTypeDef | None") -> bool:
        return found is not None and found["Metadata"].get(MARK) == self._mark

    def _keep(self, number: int, answer: Any) -> None:
        # Where the worker asks for S3's own checksums, they are needed again at the end.
        kept: Any = {name: value for name, value in answer.items() if name.startswith("Checksum")}
        self._parts[number] = kept | {"PartNumber": number + 1, "ETag": field_of(answer, "ETag")}

    def _place(self) -> Any:
        return {"Bucket": self._about["Bucket"], "Key": self._about["Key"]}


def found_at(client: "S3Client", uri: str) -> "HeadObjectOutputTypeDef | None":
    """Ask what is at a URI. `None`: nothing, or it is not ours to know."""
    bucket, key = bucket_and_key(uri)
    try:
        head = client.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        # A worker may have the right to write, but none to read or to list.
        if code_of(error) in {"404", "403", "NoSuchKey", "AccessDenied"}:
            return None
        raise
    # Without one, it is no answer of S3's. The next request is told so.
    return head if head.get("ETag") else None


def field_of(answer: Any, name: str) -> Any:
    """Return a field that every answer of S3 to such a request has."""
    if name not in answer:
        raise NotS3Error
    return answer[name]
