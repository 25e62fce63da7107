"""What a worker asks the runner for, and the answer that there is nothing to run."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from buildstate_core.models import Artifact, Attempt, Orchestrator
from buildstate_core.vocabulary import TRUNK, Kind


@dataclass(frozen=True, kw_only=True)
class Milestone:
    """What is about to run, if it has to.

    Attributes:
        build: The build's id or number.
        lease_seconds: After how long without a heartbeat the claim is lost.
        fingerprint: Part name to digest, of what would run.
        consumes: The states whose artifacts it takes; `None` for the checkpoint before it.
        machine: The attempts whose results the working machine holds; `None` for not said.
        is_rewound: Whether a later milestone starts from before this one, so that no later
            checkpoint stands in for it.
        refuted: The attempt whose effect on the world a probe found to be gone.
        orchestrator: What runs it, so that its own interface leads here and back.
        wait_seconds: How long to wait for another worker that has it; `None` for no limit.
    """

    build: UUID | int
    state: int
    lease_seconds: int
    lane: str = TRUNK
    kind: Kind | None = None
    fingerprint: Mapping[str, str] = field(default_factory=dict)
    consumes: Sequence[int] | None = None
    machine: Collection[UUID] | None = None
    is_rewound: bool = False
    refuted: UUID | None = None
    orchestrator: Orchestrator | None = None
    wait_seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class Done:
    """There is nothing to run; what the milestone left is where it should be.

    Attributes:
        reason, text: Why, as a code and in words.
        is_resume_point: Whether the next milestone continues from it.
        storage_url: The storage of the build's project.
    """

    attempt: Attempt
    artifacts: tuple[Artifact, ...]
    reason: str
    text: str
    is_resume_point: bool
    storage_url: str | None
