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
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC
from types import TracebackType
from typing import Final, Self
from uuid import UUID

from pydantic import ValidationError

from buildstate_core.errors import (
    ArtifactLost,
    BuildStateError,
    Held,
    NotAllowed,
    Refused,
    StaleClaim,
    Unreachable,
)
from buildstate_core.models import (
    ArtifactRecord,
    Attempt,
    Claim,
    ClaimRequest,
    Complete,
    Fail,
    Transfer,
)
from buildstate_core.vocabulary import ArtifactStatus, AttemptStatus, ClaimDecision, Kind
from buildstate_worker.artifacts import Artifacts
from buildstate_worker.blobs import Blob, Spot
from buildstate_worker.client import Client
from buildstate_worker.heartbeat import Heart
from buildstate_worker.work import Done, Milestone

__all__ = ["Done", "Milestone", "Runner", "Running", "Stopped"]

_POLL_SECONDS: Final = 1.0
_MAX_MESSAGE: Final = 10_000


class Stopped(BaseException):
    """Somebody asked this process to end. An attempt that this interrupts is cancelled.

    It did not fail by itself, so that nothing has to be mended before it is tried again.
    """


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
        probe: Callable[[Done], bool] | None = None,
    ) -> "Done | Running":
        """Claim a milestone: it is done, or it is ours to run.

        Blocks while another worker has it, and while artifacts are looked at.

        Args:
            milestone: What is about to run.
            on_stale: Called from the heartbeat's thread when the claim turns out to be lost, or,
                for an effect, is about to be.
            probe: Looks whether what the milestone did to the world still holds, before it is
                skipped. `False`: it is gone, and is done again. An exception refuses: nobody can
                tell, so nothing is claimed or run, and the exception goes on to the caller.

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
            asked_at = time.monotonic()
            claim = self.client.claim(_ref(milestone.build), self._request(milestone))
            if claim.decision is ClaimDecision.HELD:
                self._wait(claim, deadline)
            elif claim.decision is ClaimDecision.RUN:
                return Running(self, claim, on_stale=on_stale, asked_at=asked_at)
            elif self._are_there(claim):
                done = _done(claim)
                if not _is_refuted(done, probe):
                    return done
                milestone = _refuted(milestone, done)

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
                # What is not kept any longer is covered by something that is.
                if artifact.status is ArtifactStatus.AVAILABLE:
                    self.artifacts.check(artifact, root=claim.storage_url)
        except ArtifactLost:
            return False
        return True


class Running:
    """A claimed attempt, kept alive by a heartbeat until it is ended.

    As a context manager it fails the attempt when the block raises, and when the block ends
    without having said how it went.

    Args:
        runner: Who has claimed it.
        claim: What the claim was answered.
        on_stale: Called from the heartbeat's thread when the claim is no longer ours.
        asked_at: When it was asked for, by the monotonic clock: the lease runs from then.

    Attributes:
        claim: What the claim was answered.
    """

    def __init__(
        self,
        runner: Runner,
        claim: Claim,
        *,
        on_stale: Callable[[StaleClaim], None] | None = None,
        asked_at: float | None = None,
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
            stops_by_itself=claim.attempt.kind is Kind.EFFECT,
            leased_at=asked_at,
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
                self._fail_of(error)
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
    def spot(self) -> Spot:
        """What this attempt's artifacts belong to."""
        attempt = self.attempt
        return Spot(
            build=attempt.build, state=attempt.state, lane=attempt.lane, attempt=str(attempt.id)
        )

    def check_places(self, blobs: Iterable[Blob]) -> None:
        """Make sure that what will be made can be stored, before work is put into it.

        Raises:
            InvalidInput: It cannot, or not there.
        """
        self._runner.artifacts.check_places(blobs, self.spot, self.claim.storage)

    def note(self, transfer: Transfer) -> None:
        """Take how far this worker is with an artifact's bytes; the next heartbeat says it."""
        is_over = transfer.done_bytes == transfer.total_bytes
        self._heart.note(None if is_over else transfer)

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
                    self._uploaded.append(
                        self._runner.artifacts.push(
                            output, self.spot, self.claim.storage, on_transfer=self.note
                        )
                    )
                    records.append(self._uploaded[-1])
                else:
                    records.append(self._runner.artifacts.probes.identified(output))
        except BaseException as error:
            # A signal too: what was uploaded before it came would stay for ever.
            self._give_up(error)
            raise
        return tuple(records)

    def _give_up(self, error: BaseException) -> None:
        """Fail the attempt, and remove what nothing will ever refer to."""
        with contextlib.suppress(BuildStateError):
            self._fail_of(error)
        for record in self._uploaded:
            with contextlib.suppress(BuildStateError):
                self._runner.artifacts.discard(record)

    def _fail_of(self, error: BaseException | None) -> None:
        if error is None:
            self.fail("it ended without a word")
        else:
            # What is no `Exception` comes from outside: a signal, a person, a task that is stopped.
            is_own = isinstance(error, Exception | SystemExit)
            self.fail(_message(error), is_cancelled=not is_own)

    def _end(self) -> None:
        self._ended = True
        self._heart.stop()


def _done(claim: Claim) -> Done:
    return Done(
        attempt=claim.attempt,
        artifacts=claim.artifacts,
        reason=claim.reason,
        text=claim.text,
        is_resume_point=claim.is_resume_point,
        storage_url=claim.storage_url,
    )


def _is_refuted(done: Done, probe: Callable[[Done], bool] | None) -> bool:
    """Ask the probe, unless a person has said that the milestone is not needed."""
    if probe is None or done.attempt.status is AttemptStatus.WAIVED:
        return False
    return not probe(done)


def _refuted(milestone: Milestone, done: Done) -> Milestone:
    """Give what to claim now that a probe found an effect to be gone.

    Raises:
        Refused: The service was told so, and says all the same that there is nothing to do.
    """
    attempt = done.attempt
    if milestone.refuted == attempt.id:
        raise Refused(
            f"State {attempt.state} of build {attempt.build} is gone, as its probe says, but the"
            " service does not have it done again.",
            code="probe-not-heard",
            field="probe",
            hint="Check that the service is of the same release; or have it run again:"
            f" bldst force {attempt.build} --state {attempt.state}",
        )
    return replace(milestone, refuted=attempt.id)


def _message(error: BaseException) -> str:
    text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _storable(message: str) -> str:
    return message.replace("\x00", "").encode(errors="replace").decode()[:_MAX_MESSAGE]


def _ref(build: UUID | int) -> str:
    return str(build)
