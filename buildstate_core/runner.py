"""The milestone runner: claim → check → run → upload → complete.

It exists once. `bldst run` and `@milestone` are two thin faces of it, so it neither runs commands
nor calls functions: it says whether to, keeps the claim alive meanwhile, and records what came of
it.

    runner = Runner(client, artifacts, worker="packer-07")
    begun = runner.begin(Milestone(build=123, state=25, lease_seconds=60))
    if isinstance(begun, Done):
        ...                                  # nothing to do; begun.artifacts is what it left
    else:
        with begun:                          # fails the attempt if the block raises
            ...                              # the work
            begun.complete([Blob(name="image", path=Path("image.qcow2"))])
"""

import contextlib
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from types import TracebackType
from typing import Final, Self
from uuid import UUID

from pydantic import ValidationError

from buildstate_core.artifacts import Artifacts, Blob
from buildstate_core.client import Client
from buildstate_core.errors import (
    ArtifactLost,
    BuildStateError,
    Held,
    NotAllowed,
    StaleClaim,
    Unreachable,
)
from buildstate_core.heartbeat import Heart
from buildstate_core.models import (
    Artifact,
    ArtifactRecord,
    Attempt,
    Claim,
    ClaimRequest,
    Complete,
    Fail,
    Orchestrator,
)
from buildstate_core.vocabulary import TRUNK, ClaimDecision, Kind

_POLL_SECONDS: Final = 1.0
_MAX_MESSAGE: Final = 10_000


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


class Runner:
    """Begins milestones for one worker. Threads may share it.

    Args:
        client: The service.
        artifacts: What looks at and moves artifacts.
        worker: This worker's name, shown to others.
        on_wait: Called with the answer when another worker has the milestone, before each wait.
    """

    def __init__(
        self,
        client: Client,
        artifacts: Artifacts,
        *,
        worker: str,
        on_wait: Callable[[Claim], None] | None = None,
    ) -> None:
        self.client = client
        self.artifacts = artifacts
        self._worker = worker
        self._on_wait = on_wait

    def begin(
        self,
        milestone: Milestone,
        *,
        on_stale: Callable[[StaleClaim], None] | None = None,
    ) -> "Done | Running":
        """Claim a milestone: it is done, or it is ours to run.

        Blocks while another worker has it, and while artifacts are looked at.

        Args:
            milestone: What is about to run.
            on_stale: Called from the heartbeat's thread when the claim turns out to be lost.

        Raises:
            Held: Another worker has it, longer than `wait_seconds`.
            ArtifactUnreachable: Nobody can tell whether its artifact is there. Nothing is run.
            Refused: Another milestone has to run first.
            Conflict: The build takes no more work.
        """
        deadline = None
        if milestone.wait_seconds is not None:
            deadline = time.monotonic() + milestone.wait_seconds
        while True:
            claim = self.client.claim(_ref(milestone.build), self._request(milestone))
            if claim.decision is ClaimDecision.HELD:
                self._wait(claim, deadline)
            elif claim.decision is ClaimDecision.RUN:
                return Running(self, claim, on_stale=on_stale)
            elif self._are_there(claim):
                return Done(
                    attempt=claim.attempt,
                    artifacts=claim.artifacts,
                    reason=claim.reason,
                    text=claim.text,
                    is_resume_point=claim.is_resume_point,
                    storage_url=claim.storage_url,
                )

    def _request(self, milestone: Milestone) -> ClaimRequest:
        return ClaimRequest(
            state=milestone.state,
            lane=milestone.lane,
            kind=milestone.kind,
            worker=self._worker,
            lease_seconds=milestone.lease_seconds,
            fingerprint=dict(milestone.fingerprint),
            consumes=None if milestone.consumes is None else tuple(milestone.consumes),
            machine=None if milestone.machine is None else tuple(milestone.machine),
            rewound=milestone.is_rewound,
            refuted=milestone.refuted,
            orchestrator=milestone.orchestrator,
        )

    def _wait(self, claim: Claim, deadline: float | None) -> None:
        now = time.monotonic()
        if deadline is not None and now >= deadline:
            until = claim.lease_until
            shown = "unknown" if until is None else f"{until.astimezone(UTC):%H:%M:%SZ}"
            raise Held(
                f"State {claim.attempt.state} of build {claim.attempt.build} is held by"
                f" {claim.holder or 'another worker'} until {shown}.",
                holder=claim.holder,
                until=until,
                field="state",
                hint="Run this again after that.",
            )
        if self._on_wait is not None:
            self._on_wait(claim)
        left = _POLL_SECONDS if deadline is None else min(_POLL_SECONDS, deadline - now)
        time.sleep(max(left, 0.0))

    def _are_there(self, claim: Claim) -> bool:
        """Look at the artifacts of a milestone that could be skipped.

        A lost one has been taken out of use by then, and the claim has to be asked again.
        """
        try:
            for artifact in claim.artifacts:
                self.artifacts.check(artifact, root=claim.storage_url)
        except ArtifactLost:
            return False
        return True


class Running:
    """A claimed attempt, kept alive by a heartbeat until it is ended.

    As a context manager it fails the attempt when the block raises, and when the block ends
    without having said how it went.

    Attributes:
        claim: What the claim was answered.
    """

    def __init__(
        self,
        runner: Runner,
        claim: Claim,
        *,
        on_stale: Callable[[StaleClaim], None] | None = None,
    ) -> None:
        assert claim.token is not None  # noqa: S101 - a claim to run has one
        assert claim.lease_seconds is not None  # noqa: S101 - a claim to run has one
        self.claim = claim
        self._runner = runner
        self._token = claim.token
        self._uploaded: list[ArtifactRecord] = []
        self._ended = False
        self._heart = Heart(
            runner.client,
            claim.attempt.id,
            token=claim.token,
            lease_seconds=claim.lease_seconds,
            on_stale=on_stale,
        ).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not self._ended:
            # The error that is on its way says more than one about telling the service of it.
            with contextlib.suppress(BuildStateError):
                self.fail("it ended without a word" if error is None else _message(error))
        self._heart.stop()

    @property
    def attempt(self) -> Attempt:
        """The attempt as it was when it was claimed."""
        return self.claim.attempt

    @property
    def stale(self) -> StaleClaim | None:
        """Why the claim is no longer ours, once the heartbeat has found out."""
        return self._heart.stale

    @property
    def location(self) -> str:
        """Where this attempt, and no other, puts its artifacts."""
        attempt = self.attempt
        root = self._runner.artifacts.root(self.claim.storage_url)
        lane = f"/{attempt.lane}" if attempt.lane else ""
        return f"{root}/{attempt.build}/state-{attempt.state:02d}{lane}/{attempt.id}"

    def complete(
        self,
        outputs: Sequence[Blob | ArtifactRecord] = (),
        *,
        kind: Kind | None = None,
        message: str | None = None,
    ) -> Attempt:
        """Upload what was made, then record it and the completion as one.

        If that fails, the attempt is failed, and what was uploaded is removed.

        Raises:
            StaleClaim: The milestone was lost or taken over meanwhile; nothing is recorded.
            InvalidInput: What should have been made is not there.
            Unreachable: The storage or the service.
        """
        records = self._upload(outputs)
        try:
            done = self._runner.client.complete(
                self.attempt.id,
                Complete(token=self._token, kind=kind, artifacts=records, message=message),
            )
        except (Unreachable, NotAllowed):
            # It may have been recorded all the same, by a try whose answer was lost, so that the
            # uploads must stay.
            self._end()
            raise
        except (BuildStateError, ValidationError) as error:
            self._give_up(error)
            raise
        self._end()
        return done

    def fail(self, message: str, *, is_cancelled: bool = False) -> Attempt:
        """Record that it failed, or that a person stopped it; the lease ends with it.

        Raises:
            StaleClaim: The milestone was lost or taken over meanwhile; nothing is recorded.
        """
        self._end()
        return self._runner.client.fail(
            self.attempt.id,
            Fail(token=self._token, message=_storable(message), cancelled=is_cancelled),
        )

    def _upload(self, outputs: Sequence[Blob | ArtifactRecord]) -> tuple[ArtifactRecord, ...]:
        records = []
        try:
            for output in outputs:
                if isinstance(output, Blob):
                    self._uploaded.append(self._runner.artifacts.push(output, self.location))
                    records.append(self._uploaded[-1])
                else:
                    records.append(output)
        except BaseException as error:
            # A signal too: what was uploaded before it came would stay for ever.
            self._give_up(error)
            raise
        return tuple(records)

    def _give_up(self, error: BaseException) -> None:
        """Fail the attempt, and remove what nothing will ever refer to."""
        with contextlib.suppress(BuildStateError):
            self.fail(_message(error))
        for record in self._uploaded:
            with contextlib.suppress(BuildStateError):
                self._runner.artifacts.discard(record)

    def _end(self) -> None:
        self._ended = True
        self._heart.stop()


def _message(error: BaseException) -> str:
    text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _storable(message: str) -> str:
    return message.replace("\x00", "").encode(errors="replace").decode()[:_MAX_MESSAGE]


def _ref(build: UUID | int) -> str:
    return str(build)
