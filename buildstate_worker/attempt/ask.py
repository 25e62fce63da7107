"""Ask for a milestone: it is done, or it is ours to run."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from typing import Final
from uuid import UUID

from buildstate_core.errors import ArtifactLost, Held, Refused
from buildstate_core.models import Artifact, Attempt, Claim, ClaimRequest
from buildstate_core.vocabulary import ArtifactStatus, AttemptStatus, ClaimDecision
from buildstate_worker.artifacts import Artifacts
from buildstate_worker.attempt.claimed import Claimed, Worker

_POLL_SECONDS: Final = 1.0


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


def ask(
    worker: Worker,
    build: UUID | int,
    request: ClaimRequest,
    *,
    wait_seconds: float | None = None,
    on_wait: Callable[[Claim], None] | None = None,
    probe: Callable[[Done], bool] | None = None,
) -> Done | Claimed:
    """Claim a milestone: it is done, or it is ours to run.

    Blocks while another worker has it, and while artifacts are looked at.

    Args:
        worker: Who asks.
        build: The build's id or number.
        request: What is about to run, if it has to.
        wait_seconds: How long to wait for another worker that has it; `None` for no limit.
        on_wait: Called with the answer before each wait for another worker.
        probe: Looks whether what the milestone did to the world still holds, before it is
            skipped. `False`: it is gone, and is done again. An exception means that nobody can
            tell: nothing is claimed or run, and the exception goes on to the caller.

    Raises:
        Held: Another worker has it, longer than `wait_seconds`.
        ArtifactUnreachable: Nobody can tell whether its artifact is there. Nothing is run.
        Refused: Another milestone has to run first.
        Conflict: The build takes no more work.
    """
    deadline = None if wait_seconds is None else time.monotonic() + wait_seconds
    while True:
        asked_at = time.monotonic()
        claim = worker.client.claim(str(build), request)
        if claim.decision is ClaimDecision.HELD:
            _wait(claim, deadline, on_wait)
        elif claim.decision is ClaimDecision.RUN:
            return Claimed(worker, claim, asked_at=asked_at)
        elif _are_there(claim, worker.artifacts):
            done = _done(claim)
            if not _is_refuted(done, probe):
                return done
            request = _refuted(request, done)


def _wait(claim: Claim, deadline: float | None, on_wait: Callable[[Claim], None] | None) -> None:
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
    if on_wait is not None:
        on_wait(claim)
    left = _POLL_SECONDS if deadline is None else min(_POLL_SECONDS, deadline - now)
    time.sleep(max(left, 0.0))


def _are_there(claim: Claim, artifacts: Artifacts) -> bool:
    """Look at the artifacts of a milestone that could be skipped.

    A lost one has been taken out of use by then, and the claim has to be asked for again.
    """
    try:
        for artifact in claim.artifacts:
            # What is not kept any longer is covered by something that is.
            if artifact.status is ArtifactStatus.AVAILABLE:
                artifacts.check(artifact, root=claim.storage_url)
    except ArtifactLost:
        return False
    return True


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


def _refuted(request: ClaimRequest, done: Done) -> ClaimRequest:
    """Return what to claim now that a probe found an effect to be gone.

    Raises:
        Refused: The service was told so, and says all the same that there is nothing to do.
    """
    attempt = done.attempt
    if request.refuted == attempt.id:
        raise Refused(
            f"State {attempt.state} of build {attempt.build} is gone, as its probe says, but the"
            " service does not have it done again.",
            code="probe-not-heard",
            field="probe",
            hint="Check that the service is of the same release; or have it run again:"
            f" bldst force {attempt.build} --state {attempt.state}",
        )
    return request.model_copy(update={"refuted": attempt.id})
