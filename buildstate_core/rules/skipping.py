"""What may be skipped, as far as the records can tell.

A milestone is skipped only if it is *recorded*, *unchanged*, *available* and *covered*. The first
that does not hold is the reason for running it. Whether an artifact is really in its storage is
for the worker to see, since only the worker has the credentials: it takes a lost one out of use,
and the question is asked again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from buildstate_core.rules import reasons
from buildstate_core.rules.facts import AttemptFact
from buildstate_core.rules.fingerprints import changed_part, upstream_part, upstream_state
from buildstate_core.rules.progress import resume_point
from buildstate_core.vocabulary import MIN_STATE, ArtifactStatus, AttemptStatus, Kind

_WITHDRAWN: Final = {
    ArtifactStatus.QUARANTINED: reasons.ARTIFACT_GONE,
    ArtifactStatus.REVOKED: reasons.REVOKED,
}
_NOT_KEPT: Final = {
    ArtifactStatus.EXPIRED: reasons.EXPIRED,
    ArtifactStatus.DELETED: reasons.ARTIFACT_GONE,
}


@dataclass(frozen=True)
class Skip:
    """The milestone is done; `attempt` did it."""

    reason: str
    attempt: AttemptFact


@dataclass(frozen=True)
class Rerun:
    """The milestone has to run."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What is about to run at a milestone.

    Attributes:
        kind: What it does, if that was said.
        parts: Its fingerprint without what it consumes: part name to digest.
        consumes: The states whose artifacts it takes; `None` for the checkpoint before it.
    """

    kind: Kind | None = None
    parts: Mapping[str, str]
    consumes: tuple[int, ...] | None = None


def judge(
    view: Mapping[int, AttemptFact],
    state: int,
    recipe: Recipe | None = None,
    *,
    is_closed: bool = False,
) -> Skip | Rerun:
    """Decide from the records whether a milestone may be skipped.

    Args:
        view: A lane's newest attempt by state.
        state: The milestone's state.
        recipe: What would run now; `None` if that is not known, and then taken as unchanged.
        is_closed: Whether the build takes no more work, so that there is no machine for which
            something would have to be done once more.
    """
    attempt = view.get(state)
    if attempt is None:
        return Rerun(reasons.NEVER_COMPLETED)
    if attempt.status is AttemptStatus.WAIVED:
        return Skip(reasons.WAIVED, attempt)
    if _was_left_open(attempt):
        checkpoint = _covering(view, attempt)
        if checkpoint is not None:
            return Skip(reasons.covered_by(checkpoint.state), attempt)
    recipe = recipe or _as_before(attempt)
    reason = (
        _why_not_recorded(attempt)
        or _why_changed(view, attempt, recipe)
        or _why_unavailable(attempt)
    )
    if reason is not None:
        return Rerun(reason)
    verdict = _covered(view, attempt, recipe.kind or attempt.kind)
    if isinstance(verdict, Rerun):
        return Skip(reasons.UNCHANGED, attempt) if is_closed else verdict
    redone = _why_redone(view, attempt, recipe)
    return verdict if redone is None else Rerun(redone)


def fingerprint(view: Mapping[int, AttemptFact], state: int, recipe: Recipe) -> dict[str, str]:
    """Give the whole fingerprint: the recipe's parts, and one for each state it consumes."""
    parts = dict(recipe.parts)
    for consumed in _consumed(view, state, recipe):
        part = upstream_part(consumed)
        if part is not None:
            parts[part[0]] = part[1]
    return parts


def _why_not_recorded(attempt: AttemptFact) -> str | None:
    if attempt.status is AttemptStatus.FAILED:
        return reasons.FAILED_BEFORE
    if attempt.status is AttemptStatus.LOST:
        return reasons.LOST_WORKER
    if attempt.status is not AttemptStatus.COMPLETED:
        return reasons.NEVER_COMPLETED
    return _why_out_of_use(attempt, _WITHDRAWN)


def _why_unavailable(attempt: AttemptFact) -> str | None:
    return _why_out_of_use(attempt, _NOT_KEPT)


def _why_out_of_use(attempt: AttemptFact, by_status: Mapping[ArtifactStatus, str]) -> str | None:
    """Give the reason recorded with the first artifact in one of these statuses, or the usual."""
    found = next((each for each in attempt.artifacts if each.status in by_status), None)
    return None if found is None else found.unusable_because or by_status[found.status]


def _as_before(attempt: AttemptFact) -> Recipe:
    """Give the recipe of something of which only the records are known: what it consumed."""
    states = map(upstream_state, attempt.fingerprint)
    return Recipe(parts={}, consumes=tuple(state for state in states if state is not None))


def _why_changed(
    view: Mapping[int, AttemptFact], attempt: AttemptFact, recipe: Recipe
) -> str | None:
    part = changed_part(attempt.fingerprint, fingerprint(view, attempt.state, recipe))
    return None if part is None else reasons.part_changed(part)


def _why_redone(
    view: Mapping[int, AttemptFact], attempt: AttemptFact, recipe: Recipe
) -> str | None:
    """Give the reason if a step below an unchanged milestone ran again since.

    What a step did below an artifact that is known to be the same is in that artifact, so only
    the steps above it count.
    """
    same = [
        each.state
        for each in _consumed(view, attempt.state, recipe)
        if (part := upstream_part(each)) is not None and part[0] in attempt.fingerprint
    ]
    floor = max(same, default=MIN_STATE - 1)
    redone = (each.state for each in view.values() if _redone_since(each, attempt, floor))
    first = next(redone, None)
    return None if first is None else reasons.upstream_changed(first)


def _redone_since(step: AttemptFact, attempt: AttemptFact, floor: int) -> bool:
    """Whether a step below ran again; it leaves no digest, so it may have changed anything."""
    return (
        floor < step.state < attempt.state
        and step.changed_a_machine_only
        and step.is_claimed
        and step.started_at is not None
        and attempt.ended_at is not None
        and step.started_at > attempt.ended_at
    )


def _consumed(
    view: Mapping[int, AttemptFact], state: int, recipe: Recipe
) -> tuple[AttemptFact, ...]:
    if recipe.consumes is None:
        before = [each for each in view.values() if each.state < state and each.is_checkpoint]
        return (max(before, key=lambda each: each.state),) if before else ()
    below = (view[each] for each in recipe.consumes if each < state and each in view)
    return tuple(each for each in below if each.is_standing)


def _covered(
    view: Mapping[int, AttemptFact], attempt: AttemptFact, kind: Kind | None
) -> Skip | Rerun:
    if kind is Kind.EPHEMERAL:
        return Rerun(reasons.NOT_RESTORABLE)
    if attempt.artifacts or kind in {Kind.EFFECT, Kind.GATE}:
        return Skip(reasons.UNCHANGED, attempt)
    checkpoint = _covering(view, attempt)
    if checkpoint is None:
        return Rerun(reasons.NOT_RESTORABLE)
    return Skip(reasons.covered_by(checkpoint.state), attempt)


def _covering(view: Mapping[int, AttemptFact], step: AttemptFact) -> AttemptFact | None:
    """Give the highest checkpoint that includes what a step did and that a rerun would start from.

    It was made after the step, and nothing from the step up to it has to run again: what has to
    run again starts from before the step.
    """
    last = resume_point(view)
    usable: list[AttemptFact] = []
    for state, each in sorted(view.items(), reverse=True):
        if last is None or not step.state < state <= last.state:
            continue
        recipe = _as_before(each)
        is_covered = any(_is_after(checkpoint, each) for checkpoint in usable)
        has_to_run = (
            (each.status.is_live and not (is_covered and _was_left_open(each)))
            or _why_changed(view, each, recipe) is not None
            or _why_redone(view, each, recipe) is not None
            or (each.changed_a_machine_only and not is_covered)
        )
        if has_to_run:
            usable.clear()
        elif each.is_checkpoint:
            usable.append(each)
    return next((each for each in usable if _is_after(each, step)), None)


def _was_left_open(attempt: AttemptFact) -> bool:
    """Whether it was reported as begun and never as ended: the next states say that it was."""
    return attempt.status is AttemptStatus.IN_PROGRESS and not attempt.is_claimed


def _is_after(checkpoint: AttemptFact, step: AttemptFact) -> bool:
    return checkpoint.order >= step.order
