"""What may be skipped, as far as the records can tell.

A milestone is skipped only if it is *recorded*, *unchanged*, *available* and *covered*. The first
that does not hold is the reason for running it. Whether an artifact is really in its storage is
for the worker to see, since only the worker has the credentials: it takes a lost one out of use,
and the question is asked again.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from buildstate_core.rules import reasons
from buildstate_core.rules.facts import ArtifactFact, AttemptFact
from buildstate_core.rules.fingerprints import includes_step
from buildstate_core.rules.progress import resume_point
from buildstate_core.rules.recipes import Recipe, likely_recipe, recorded_recipe, why_changed
from buildstate_core.vocabulary import ArtifactStatus, AttemptStatus, Kind

_USUAL: Final = {
    ArtifactStatus.QUARANTINED: reasons.ARTIFACT_GONE,
    ArtifactStatus.REVOKED: reasons.REVOKED,
    ArtifactStatus.EXPIRED: reasons.EXPIRED,
    ArtifactStatus.DELETED: reasons.ARTIFACT_GONE,
}
"""Why an artifact is not to be used, where that was not recorded."""


@dataclass(frozen=True)
class Skip:
    """The milestone is done; `attempt` did it."""

    reason: str
    attempt: AttemptFact


@dataclass(frozen=True)
class Rerun:
    """The milestone has to run."""

    reason: str


def judge(
    view: Mapping[int, AttemptFact],
    state: int,
    recipe: Recipe | None = None,
    *,
    branches: Collection[Mapping[int, AttemptFact]] = (),
    is_closed: bool = False,
) -> Skip | Rerun:
    """Decide from the records whether a milestone may be skipped.

    Args:
        view: A lane's newest attempt by state.
        state: The milestone's state.
        recipe: What would run now; `None` if that is not known, and then taken as unchanged.
        branches: What the lanes see that branch off it. Where a lane has a checkpoint that includes
            a step of the trunk, the step need not run for that lane; another lane says so when it
            needs it.
        is_closed: Whether the build takes no more work, so that there is no machine for which
            something would have to be done once more.
    """
    attempt = view.get(state)
    if attempt is None:
        return Rerun(reasons.NEVER_COMPLETED)
    if attempt.status is AttemptStatus.WAIVED and not attempt.is_forced:
        return Skip(reasons.WAIVED, attempt)
    checkpoint = _covering(view, attempt) if _was_left_open(attempt) else None
    if checkpoint is not None:
        return Skip(reasons.covered_by(checkpoint.state), attempt)
    recipe = recipe or likely_recipe(view, attempt)
    reason = why_not_recorded(attempt) or why_changed(view, attempt, recipe)
    if reason is not None:
        return Rerun(reason)
    kind = recipe.kind or attempt.kind
    not_kept = attempt.unusable_artifact
    if not_kept is not None and not_kept.is_sound:
        return _no_longer_kept(view, attempt, kind, is_closed=is_closed)
    return _covered([view, *branches], attempt, kind, is_closed=is_closed)


def why_not_recorded(attempt: AttemptFact) -> str | None:
    """Return why an attempt is not the record of a result that may be used, or `None` if it is."""
    if attempt.is_forced:
        return reasons.FORCED
    if attempt.status is AttemptStatus.FAILED:
        return reasons.FAILED_BEFORE
    if attempt.status is AttemptStatus.LOST:
        return reasons.LOST_WORKER
    if attempt.status is AttemptStatus.CANCELLED:
        # It was stopped, not mended: why it had to run is still why.
        return attempt.reason or reasons.NEVER_COMPLETED
    if attempt.status is not AttemptStatus.COMPLETED:
        return reasons.NEVER_COMPLETED
    lost = next((each for each in attempt.artifacts if not each.is_sound), None)
    return None if lost is None else why_out_of_use(lost)


def why_out_of_use(artifact: ArtifactFact) -> str:
    """Return why an artifact is not to be used."""
    return artifact.unusable_because or _USUAL[artifact.status]


def _no_longer_kept(
    view: Mapping[int, AttemptFact], attempt: AttemptFact, kind: Kind | None, *, is_closed: bool
) -> Skip | Rerun:
    """Decide about what was done well, and of which not everything is kept any longer.

    A later checkpoint includes it, as it includes a step. What changed the world, or gave a
    verdict, has not become undone.
    """
    assert attempt.unusable_artifact is not None  # noqa: S101 - as the caller has seen
    checkpoint = _covering(view, attempt)
    if checkpoint is not None:
        return Skip(reasons.covered_by(checkpoint.state), attempt)
    if is_closed or kind in {Kind.EFFECT, Kind.GATE}:
        return Skip(reasons.UNCHANGED, attempt)
    return Rerun(why_out_of_use(attempt.unusable_artifact))


def _covered(
    views: Collection[Mapping[int, AttemptFact]],
    attempt: AttemptFact,
    kind: Kind | None,
    *,
    is_closed: bool,
) -> Skip | Rerun:
    inherited = None if attempt.origin is None else reasons.derived_from(attempt.origin)
    if kind is not Kind.EPHEMERAL:
        if kind in {Kind.EFFECT, Kind.GATE} or not attempt.changed_a_machine_only:
            return Skip(inherited or reasons.UNCHANGED, attempt)
        found = (_covering(view, attempt) for view in views if view.get(attempt.state) is attempt)
        checkpoint = next((each for each in found if each is not None), None)
        if checkpoint is not None:
            return Skip(inherited or reasons.covered_by(checkpoint.state), attempt)
    return Skip(reasons.UNCHANGED, attempt) if is_closed else Rerun(reasons.NOT_RESTORABLE)


def _covering(view: Mapping[int, AttemptFact], step: AttemptFact) -> AttemptFact | None:
    """Return the highest checkpoint that includes a step's effect and that a rerun starts from.

    It was made after the step, or after the step had been done with the same recipe, and nothing
    from the step up to it has to run again: what has to run again starts from before the step.
    """
    last = resume_point(view)
    usable: list[AttemptFact] = []
    for state, each in sorted(view.items(), reverse=True):
        if last is None or not step.state < state <= last.state:
            continue
        is_covered = any(_includes(checkpoint, each) for checkpoint in usable)
        has_to_run = (
            (each.status.is_live and not (is_covered and _was_left_open(each)))
            or why_changed(view, each, recorded_recipe(view, each)) is not None
            or (each.changed_a_machine_only and not is_covered)
        )
        if has_to_run:
            usable.clear()
        elif each.is_checkpoint:
            usable.append(each)
    return next((each for each in usable if _includes(each, step)), None)


def _was_left_open(attempt: AttemptFact) -> bool:
    """Return whether it was reported as begun and never as ended; later states imply its end."""
    return attempt.status is AttemptStatus.IN_PROGRESS and not attempt.is_claimed


def _includes(checkpoint: AttemptFact, step: AttemptFact) -> bool:
    """Return whether a checkpoint was made after a step, or after the same step was done before."""
    return checkpoint.order >= step.order or includes_step(checkpoint.fingerprint, step)
