"""Builds, their attempts, and plain reports."""

from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field, StrictBool, StringConstraints

from buildstate_core.models.artifacts import Artifact, ArtifactRecords
from buildstate_core.models.base import (
    Labels,
    LaneName,
    ProjectName,
    Request,
    Resource,
    State,
    Text,
    Time,
    Word,
    storable,
)
from buildstate_core.vocabulary import TRUNK, AttemptStatus, BuildStatus, Kind


class BuildCreate(Request):
    """A new build, or the existing one with the same key.

    Without a `key` it is made from version, platform, os and image type, so that the same request
    from any worker means the same build. Without a `version` either, each request is a new build.
    """

    project: ProjectName
    version: Word | None = None
    platform: Word | None = None
    os: Word | None = None
    image_type: Word | None = None
    key: (
        Annotated[str, StringConstraints(min_length=1, max_length=500), AfterValidator(storable)]
        | None
    ) = Field(default=None, examples=["9.6/aws/rhel-9/base"])
    labels: Labels = Field(default_factory=dict)
    restart: StrictBool = Field(
        default=False, description="Supersede the existing build with this key by a new one."
    )

    @property
    def derived_key(self) -> str:
        """The key of a request that has none: `9.6/aws/rhel-9/base`, a dash for what is missing."""
        parts = (self.version, self.platform, self.os, self.image_type)
        return "/".join(part or "-" for part in parts)


class Failure(Resource):
    """The newest failure of a build."""

    state: int
    lane: str
    attempt: int
    message: str | None
    at: Time


class Lane(Resource):
    """Where one lane of a build stands."""

    lane: str
    status: BuildStatus
    current_state: int | None
    frontier: int
    resume_from: int | None


class Build(Resource):
    """One image on its way from 0 to 100."""

    id: UUID
    number: int
    project: str
    key: str
    version: str | None
    platform: str | None
    os: str | None
    image_type: str | None
    labels: dict[str, str]
    status: BuildStatus
    current_state: int | None
    current_state_name: str | None
    progress: int
    frontier: int
    peak: int
    active: tuple[int, ...]
    resume_from: int | None
    lanes: tuple[Lane, ...]
    derived_from: int | None
    catalog_version: int
    failure: Failure | None
    created_at: Time
    started_at: Time | None
    updated_at: Time
    finished_at: Time | None


class Attempt(Resource):
    """One try at a milestone."""

    id: UUID
    build: int
    state: int
    state_name: str | None
    lane: str
    attempt: int
    status: AttemptStatus
    kind: Kind | None
    reason: str | None
    message: str | None
    worker: str | None
    started_at: Time | None
    finished_at: Time | None
    duration_seconds: float | None
    fingerprint: dict[str, str]
    artifacts: tuple[Artifact, ...]


class Report(Request):
    """A plain report about a milestone, without a claim."""

    state: State
    status: Annotated[
        AttemptStatus,
        Field(
            description="pending, in_progress, completed, failed or cancelled.",
            json_schema_extra={
                "enum": ["pending", "in_progress", "completed", "failed", "cancelled"]
            },
        ),
    ]
    lane: LaneName = TRUNK
    message: Text | None = None
    worker: Word | None = None
    at: Time | None = Field(
        default=None, description="When it happened, if that was earlier than now."
    )
    artifacts: ArtifactRecords = ()
