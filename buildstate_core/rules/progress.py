"""Where a build stands: four numbers rather than one, and the status that follows."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from buildstate_core.rules.facts import AttemptFact, History
from buildstate_core.rules.freshness import stale_in
from buildstate_core.vocabulary import TRUNK, AttemptStatus, BuildStatus


@dataclass(frozen=True, kw_only=True)
class LaneProgress:
    """Where one lane stands; the trunk counts as the only lane while nothing branched off."""

    lane: str
    current_state: int | None
    frontier: int
    resume_from: int | None
    status: BuildStatus


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where a whole build stands.

    Attributes:
        current_state: The state of the newest attempt, however it went.
        active: The states being tried now, ascending.
        frontier: The highest completed state with no required state missing and no failed one
            or stale one below it; the minimum over the lanes; 0 before anything completed. A waived
            state counts as completed. An artifact that was lost later does not change what
            completed.
        peak: The highest state that ever completed or was waived. Never falls.
        resume_from: The checkpoint that a rerun continues from; the earliest over the lanes.
        failure: The newest attempt of a lane, or of the trunk, that failed or was lost.
    """

    current_state: int | None
    active: tuple[int, ...]
    frontier: int
    peak: int
    resume_from: int | None
    status: BuildStatus
    lanes: tuple[LaneProgress, ...]
    failure: AttemptFact | None


def progress(
    history: History,
    *,
    last_state: int,
    required: Collection[int] = (),
    is_cancelled: bool = False,
    is_delivered: bool = False,
) -> Progress:
    """Derive where a build stands from its attempts.

    Args:
        history: All of its attempts.
        last_state: The last state of the build's catalogue.
        required: The states of the catalogue that may not be missing.
        is_cancelled: Whether a person cancelled the build.
        is_delivered: Whether it was complete before: what is delivered does not become stale.
    """
    names = history.lanes or (TRUNK,)
    views = {name: history.view(name) for name in names}
    trunk = history.view(TRUNK)
    stale = {name: () if is_delivered else frozenset(stale_in(views[name])) for name in names}
    lanes = tuple(
        _lane(name, view, stale[name], last_state, required) for name, view in views.items()
    )
    newest = max(history.attempts, key=lambda each: each.order, default=None)
    done = [each.state for each in history.attempts if each.status.is_done]
    resume_points = [each.resume_from for each in lanes]
    return Progress(
        current_state=newest.state if newest else None,
        active=tuple(sorted({each.state for each in history.attempts if each.status.is_live})),
        frontier=min(each.frontier for each in lanes),
        peak=max(done, default=0),
        resume_from=None
        if None in resume_points
        else min(p for p in resume_points if p is not None),
        status=BuildStatus.CANCELLED
        if is_cancelled
        else _combined([each.status for each in lanes], trunk),
        lanes=lanes if history.lanes else (),
        failure=_failure([*views.values(), trunk]),
    )


def frontier(
    view: Mapping[int, AttemptFact],
    required: Collection[int] = (),
    *,
    stale: Collection[int] = (),
) -> int:
    """Return the highest completed state below which nothing is missing, failed or stale.

    Args:
        view: A lane's newest attempt by state.
        required: The states that may not be missing.
        stale: The states whose results are stale.
    """
    reached = 0
    missing = sorted(state for state in required if state not in view or not view[state].is_done)
    limit = missing[0] if missing else None
    for state, attempt in sorted(view.items()):
        if (
            (limit is not None and state > limit)
            or attempt.ended_unsuccessfully
            or attempt.is_forced
            or state in stale
        ):
            break
        if attempt.is_done:
            reached = state
    return reached


def resume_point(
    view: Mapping[int, AttemptFact], *, stale: Collection[int] | None = None
) -> AttemptFact | None:
    """Return the highest checkpoint that is fresh, and below which nothing is broken.

    Args:
        view: A lane's newest attempt by state.
        stale: The states whose results are stale, if the caller knows them already.
    """
    found = None
    stale = stale_in(view) if stale is None else stale
    for state, attempt in sorted(view.items()):
        if attempt.is_broken:
            break
        if attempt.is_checkpoint and state not in stale:
            found = attempt
    return found


def _lane(
    name: str,
    view: Mapping[int, AttemptFact],
    stale: Collection[int],
    last_state: int,
    required: Collection[int],
) -> LaneProgress:
    newest = _newest(view)
    checkpoint = resume_point(view, stale=stale)
    reached = frontier(view, required, stale=stale)
    return LaneProgress(
        lane=name,
        current_state=newest.state if newest else None,
        frontier=reached,
        resume_from=checkpoint.state if checkpoint else None,
        status=_status(
            view,
            newest,
            is_at_the_end=reached >= last_state and last_state in view and view[last_state].is_done,
        ),
    )


def _status(
    view: Mapping[int, AttemptFact], newest: AttemptFact | None, *, is_at_the_end: bool
) -> BuildStatus:
    if newest is None or newest.origin is not None:
        return BuildStatus.PENDING
    if _has_failed(newest):
        return BuildStatus.FAILED
    if is_at_the_end and not newest.status.is_live and not _is_worked_on(view):
        return BuildStatus.COMPLETED
    return BuildStatus.IN_PROGRESS


def _combined(lanes: Collection[BuildStatus], trunk: Mapping[int, AttemptFact]) -> BuildStatus:
    """Combine the lanes' status; the trunk has no end of its own, but may fail or be busy."""
    if BuildStatus.FAILED in lanes or _has_failed(_newest(trunk)):
        return BuildStatus.FAILED
    different = set(lanes)
    if len(different) > 1 or (BuildStatus.COMPLETED in different and _is_worked_on(trunk)):
        return BuildStatus.IN_PROGRESS
    return different.pop()


def _failure(views: Collection[Mapping[int, AttemptFact]]) -> AttemptFact | None:
    failed = [each for each in map(_newest, views) if each is not None and _has_failed(each)]
    return max(failed, key=lambda each: each.order, default=None)


def _newest(view: Mapping[int, AttemptFact]) -> AttemptFact | None:
    return max(view.values(), key=lambda each: each.order, default=None)


def _has_failed(attempt: AttemptFact | None) -> bool:
    return attempt is not None and attempt.status in {AttemptStatus.FAILED, AttemptStatus.LOST}


def _is_worked_on(view: Mapping[int, AttemptFact]) -> bool:
    """Return whether a worker holds a claim; a report that was left open is no sign of work."""
    return any(each.status.is_live and each.is_claimed for each in view.values())
