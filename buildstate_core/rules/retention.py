"""Which artifacts are kept, and which are given up.

What an open build could resume from is kept, whatever a policy says, and so is what a person
holds. A policy decides about the rest, by what became of the build and by age.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from buildstate_core.rules import reasons
from buildstate_core.rules.attempts import settled
from buildstate_core.rules.facts import AttemptFact, History
from buildstate_core.rules.fingerprints import upstream_state
from buildstate_core.rules.plan import Planned, plan
from buildstate_core.rules.progress import resume_point
from buildstate_core.vocabulary import TRUNK, BuildStatus, Decision

_CLOSED: Final = frozenset({BuildStatus.COMPLETED, BuildStatus.CANCELLED})
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Policy:
    """For how long a project keeps what no open build needs.

    Attributes:
        keep_delivered_builds: How many of the newest delivered builds keep their checkpoints.
        keep_delivered: Whether what builds delivered is kept for ever.
        keep_days: For how many days everything else is kept.
    """

    keep_delivered_builds: int
    keep_delivered: bool
    keep_days: int


@dataclass(frozen=True, kw_only=True)
class BuildFact:
    """What the rules need to know of a build to tell what it needs.

    Attributes:
        history: Its attempts and those that it inherited.
        finished_at: When it was delivered or cancelled.
        states: Those of its catalogue.
        required: Those of them that no build may lack.
    """

    id: str
    number: int
    history: History
    status: BuildStatus
    finished_at: datetime | None = None
    states: frozenset[int] = frozenset()
    required: frozenset[int] = frozenset()

    @property
    def is_open(self) -> bool:
        """Whether it may still be worked on."""
        return self.status not in _CLOSED


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """An artifact that is decided about: a blob whose bytes are still there.

    Attributes:
        build: The id of the build that made it.
        expires_at: When it is no longer needed, as its maker said.
    """

    id: str
    build: str
    created_at: datetime
    expires_at: datetime | None = None
    is_held: bool = False


@dataclass(frozen=True)
class Verdict:
    """Whether an artifact is kept.

    Attributes:
        reason: Why, as a code.
    """

    artifact_id: str
    keep: bool
    reason: str


def needed(build: BuildFact, *, now: datetime) -> Mapping[str, str]:
    """Return the artifacts that an open build could resume from, each with the reason.

    Those are the checkpoint that each lane, or a new lane, would continue from; what a worker that
    is at work now has restored; and what the milestones that have to run consumed before.

    Args:
        build: The build; a closed one needs nothing.
        now: The database's time.
    """
    if not build.is_open:
        return {}
    known = settled(build.history, now)
    ahead = plan(known, states=build.states, now=now, required=build.required)
    kept = {
        attempt.id: attempt
        for lane in (TRUNK, *known.lanes)
        for attempt in _sources(known.view(lane), ahead)
    }
    reason = reasons.open_build(build.number)
    return {
        each.id: reason for attempt in kept.values() for each in attempt.artifacts if each.is_usable
    } | {
        artifact: reason
        for attempt in build.history.attempts
        if attempt.status.is_live
        for artifact in attempt.restored.union(each.id for each in attempt.artifacts)
    }


def judge_artifacts(
    candidates: Iterable[Candidate],
    builds: Collection[BuildFact],
    *,
    needed_by: Mapping[str, str],
    policy: Policy | None,
    now: datetime,
) -> tuple[Verdict, ...]:
    """Decide about a project's artifacts, in the order in which they are given.

    Args:
        candidates: The artifacts.
        builds: The project's builds.
        needed_by: What is needed, by whichever build, each with the reason.
        policy: The project's policy. `None`: only what has expired by itself is given up.
        now: The database's time.
    """
    reprieved = {} if policy is None else _reprieved(builds, policy)

    def judge(each: Candidate) -> Verdict:
        protected = reasons.ON_HOLD if each.is_held else needed_by.get(each.id)
        if protected is not None:
            return Verdict(each.id, keep=True, reason=protected)
        if each.expires_at is not None and each.expires_at <= now:
            return Verdict(each.id, keep=False, reason=reasons.PAST_EXPIRY)
        if policy is None or each.id in reprieved:
            return Verdict(each.id, keep=True, reason=reprieved.get(each.id, reasons.NO_POLICY))
        if now - each.created_at < timedelta(days=policy.keep_days):
            return Verdict(each.id, keep=True, reason=reasons.young(policy.keep_days))
        return Verdict(each.id, keep=False, reason=reasons.too_old(policy.keep_days))

    return tuple(judge(each) for each in candidates)


def _sources(view: Mapping[int, AttemptFact], ahead: Iterable[Planned]) -> list[AttemptFact]:
    """Return what a lane could continue from, and what it would take on the way."""
    found = [resume_point(view), _highest(view)]
    for each in ahead:
        attempt = view.get(each.state)
        if each.decision is Decision.RESTORE:
            found.append(each.attempt)
        elif each.decision in {Decision.RUN, Decision.WAIT}:
            below = {state: other for state, other in view.items() if state < each.state}
            found.append(resume_point(below))
            found.append(_highest(below))
            if attempt is not None:
                found += [below.get(state) for state in _taken(attempt)]
    return [each for each in found if each is not None]


def _taken(attempt: AttemptFact) -> list[int]:
    states = (upstream_state(part) for part in attempt.fingerprint)
    return [state for state in states if state is not None]


def _highest(view: Mapping[int, AttemptFact]) -> AttemptFact | None:
    standing = (each for each in view.values() if each.is_checkpoint)
    return max(standing, key=lambda each: each.state, default=None)


def _reprieved(builds: Collection[BuildFact], policy: Policy) -> Mapping[str, str]:
    """Return what is kept because it was delivered, or belongs to a recent delivery."""
    delivered = sorted(
        (each for each in builds if each.status is BuildStatus.COMPLETED),
        key=lambda each: (each.finished_at or _LONG_AGO, each.number),
        reverse=True,
    )
    kept: dict[str, str] = {}
    for number, build in enumerate(delivered):
        for lane in build.history.lanes or (TRUNK,):
            view = build.history.view(lane)
            checkpoints = [each for each in view.values() if each.is_checkpoint]
            if number < policy.keep_delivered_builds:
                kept |= _ids(checkpoints, reasons.RECENT_DELIVERY)
            if policy.keep_delivered:
                last = max(view, default=None)
                at_the_end = [view[last]] if last is not None else []
                kept |= _ids([*checkpoints[-1:], *at_the_end], reasons.DELIVERED)
    return kept


def _ids(attempts: Iterable[AttemptFact], reason: str) -> dict[str, str]:
    return {each.id: reason for attempt in attempts for each in attempt.artifacts if each.is_usable}
