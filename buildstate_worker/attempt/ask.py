"""Ask for a milestone: it is done, or it is ours to run."""

import math
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
_MOST_BUSY: Final = 10
"""A pause is so many times as long as it takes to see what would run: large inputs take a while."""


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
    request: Callable[[], ClaimRequest],
    *,
    wait_seconds: float | None = None,
    on_wait: Callable[[Claim], None] | None = None,
    sleep: Callable[[float], object] = time.sleep,
    probe: Callable[[Done], bool] | None = None,
) -> Done | Claimed:
    """Claim a milestone: it is done, or it is ours to run.

    Blocks while another worker has it, or is at work on what it builds on, and while artifacts are
    looked at.

    Args:
        worker: Who asks.
        build: The build's id or number.
        request: Returns what is about to run, if it has to. Called each time it is asked for: while
            somebody else was waited for, files and the machine may have changed.
        wait_seconds: How long to wait for another worker; `None` for no limit.
        on_wait: Called with the answer before each wait for another worker.
        sleep: Waits for so many seconds; it raises if nobody wants the milestone any more.
        probe: Looks whether what the milestone did to the world still holds, before it is
            skipped. `False`: it is gone, and is done again. An exception means that nobody can
            tell: nothing is claimed or run, and the exception goes on to the caller.

    Raises:
        Held: Another worker has it, or what it builds on, longer than `wait_seconds`.
        ArtifactUnreachable: Nobody can tell whether its artifact is there. Nothing is run.
        Refused: Another milestone has to run first.
        Conflict: The build takes no more work.
    """
    deadline = None if wait_seconds is None else time.monotonic() + wait_seconds
    refuted: UUID | None = None
    while True:
        looked_at = time.monotonic()
        wanted = request().model_copy(update={"refuted": refuted})
        asked_at = time.monotonic()
        claim = worker.client.claim(str(build), wanted)
        if claim.decision is ClaimDecision.HELD:
            seconds = max(_POLL_SECONDS, _MOST_BUSY * (asked_at - looked_at))
            seconds = min(seconds, _seconds_left(claim, wanted, deadline))
            if on_wait is not None:
                on_wait(claim)
            sleep(seconds)
        elif claim.decision is ClaimDecision.RUN:
            return Claimed(worker, claim, asked_at=asked_at)
        elif _are_there(claim, worker.artifacts):
            done = _done(claim)
            if not _is_refuted(done, probe):
                return done
            refuted = _refuted(wanted, done)


def _seconds_left(claim: Claim, wanted: ClaimRequest, deadline: float | None) -> float:
    """Return for how many seconds it may still be waited for."""
    if deadline is None:
        return math.inf
    left = deadline - time.monotonic()
    if left <= 0:
        until = claim.lease_until
        shown = "unknown" if until is None else f"{until.astimezone(UTC):%H:%M:%SZ}"
        raise Held(
            f"State {wanted.state} of build {claim.attempt.build} cannot begin: {claim.text} until"
            f" {shown}.",
            holder=claim.holder,
            until=until,
            field="state",
            hint="Run this again after that.",
        )
    return left


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


def _refuted(asked: ClaimRequest, done: Done) -> UUID:
    """Return the attempt to name in the next claim, now that a probe found its effect to be gone.

    Raises:
        Refused: The service was told so, and says all the same that there is nothing to do.
    """
    attempt = done.attempt
    if asked.refuted == attempt.id:
        raise Refused(
            f"State {attempt.state} of build {attempt.build} is gone, as its probe says, but the"
            " service does not have it done again.",
            code="probe-not-heard",
            field="probe",
            hint="Check that the service is of the same release; or have it run again:"
            f" bldst force {attempt.build} --state {attempt.state}",
        )
    return attempt.id
