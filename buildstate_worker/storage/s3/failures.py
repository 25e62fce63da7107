"""What S3 and botocore say when something is wrong, in our words.

Only one answer means that an artifact is gone: `NoSuchKey`, from a bucket that is there. Everything
else means that nobody knows.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

import botocore.exceptions
import botocore.parsers
import urllib3.exceptions

from buildstate_core.errors import BuildStateError
from buildstate_worker.storage.failures import FREE_SPACE, gone, not_stored, reason_of, unreachable
from buildstate_worker.storage.uris import bucket_and_prefix


class NotS3Error(Exception):
    """The answer did not come from S3: a web server may have a page for every path."""


FAILURES: Final = (
    NotS3Error,
    botocore.exceptions.BotoCoreError,
    botocore.exceptions.ClientError,
    botocore.parsers.ResponseParserError,
    urllib3.exceptions.HTTPError,
    OSError,
    # An AWS_ENDPOINT_URL that is no URL.
    ValueError,
)
"""What is raised when S3, the way to it, or the worker's settings fail."""

CHECK_CREDENTIALS: Final = "Check this worker's AWS credentials (AWS_ACCESS_KEY_ID, AWS_PROFILE)."
_CHECK_KEYS: Final = (
    "Check this worker's AWS credentials (AWS_ACCESS_KEY_ID, AWS_PROFILE) and the bucket's policy."
)
_CHECK_BUCKET: Final = "Check the bucket's name, and AWS_ENDPOINT_URL on this worker."
_CHECK_ENDPOINT: Final = "Check AWS_ENDPOINT_URL on this worker."
_CHECK_NETWORK: Final = "Check AWS_ENDPOINT_URL and the network on this worker, then try again."
_CHECK_REGION: Final = (
    "Check AWS_DEFAULT_REGION, or the region of AWS_PROFILE, and AWS_ENDPOINT_URL on this worker."
)
_RENEW: Final = (
    "Renew this worker's AWS credentials (AWS_SESSION_TOKEN, or the login of AWS_PROFILE), then run"
    " this again."
)
_TRY_LATER: Final = "Try again later; look at the storage if it stays so."


class _Saying(NamedTuple):
    what: str
    hint: str


EXPIRED: Final = _Saying("the credentials have expired", _RENEW)
_DENIED: Final = _Saying("access is denied", _CHECK_KEYS)
_UNKNOWN_KEY: Final = _Saying("the storage does not know this access key", _CHECK_KEYS)
_WRONG_REGION: Final = _Saying("the bucket is in another region", _CHECK_REGION)
_BUSY: Final = _Saying("the storage is too busy", _TRY_LATER)
_FULL: Final = _Saying("the storage is full", FREE_SPACE)
_CLOCK: Final = _Saying(
    "this worker's clock and the storage's differ too much",
    "Set the clock of this worker (timedatectl), then run this again.",
)
_ARCHIVED: Final = _Saying(
    "it is archived, and can only be read after it was restored",
    "Restore it first (aws s3api restore-object), wait until that is done, then run this again.",
)
_ENDED: Final = _Saying(
    "somebody ended the upload while it was under way",
    "Check the bucket's lifecycle rule for unfinished uploads, then run this again.",
)
_NOT_S3: Final = _Saying("what answers there does not speak S3", _CHECK_ENDPOINT)
_NO_BUCKET: Final = "there is no bucket"
_KMS: Final = _Saying(
    "the encryption key cannot be used",
    "Check BLDST_S3_KMS_KEY_ID, and that this worker may use that key.",
)

_SAYINGS: Final = {
    "AccessDenied": _DENIED,
    "AllAccessDisabled": _DENIED,
    "AccountProblem": _DENIED,
    "UnauthorizedAccess": _DENIED,
    "403": _DENIED,
    "401": _DENIED,
    "ExpiredToken": EXPIRED,
    "ExpiredTokenException": EXPIRED,
    "TokenRefreshRequired": EXPIRED,
    "RequestExpired": EXPIRED,
    "InvalidAccessKeyId": _UNKNOWN_KEY,
    "InvalidClientTokenId": _UNKNOWN_KEY,
    "InvalidToken": _Saying("the session token is not valid", _RENEW),
    "SignatureDoesNotMatch": _Saying(
        "the secret key does not fit the access key, or something on the way changes requests",
        "Check AWS_SECRET_ACCESS_KEY, and proxies between this worker and the storage.",
    ),
    "RequestTimeTooSkewed": _CLOCK,
    "PermanentRedirect": _WRONG_REGION,
    "TemporaryRedirect": _WRONG_REGION,
    "AuthorizationHeaderMalformed": _WRONG_REGION,
    "IllegalLocationConstraintException": _WRONG_REGION,
    "301": _WRONG_REGION,
    "SlowDown": _BUSY,
    "ServiceUnavailable": _BUSY,
    "Throttling": _BUSY,
    "ThrottlingException": _BUSY,
    "RequestLimitExceeded": _BUSY,
    "429": _BUSY,
    "503": _BUSY,
    "RequestTimeout": _Saying("the connection is too slow", _CHECK_NETWORK),
    "QuotaExceeded": _FULL,
    "InsufficientStorage": _FULL,
    "XMinioStorageFull": _FULL,
    "XMinioAdminBucketQuotaExceeded": _FULL,
    "507": _FULL,
    "InvalidObjectState": _ARCHIVED,
    "NoSuchUpload": _ENDED,
    "InvalidStorageClass": _Saying(
        "the storage does not have this class", "Check BLDST_S3_STORAGE_CLASS on this worker."
    ),
    "PreconditionFailed": _Saying(
        "it was replaced while it was read", "Find out what writes there, then run this again."
    ),
    "400": _Saying("the request was not taken", _CHECK_KEYS),
    "404": _NOT_S3,
    "405": _NOT_S3,
    "": _NOT_S3,
}
"""By S3's error codes. Numbers are HTTP's: the answer had no S3 error in it."""


def code_of(error: BaseException) -> str | None:
    """Return the error code of an answer; `None` if no answer came."""
    if not isinstance(error, botocore.exceptions.ClientError):
        return None
    return str(error.response.get("Error", {}).get("Code", ""))


def is_bare(error: BaseException) -> bool:
    """Return whether an answer had only a status number, as that to a HEAD."""
    code = code_of(error)
    return code is not None and (not code or code.isdigit())


def not_readable(uri: str, error: Exception) -> BuildStateError:
    """Return the error for an object that cannot be read: gone, or nobody can tell."""
    if code_of(error) == "NoSuchKey":
        return gone(uri)
    return told(unreachable, uri, error)


def not_written(uri: str, error: Exception) -> BuildStateError:
    """Return the error for a storage that cannot be written."""
    return told(not_stored, uri, error)


def told(say: Callable[..., BuildStateError], uri: str, error: Exception) -> BuildStateError:
    """Return one of the sentences of `failures`, with the reason and the next step."""
    why, hint = _told(uri, error)
    return say(uri, why, hint=hint)


def not_s3(uri: str) -> BuildStateError:
    """Return the error for an answer that is not S3's."""
    return unreachable(uri, _NOT_S3.what, hint=_NOT_S3.hint)


def _told(uri: str, error: Exception) -> tuple[str, str]:
    code = code_of(error)
    if isinstance(error, NotS3Error | botocore.parsers.ResponseParserError):
        return _NOT_S3.what, _NOT_S3.hint
    if code is None:
        return told_by_client(error)
    bucket, _ = bucket_and_prefix(uri)
    details = error.response.get("Error", {})  # type: ignore[attr-defined]
    text = str(details.get("Message") or "").strip().rstrip(".")
    if code == "NoSuchBucket":
        return f"{_NO_BUCKET} {bucket}", _CHECK_BUCKET
    saying = _KMS if code.startswith("KMS.") else _SAYINGS.get(code)
    if error.operation_name.startswith("AssumeRole"):  # type: ignore[attr-defined]
        what = "the role of AWS_PROFILE cannot be assumed"
        saying = _Saying(f"{what}: {saying.what}" if saying else what, _CHECK_KEYS)
    said = " ".join(part for part in (text, f"({code})" if code else "") if part)
    if saying is None:
        return said, _CHECK_NETWORK
    return f"{saying.what}: {said}" if said else saying.what, saying.hint


def told_by_client(error: Exception, *, otherwise: str | None = None) -> tuple[str, str]:
    """Return in words why no answer came, and what to do about it.

    Args:
        error: What was raised in the place of an answer.
        otherwise: What to do if it is not the credentials; by default, what S3 needs.
    """
    text = reason_of(error)
    if isinstance(error, _LOGIN_ENDED):
        return f"{EXPIRED.what}: {text}", _RENEW
    if isinstance(error, _NO_CREDENTIALS):
        return text, CHECK_CREDENTIALS
    return text, otherwise or (_CHECK_ENDPOINT if isinstance(error, ValueError) else _CHECK_NETWORK)


_LOGIN_ENDED: Final = (
    botocore.exceptions.UnauthorizedSSOTokenError,
    botocore.exceptions.SSOTokenLoadError,
    botocore.exceptions.TokenRetrievalError,
)
_NO_CREDENTIALS: Final = (
    botocore.exceptions.NoCredentialsError,
    botocore.exceptions.PartialCredentialsError,
    botocore.exceptions.CredentialRetrievalError,
    botocore.exceptions.ProfileNotFound,
    botocore.exceptions.ConfigParseError,
    botocore.exceptions.InvalidConfigError,
)
