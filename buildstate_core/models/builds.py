"""Builds, their attempts, and plain reports."""

from typing import Annotated
from uuid import UUID

from pydantic import (
    BaseModel,
    BeforeValidator,
    Field,
    StrictBool,
    StringConstraints,
)

from buildstate_core.models.artifacts import Artifact, ArtifactRecords, TransferSeen
from buildstate_core.models.base import (
    Labels,
    Line,
    ProjectName,
    Request,
    Resource,
    State,
    Text,
    Time,
    Word,
)
from buildstate_core.models.names import BuildKey, LaneName, Trait, in_one_form
from buildstate_core.vocabulary import TRUNK, AttemptStatus, BuildStatus, Kind, Trace


def _build_name(value: object) -> object:
    """Take a number as the API shows it, and as a person writes it; a key in its one form."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    name = in_one_form(value)
    if not isinstance(name, str):
        return name
    project, slash, key = name.removeprefix("#").partition("/")
    return f"{project}{slash}{in_one_form(key)}"


BuildName = Annotated[
    str,
    BeforeValidator(_build_name, json_schema_input_type=str | int),
    StringConstraints(min_length=1, max_length=600),
    Field(examples=["123", "rhel-common/9.6"]),
]


class BuildCreate(Request):
    """A new build, or the existing one with the same key.

    Without a `key` it is made from version, platform, os and image type, so that the same request
    from any worker means the same build. Without a `version` either, each request is a new build.
    What it says of an existing build has to be what is recorded, or is recorded if nothing was.
    """

    project: ProjectName
    version: Trait | None = None
    platform: Trait | None = None
    os: Trait | None = None
    image_type: Trait | None = None
    key: BuildKey | None = None
    labels: Labels = Field(default_factory=dict)
    restart: StrictBool = Field(
        default=False, description="Supersede the existing build with this key by a new one."
    )
    derived_from: BuildName | None = Field(
        default=None, description="The build to start from: a number, an id, or PROJECT/KEY."
    )
    derived_state: State | None = Field(
        default=None, description="The checkpoint of it to start from; null for its resume point."
    )
    derived_lane: LaneName = Field(default=TRUNK, description="The lane of it to start from.")

    @property
    def derived_key(self) -> str:
        """The key of a request that has none: `9.6/aws/rhel-9/base`, a dash for what is missing."""
        parts = (self.version, self.platform, self.os, self.image_type)
        return "/".join(part or "-" for part in parts)


class BuildDerive(Request):
    """A new build that starts from a checkpoint of another one.

    What is left out is as in that one. The same request again means the same build.
    """

    from_state: State | None = Field(
        default=None, description="The checkpoint to start from; null for the resume point."
    )
    lane: LaneName = Field(default=TRUNK, description="The lane to start from.")
    project: ProjectName | None = None
    version: Trait | None = None
    platform: Trait | None = None
    os: Trait | None = None
    image_type: Trait | None = None
    key: BuildKey | None = None
    labels: Labels | None = None


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
    """One image on its way from 0 to 100.

    Attributes:
        trace: Whether its project has the commands of `bldst run` traced.
    """

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
    derived_state: int | None = None
    derived_lane: str | None = None
    catalog_version: int
    trace: Trace = Trace.OFF
    failure: Failure | None
    created_at: Time
    started_at: Time | None
    updated_at: Time
    finished_at: Time | None


class _RunBy(BaseModel):
    kind: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,31}$")] = "prefect"
    flow_run_id: UUID
    flow_run_name: Word | None = None
    task_run_id: UUID | None = None
    deployment_id: UUID | None = None
    deployment: Line | None = None
    work_pool: Line | None = None
    worker: Line | None = None
    ui_url: Line | None = None


class Orchestrator(_RunBy, Request):
    """What runs an attempt, so that its own interface leads here and back.

    Attributes:
        kind: `prefect`.
        flow_run_id: The outermost flow run: the one that a deployment started.
        ui_url: Where a person sees it.
    """


class RunBy(_RunBy, Resource):
    """What ran an attempt: see `Orchestrator`."""


class Attempt(Resource):
    """One try at a milestone.

    Attributes:
        compared_with: The attempt that its fingerprint was compared with when it was claimed.
        orchestrator: What ran it, if that is known.
        transfer: What its worker moves right now.
        step_digest: What names it for a machine that holds what it did, as a later claim says in
            `machine`; null for one that was only reported.
    """

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
    compared_with: UUID | None = None
    orchestrator: RunBy | None = None
    transfer: TransferSeen | None = None
    step_digest: str | None = None


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
