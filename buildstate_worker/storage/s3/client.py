"""How this worker speaks to S3: what its environment asks for, and a client that does so.

Where and as whom is for botocore to find, as for every other tool on the worker:
`AWS_ENDPOINT_URL`, `AWS_PROFILE` with or without a role, `AWS_ACCESS_KEY_ID`, an instance's role.
What botocore has no variable for has one of ours:

- `BLDST_S3_ADDRESSING_STYLE`: whether an S3 bucket is in the path or in the host's name: `path`,
  `virtual` or `auto`. Default: `path` with an endpoint of one's own, since MinIO and Ceph need it.
- `BLDST_S3_SSE`: how S3 encrypts what is stored: `AES256` or `aws:kms`. Default: as the
  bucket says.
- `BLDST_S3_KMS_KEY_ID`: the key for `aws:kms`. Default: the account's.
- `BLDST_S3_STORAGE_CLASS`: the S3 storage class of what is stored. Default: as the server says.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from botocore.config import Config

from buildstate_core.errors import InvalidInput
from buildstate_worker.storage.s3.session import AwsClients, Patience

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_STYLES: Final = ("path", "virtual", "auto")
_ENCRYPTIONS: Final = ("AES256", "aws:kms")
_ARCHIVES: Final = ("GLACIER", "DEEP_ARCHIVE")

_MOVE_SECONDS: Final = 60
MOVES: Final = 4
_CONNECTIONS: Final = 50


@dataclass(frozen=True)
class Options:
    """The S3 settings in this worker's environment that botocore does not read.

    Attributes:
        addressing_style: `None`: as the profile says.
        storing: What every new object is given, in the words of the S3 API.
        checksums: When botocore adds checksums of its own to what is sent.
    """

    addressing_style: str | None
    storing: Mapping[str, str]
    checksums: str

    @classmethod
    def load(cls, environ: Mapping[str, str]) -> "Options":
        """Read the environment.

        Raises:
            InvalidInput: A variable has a value that is not allowed.
        """
        style = _one_of(environ, "BLDST_S3_ADDRESSING_STYLE", _STYLES)
        endpoint = environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL")
        encryption = _one_of(environ, "BLDST_S3_SSE", _ENCRYPTIONS)
        asked = {
            "ServerSideEncryption": encryption,
            "SSEKMSKeyId": _kms_key(environ, encryption),
            "StorageClass": _storage_class(environ),
        }
        return cls(
            addressing_style=style or ("path" if endpoint else None),
            storing={name: value for name, value in asked.items() if value},
            checksums=environ.get("AWS_REQUEST_CHECKSUM_CALCULATION") or "when_required",
        )


class Clients:
    """The two clients for S3. Threads share them."""

    def __init__(self, options: Options) -> None:
        s3: dict[str, Any] = {"payload_signing_enabled": False}
        if options.addressing_style is not None:
            s3["addressing_style"] = options.addressing_style
        self._aws = AwsClients(
            Config(
                s3=cast("Any", s3),
                max_pool_connections=_CONNECTIONS,
                tcp_keepalive=True,
                # Every artifact has a digest of its own, which is checked when it is read.
                request_checksum_calculation=cast("Any", options.checksums),
                response_checksum_validation="when_required",
            )
        )

    def looking(self) -> "S3Client":
        """Return the client for questions: it gives up within 15 seconds.

        Raises:
            BotoCoreError: The environment or the config file is wrong.
            ValueError: A value in it, such as the endpoint's URL, is wrong.
        """
        return cast("S3Client", self._aws.get("s3"))

    def moving(self) -> "S3Client":
        """Return the client for bytes, which has more patience.

        Raises:
            BotoCoreError, ValueError: As with `looking`.
        """
        return cast("S3Client", self._aws.get("s3", patience=Patience(_MOVE_SECONDS, MOVES)))


def _one_of(environ: Mapping[str, str], variable: str, values: tuple[str, ...]) -> str | None:
    value = environ.get(variable)
    if value and value not in values:
        raise InvalidInput(
            f"{variable} is {value!r}; use {', '.join(values[:-1])} or {values[-1]}.",
            field=variable,
        )
    return value or None


def _kms_key(environ: Mapping[str, str], encryption: str | None) -> str | None:
    key = environ.get("BLDST_S3_KMS_KEY_ID")
    if key and encryption != "aws:kms":
        raise InvalidInput(
            "BLDST_S3_KMS_KEY_ID names a key, but BLDST_S3_SSE does not say aws:kms.",
            field="BLDST_S3_SSE",
            hint="Set BLDST_S3_SSE=aws:kms as well, or take the key away.",
        )
    return key or None


def _storage_class(environ: Mapping[str, str]) -> str | None:
    variable = "BLDST_S3_STORAGE_CLASS"
    value = environ.get(variable)
    # Ceph's administrators name classes as they like.
    if value and not re.fullmatch(r"[A-Za-z0-9_.-]{1,128}", value):
        raise InvalidInput(
            f"{variable} is {value!r}; use a storage class such as STANDARD_IA.", field=variable
        )
    if value in _ARCHIVES:
        raise InvalidInput(
            f"{variable} is {value!r}; what is stored there cannot be read before it was restored,"
            " so that no build could resume from it.",
            field=variable,
            hint="Use GLACIER_IR, which is read at once, or let a lifecycle rule archive what is"
            " delivered.",
        )
    return value or None
