"""The two bases of every wire model, and the types that their fields share."""

import math
import re
from datetime import UTC, datetime
from typing import Annotated, Final

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
)

from buildstate_core.credentials import check_shown
from buildstate_core.locations import ARTIFACT_NAME
from buildstate_core.vocabulary import MAX_STATE, MIN_STATE

_MAX_BIGINT = 2**63 - 1
_MAX_JSON_DEPTH = 32
MAX_IDENTITY: Final = 1000
STEP_DIGEST: Final = r"^(step:[0-9a-f]{64}|attempt:[0-9a-f-]{36})$"
"""What names a step for a machine that holds it; see `Attempt.step_digest`."""
_DATE_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d")


def _date_time(value: object) -> object:
    """Refuse the numbers that pydantic would take for seconds since 1970."""
    if isinstance(value, datetime) or (isinstance(value, str) and _DATE_TIME.match(value)):
        return value
    raise ValueError("it is no RFC 3339 time; write it as 2026-11-24T14:32:10Z")


def _utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("it lies outside the years 1 to 9999 in UTC") from error


def storable(value: str) -> str:
    """Refuse what PostgreSQL cannot keep in a text."""
    if "\x00" in value:
        raise ValueError("it contains a NUL character; leave that out")
    return value


def _shown(value: str) -> str:
    check_shown(value)
    return value


def _encodable(value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise ValueError("it contains half a surrogate pair; use valid Unicode") from error


def _storable_json(value: JsonValue, depth: int = 0) -> JsonValue:
    if depth > _MAX_JSON_DEPTH:
        raise ValueError(f"it is nested more than {_MAX_JSON_DEPTH} levels deep")
    if isinstance(value, str):
        _encodable(storable(value))
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"it contains {value}, which is not a JSON number")
    elif isinstance(value, dict):
        for key, each in value.items():
            _storable_json(key, depth)
            _storable_json(each, depth + 1)
    elif isinstance(value, list):
        for each in value:
            _storable_json(each, depth + 1)
    return value


Time = Annotated[AwareDatetime, BeforeValidator(_date_time), AfterValidator(_utc)]
State = Annotated[int, Field(strict=True, ge=MIN_STATE, le=MAX_STATE, examples=[25])]
Size = Annotated[int, Field(strict=True, ge=0, le=_MAX_BIGINT, examples=[1073741824])]
Checksum = Annotated[
    str,
    StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$"),
    Field(examples=["sha256:" + "0" * 64]),
]
ProjectName = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$"),
    Field(examples=["rhel-base"], description="Lower case letters, digits, dot, dash, underscore."),
]
ArtifactName = Annotated[
    str,
    StringConstraints(pattern=f"^{ARTIFACT_NAME}$"),
    Field(examples=["image.qcow2"]),
]
Word = Annotated[str, StringConstraints(min_length=1, max_length=128), AfterValidator(storable)]
Line = Annotated[str, StringConstraints(max_length=1000), AfterValidator(storable)]
Identity = Annotated[
    str,
    StringConstraints(min_length=1, max_length=MAX_IDENTITY),
    AfterValidator(storable),
    Field(
        examples=["created 2026-11-24T14:32:10.000Z, x86_64, snap-0abc"],
        description="Of a handle: what a probe saw it to be when it was recorded.",
    ),
]
Why = Annotated[
    str,
    StringConstraints(min_length=1, max_length=1000, strip_whitespace=True),
    AfterValidator(storable),
    Field(examples=["the mirror was compromised"], description="Why, for whoever reads it later."),
]
Text = Annotated[str, StringConstraints(max_length=10_000), AfterValidator(storable)]
ListedUri = Annotated[
    str,
    StringConstraints(min_length=1, max_length=4096),
    AfterValidator(storable),
    Field(examples=["s3://builds/rhel-base/123/state-25/image.qcow2"]),
]
Uri = Annotated[ListedUri, AfterValidator(_shown)]
Labels = Annotated[dict[Word, Line], Field(max_length=64, examples=[{"team": "platform"}])]
PartName = Annotated[str, StringConstraints(min_length=1, max_length=500), AfterValidator(storable)]
Digests = Annotated[dict[PartName, Line], Field(max_length=500)]
Metadata = Annotated[dict[str, JsonValue], AfterValidator(_storable_json)]
StepDigest = Annotated[str, StringConstraints(pattern=STEP_DIGEST)]
Token = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(storable)]


class Request(BaseModel):
    """What a client sends. Unknown fields are refused.

    An error's text does not repeat the value, which may be one that nobody should see.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Resource(BaseModel):
    """What the service answers."""

    model_config = ConfigDict(extra="ignore", frozen=True)
