"""Ask for a milestone: it is done, or it is ours to run."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC
from typing import Final
from uuid import UUID

from buildstate_core.errors import ArtifactLost, Held, Refused
from buildstate_core.models import Artifact, Attempt, Claim, ClaimRequest, RecordedRead
from buildstate_core.vocabulary import ArtifactStatus, AttemptStatus, ClaimDecision
from buildstate_worker.artifacts import Artifacts
from buildstate_worker.attempt.claimed import Claimed, Worker
from buildstate_worker.attempt.compared import Counted, compared
from buildstate_worker.reads import Compared

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
        reads: What it was seen to read when it was done.
    """

    attempt: Attempt
    artifacts: tuple[Artifact, ...]
    reason: str
    text: str
    is_resume_point: bool
    storage_url: str | None
    reads: tuple[RecordedRead, ...] = ()


@dataclass(frozen=True)
class _Refuted:
    """What the service said is done, and is not.

    Attributes:
        changed_read: What it read and has changed; `None` if a probe said that it is gone.
    """

    attempt: UUID | None = None
    changed_read: str | None = None

    def in_request(self) -> dict[str, object]:
        return {"refuted": self.attempt, "changed_read": self.changed_read}


def ask(
    worker: Worker,
    build: UUID | int,
    request: Callable[[], ClaimRequest],
    *,
    wait_seconds: float | None = None,
    on_wait: Callable[[Claim], None] | None = None,
    sleep: Callable[[float], object] = time.sleep,
    probe: Callable[[Done], bool] | None = None,
    compare: Callable[[Done], Compared] | None = None,
    counted: Callable[[], Counted] = Counted,
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
        compare: Compares what it was seen to read with what is there now, before the probe looks.
        counted: Returns what is known of what is compared, to say it in words.

    Raises:
        Held: Another worker has it, or what it builds on, longer than `wait_seconds`.
        ArtifactUnreachable: Nobody can tell whether its artifact is there. Nothing is run.
        Refused: Another milestone has to run first.
        Conflict: The build takes no more work.
    """
    deadline = None if wait_seconds is None else time.monotonic() + wait_seconds
    refuted = _Refuted()
    while True:
        looked_at = time.monotonic()
        wanted = request().model_copy(update=refuted.in_request())
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
            looked = _looked_at(done, compare)
            done = _with_compared(done, wanted.fingerprint, counted, looked)
            found = _refutation(done, looked, probe)
            if found is None:
                return done
            _check_heard(wanted, found, done)
            refuted = found


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
        reads=claim.discovered,
    )


def _looked_at(done: Done, compare: Callable[[Done], Compared] | None) -> Compared:
    """Compare what it has read, unless a person has said that it is not needed."""
    if compare is None or not done.reads or done.attempt.status is AttemptStatus.WAIVED:
        return Compared(0)
    return compare(done)


def _with_compared(
    done: Done, now: Mapping[str, str], counted: Callable[[], Counted], looked: Compared
) -> Done:
    """Return it with what was compared, unless a person has said that it is not needed."""
    if done.attempt.status is AttemptStatus.WAIVED:
        return done
    what = compared(done.attempt.fingerprint, now, counted(), looked)
    return replace(done, text=f"{done.text}; {what}")


def _refutation(
    done: Done, looked: Compared, probe: Callable[[Done], bool] | None
) -> _Refuted | None:
    """Return what is said against its being done, unless a person has said it is not needed."""
    if done.attempt.status is AttemptStatus.WAIVED:
        return None
    if looked.changed is not None:
        return _Refuted(done.attempt.id, looked.changed)
    return None if probe is None or probe(done) else _Refuted(done.attempt.id)


def _check_heard(asked: ClaimRequest, found: _Refuted, done: Done) -> None:
    """Make sure that the service is not told the same for ever.

    Raises:
        Refused: It was told so, and says all the same that there is nothing to do.
    """
    attempt = done.attempt
    if asked.refuted != attempt.id:
        return
    is_gone = "is gone, as its probe says,"
    if found.changed_read is not None:
        is_gone = f"read {found.changed_read}, which has changed,"
    raise Refused(
        f"State {attempt.state} of build {attempt.build} {is_gone} but the service does not have it"
        " done again.",
        code="probe-not-heard",
        field="probe",
        hint="Check that the service is of the same release; or have it run again:"
        f" bldst force {attempt.build} --state {attempt.state}",
    )
