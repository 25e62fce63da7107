"""Claims: the exclusive right to work on a milestone."""

from typing import Annotated, Final
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    StrictBool,
    StringConstraints,
    field_validator,
)

from buildstate_core.models.artifacts import Artifact, ArtifactRecords, Transfer
from buildstate_core.models.base import (
    Digests,
    Line,
    PartName,
    Request,
    Resource,
    State,
    StepDigest,
    Text,
    Time,
    Token,
    Word,
    storable,
)
from buildstate_core.models.builds import Attempt, Orchestrator
from buildstate_core.models.names import LaneName
from buildstate_core.models.retention import StorageRules
from buildstate_core.rules.fingerprints import is_of_files
from buildstate_core.vocabulary import TRUNK, ClaimDecision, Kind, Seen

_PATH: Final = Field(
    description="Relative to the project's folder, with slashes; absolute outside of it.",
    examples=["conf/hosts"],
)
ReadPath = Annotated[
    str, StringConstraints(min_length=1, max_length=1000), AfterValidator(storable), _PATH
]
FileDigest = Annotated[
    str, StringConstraints(pattern=r"^[0-9a-f]{64}$"), Field(examples=["0" * 64])
]
MAX_DISCOVERED: Final = 10_000


class _Read(BaseModel):
    path: ReadPath
    what: Seen
    digest: FileDigest | None = Field(
        default=None, description="Of a file's content, or of a folder's names."
    )


class Discovered(_Read, Request):
    """Something that a function was seen to read, without having declared it."""


class RecordedRead(_Read, Resource):
    """The same as it is recorded: see `Discovered`."""


class ClaimRequest(Request):
    """A worker asks for a milestone."""

    state: State
    lane: LaneName = TRUNK
    kind: Kind | None = None
    worker: Word | None = None
    lease_seconds: Annotated[int, Field(strict=True, ge=1, le=86_400)] = 60
    fingerprint: Digests = Field(
        default_factory=dict, description="Part name to digest, of what would run."
    )
    older_fingerprint: Digests | None = Field(
        default=None,
        description="The same as the release before records it, for attempts that were recorded"
        " by it; null: no different.",
    )
    consumes: Annotated[tuple[State, ...], Field(max_length=101)] | None = Field(
        default=None,
        description="States whose artifacts it takes; null for the checkpoint before it.",
    )
    machine: Annotated[tuple[StepDigest, ...], Field(max_length=1000)] | None = Field(
        default=None,
        description="Steps that the working machine holds, each by the `step_digest` of an attempt"
        " that did it; null: not said.",
    )
    inside: Annotated[tuple[UUID, ...], Field(max_length=100)] = Field(
        default=(),
        description="Attempts that the caller itself runs inside of.",
    )
    rewound: Annotated[bool, Field(strict=True)] = Field(
        default=False,
        description="A later milestone starts from before this one: no checkpoint covers it.",
    )
    refuted: UUID | None = Field(
        default=None,
        description="The attempt whose effect on the world a probe found to be gone, or of which"
        " something that it read has changed.",
    )
    changed_read: ReadPath | None = Field(
        default=None,
        description="Of `refuted`: the path of what it read and has changed; null: a probe said"
        " so.",
    )
    max_age_days: Annotated[int, Field(strict=True, ge=0, le=36_500)] | None = Field(
        default=None,
        description="Have it run again if it was done longer ago; null: however long ago.",
    )
    orchestrator: Orchestrator | None = None


class Claim(Resource):
    """The answer to a claim.

    `skip`: `attempt` did it, `artifacts` are what it left, and `discovered` is what it was seen to
    read, which the worker compares. `run`: `attempt` is yours until
    `lease_until`; every write about it carries `token`; `restore` is what the machine needs first;
    with `is_in_place` it holds a step since the checkpoint before, which must not be undone.
    `held`: `attempt` is at work, on it or on a state below that it builds on, by `holder`, until
    `lease_until` unless it renews.
    """

    decision: ClaimDecision
    reason: str
    text: str
    attempt: Attempt
    artifacts: tuple[Artifact, ...] = ()
    is_resume_point: bool = False
    token: str | None = None
    fence: int | None = None
    lease_seconds: int | None = None
    lease_until: Time | None = None
    restore: tuple[Artifact, ...] = ()
    is_in_place: bool = False
    holder: str | None = None
    storage_url: str | None = None
    storage: StorageRules | None = None
    discovered: tuple[RecordedRead, ...] = ()


class Heartbeat(Request):
    """The holder of a claim is alive."""

    token: Token
    transfer: Transfer | None = Field(
        default=None, description="What it moves right now; null for nothing."
    )


class Lease(Resource):
    """A renewed lease."""

    lease_seconds: int
    lease_until: Time


class Complete(Request):
    """The holder of a claim has done its work; artifacts and completion are one write."""

    token: Token
    kind: Kind | None = None
    artifacts: ArtifactRecords = ()
    message: Text | None = None
    revised: Annotated[dict[PartName, Line | None], Field(max_length=500)] = Field(
        default_factory=dict,
        description="Parts of its fingerprint that turned out otherwise once it had run: part name"
        " to digest; null for one that is no input after all.",
    )
    discovered: Annotated[tuple[Discovered, ...], Field(max_length=MAX_DISCOVERED)] = Field(
        default=(), description="What it was seen to read; each path once."
    )

    @field_validator("revised")
    @classmethod
    def _files_only(cls, parts: dict[str, str | None]) -> dict[str, str | None]:
        for part in parts:
            if not is_of_files(part):
                raise ValueError(f"{part} cannot turn out otherwise; only what is read from files")
        return parts

    @field_validator("discovered")
    @classmethod
    def _each_path_once(cls, found: tuple[Discovered, ...]) -> tuple[Discovered, ...]:
        if len({each.path for each in found}) < len(found):
            raise ValueError("a path is named twice; send each once")
        return found


class Fail(Request):
    """The holder of a claim reports that its attempt failed."""

    token: Token
    message: Text
    cancelled: StrictBool = Field(
        default=False, description="A person stopped it; it did not fail by itself."
    )
