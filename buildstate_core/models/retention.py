"""What a project says about its artifacts: where they may lie, how, and for how long."""

from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field, StrictBool

from buildstate_core.locations import check_place
from buildstate_core.models.artifacts import Artifact
from buildstate_core.models.base import Request, Resource, Time, Uri
from buildstate_core.vocabulary import Compression, Sensitivity


def _a_place(value: str) -> str:
    check_place(value)
    return value


AllowedPlaces = Annotated[
    dict[
        Sensitivity,
        Annotated[tuple[Annotated[Uri, AfterValidator(_a_place)], ...], Field(max_length=64)],
    ],
    Field(
        examples=[{"secret": ["s3://vault/"]}],
        description="Where artifacts of a label may be stored, as folders;"
        " a label that is not named: anywhere.",
    ),
]


class Retention(Request):
    """For how long a project keeps its blobs.

    Always kept: what an open build could resume from, and what a person holds.
    """

    keep_delivered_builds: Annotated[int, Field(strict=True, ge=0, le=10_000)] = Field(
        default=5, description="How many of the newest delivered builds keep all checkpoints."
    )
    keep_delivered: StrictBool = Field(
        default=True, description="Whether what builds delivered is kept for ever."
    )
    keep_days: Annotated[int, Field(strict=True, ge=0, le=36_500)] = Field(
        default=30, description="For how many days everything else is kept."
    )
    grace_hours: Annotated[int, Field(strict=True, ge=0, le=8_760)] = Field(
        default=24,
        description="How long the bytes stay after they were given up: time to hold them.",
    )


class StorageRules(Resource):
    """What a worker has to know of a project before it stores something.

    Attributes:
        project: The project's name.
        url: Its storage, which may be a template; `None`: the worker's own.
        deduplicate: Whether bytes that the project has already are copied within the storage.
    """

    project: str
    url: str | None = None
    compression: Compression = Compression.AUTO
    deduplicate: bool = False
    allowed_places: dict[Sensitivity, tuple[str, ...]] = Field(default_factory=dict)


class Verdict(Resource):
    """What the policy says about one artifact, and why.

    Attributes:
        keep: Whether it is kept.
        reason: A stable code.
        text: The same in words.
        size_bytes: What it takes up in its storage, if that is known.
    """

    artifact: Artifact
    keep: bool
    reason: str
    text: str
    size_bytes: int | None


class RetentionPlan(Resource):
    """What a project's policy says about its artifacts.

    Attributes:
        dry_run: Whether it was only looked at. Otherwise what is given up has been marked.
        keep_bytes, give_up_bytes: What they take up, as far as sizes are known.
    """

    project: str
    policy: Retention | None
    dry_run: bool
    at: Time
    items: tuple[Verdict, ...]
    keep_count: int
    keep_bytes: int
    give_up_count: int
    give_up_bytes: int
    marked: tuple[UUID, ...] = ()
