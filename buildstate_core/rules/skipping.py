"""What may be skipped, as far as the records can tell.

A milestone is skipped only if it is *recorded*, *unchanged*, *available* and *covered*. The first
that does not hold is the reason for running it. Whether an artifact is really in its storage is
for the worker to see, since only the worker has the credentials: it takes a lost one out of use,
and the question is asked again.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from buildstate_core.rules import reasons
from buildstate_core.rules.facts import ArtifactFact, AttemptFact
from buildstate_core.rules.fingerprints import changed_part, upstream_part
from buildstate_core.rules.progress import resume_point
from buildstate_core.vocabulary import ArtifactStatus, AttemptStatus, Kind


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
    view: Mapping[int, AttemptFact], state: int, recipe: Recipe | None = None
) -> Skip | Rerun:
    """Decide from the records whether a milestone may be skipped.

    Args:
        view: A lane's newest attempt by state.
        state: The milestone's state.
        recipe: What would run now; `None` if that is not known, and then taken as unchanged.
    """
    attempt = view.get(state)
    if attempt is None:
        return Rerun(reasons.NEVER_COMPLETED)
    if attempt.status is AttemptStatus.WAIVED:
        return Skip(reasons.WAIVED, attempt)
    missing = _why_not_recorded(attempt)
    if missing is not None:
        return Rerun(missing)
    changed = _why_changed(view, attempt, recipe)
    if changed is not None:
        return Rerun(changed)
    return _covered(view, attempt, (recipe and recipe.kind) or attempt.kind)


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
    lost = attempt.unusable_artifact
    return None if lost is None else _why_unusable(lost)


def _why_unusable(artifact: ArtifactFact) -> str:
    if artifact.unusable_because is not None:
        return artifact.unusable_because
    if artifact.status is ArtifactStatus.REVOKED:
        return reasons.REVOKED
    if artifact.status is ArtifactStatus.EXPIRED:
        return reasons.EXPIRED
    return reasons.ARTIFACT_GONE


def _why_changed(
    view: Mapping[int, AttemptFact], attempt: AttemptFact, recipe: Recipe | None
) -> str | None:
    if recipe is not None:
        current = fingerprint(view, attempt.state, recipe)
    else:
        consumed = (upstream_part(each) for each in view.values() if each.state < attempt.state)
        current = dict(part for part in consumed if part is not None)
    part = changed_part(attempt.fingerprint, current)
    if part is not None:
        return reasons.part_changed(part)
    redone = next((each.state for each in view.values() if _redone_since(each, attempt)), None)
    return None if redone is None else reasons.upstream_changed(redone)


def _redone_since(step: AttemptFact, attempt: AttemptFact) -> bool:
    """Whether a step below ran again; it leaves no digest, so it may have changed anything."""
    return (
        step.state < attempt.state
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
    return tuple(view[each] for each in recipe.consumes if each in view and view[each].is_standing)


def _covered(
    view: Mapping[int, AttemptFact], attempt: AttemptFact, kind: Kind | None
) -> Skip | Rerun:
    if kind in {Kind.EFFECT, Kind.GATE} or (attempt.artifacts and kind is not Kind.EPHEMERAL):
        return Skip(reasons.UNCHANGED, attempt)
    if kind is Kind.EPHEMERAL:
        return Rerun(reasons.NOT_RESTORABLE)
    checkpoint = resume_point(view)
    if (
        checkpoint is not None
        and checkpoint.state > attempt.state
        and checkpoint.order >= attempt.order
    ):
        return Skip(reasons.covered_by(checkpoint.state), attempt)
    return Rerun(reasons.NOT_RESTORABLE)
