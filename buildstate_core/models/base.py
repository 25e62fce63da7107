"""The two bases of every wire model, and the types that their fields share."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
)

from buildstate_core.vocabulary import MAX_STATE, MIN_STATE

_MAX_BIGINT = 2**63 - 1
_MAX_JSON_DEPTH = 32


def _utc(value: datetime) -> datetime:
    return value.astimezone(UTC)


def storable(value: str) -> str:
    """Refuse what PostgreSQL cannot keep in a text."""
    if "\x00" in value:
        raise ValueError("it contains a NUL character; leave that out")
    return value


def _storable_json(value: JsonValue, depth: int = 0) -> JsonValue:
    if depth > _MAX_JSON_DEPTH:
        raise ValueError(f"it is nested more than {_MAX_JSON_DEPTH} levels deep")
    if isinstance(value, str):
        storable(value).encode()  # a lone surrogate is a ValueError here
    elif isinstance(value, dict):
        for key, each in value.items():
            _storable_json(key, depth)
            _storable_json(each, depth + 1)
    elif isinstance(value, list):
        for each in value:
            _storable_json(each, depth + 1)
    return value


Time = Annotated[AwareDatetime, AfterValidator(_utc)]
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
LaneName = Annotated[
    str,
    StringConstraints(pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]{0,62})?$"),
    Field(examples=["eu-west-1"], description="Empty for the trunk."),
]
ArtifactName = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"),
    Field(examples=["image.qcow2"]),
]
Word = Annotated[str, StringConstraints(min_length=1, max_length=128), AfterValidator(storable)]
Line = Annotated[str, StringConstraints(max_length=1000), AfterValidator(storable)]
Text = Annotated[str, StringConstraints(max_length=10_000), AfterValidator(storable)]
Uri = Annotated[
    str,
    StringConstraints(min_length=1, max_length=4096),
    AfterValidator(storable),
    Field(examples=["s3://builds/rhel-base/123/state-25/image.qcow2"]),
]
Labels = Annotated[dict[Word, Line], Field(max_length=64, examples=[{"team": "platform"}])]
Digests = Annotated[
    dict[
        Annotated[str, StringConstraints(min_length=1, max_length=500), AfterValidator(storable)],
        Line,
    ],
    Field(max_length=500),
]
Metadata = Annotated[dict[str, JsonValue], AfterValidator(_storable_json)]
Token = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(storable)]


class Request(BaseModel):
    """What a client sends. Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Resource(BaseModel):
    """What the service answers."""

    model_config = ConfigDict(extra="ignore", frozen=True)
