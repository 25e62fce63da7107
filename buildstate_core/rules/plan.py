"""What a rerun would do with each milestone of a build, and why."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from buildstate_core.rules import reasons
from buildstate_core.rules.attempts import is_expired
from buildstate_core.rules.facts import AttemptFact, History
from buildstate_core.rules.progress import resume_point
from buildstate_core.rules.skipping import Skip, judge
from buildstate_core.vocabulary import TRUNK, Decision


@dataclass(frozen=True, kw_only=True)
class Planned:
    """What a rerun would do with one milestone.

    Attributes:
        attempt: The attempt that the decision is about, if there is one.
    """

    state: int
    lane: str
    decision: Decision
    reason: str
    attempt: AttemptFact | None = None


def plan(
    history: History,
    *,
    states: Collection[int],
    now: datetime,
    is_closed: bool = False,
) -> tuple[Planned, ...]:
    """Say what a rerun would do, lane by lane and in ascending order of state.

    The recipe of a rerun is not known here, so it is taken as unchanged. What follows a milestone
    that runs again is shown as running too; it is kept if that gives the same result as before.

    Args:
        history: All attempts of the build.
        states: States that are expected beyond those recorded, usually the catalogue's. Those
            below a lane's highest recorded state are left out: the pipeline does not have them.
        now: The database's time.
        is_closed: Whether the build no longer takes any work.
    """
    return tuple(
        planned
        for lane in history.lanes or (TRUNK,)
        for planned in _lane_plan(lane, history.view(lane), states, now, is_closed=is_closed)
    )


def _lane_plan(
    lane: str,
    view: Mapping[int, AttemptFact],
    states: Collection[int],
    now: datetime,
    *,
    is_closed: bool,
) -> list[Planned]:
    highest = max(view, default=-1)
    planned: list[Planned] = []
    rerun: int | None = None
    for state in sorted({*view, *(each for each in states if each > highest)}):
        decision, reason = _decide(view, state, now, rerun)
        if decision is Decision.RUN:
            rerun = state if rerun is None else rerun
            if is_closed:
                decision, reason = Decision.REFUSE, reasons.BUILD_CLOSED
        planned.append(
            Planned(
                state=state, lane=lane, decision=decision, reason=reason, attempt=view.get(state)
            )
        )
    return _with_restore(planned, view)


def _decide(
    view: Mapping[int, AttemptFact], state: int, now: datetime, rerun: int | None
) -> tuple[Decision, str]:
    attempt = view.get(state)
    if attempt is not None and attempt.status.is_live and attempt.is_claimed:
        if is_expired(attempt, now):
            return Decision.RUN, reasons.LOST_WORKER
        return Decision.WAIT, reasons.HELD
    verdict = judge(view, state)
    if not isinstance(verdict, Skip):
        return Decision.RUN, verdict.reason
    if rerun is not None and verdict.reason != reasons.WAIVED:
        return Decision.RUN, reasons.upstream_changed(rerun)
    return Decision.SKIP, verdict.reason


def _with_restore(planned: list[Planned], view: Mapping[int, AttemptFact]) -> list[Planned]:
    """Mark the checkpoint that the first milestone to run continues from."""
    first = next((each.state for each in planned if each.decision is Decision.RUN), None)
    if first is None:
        return planned
    checkpoint = resume_point({state: each for state, each in view.items() if state < first})
    return [
        Planned(
            state=each.state,
            lane=each.lane,
            decision=Decision.RESTORE,
            reason=each.reason,
            attempt=each.attempt,
        )
        if checkpoint is not None and each.state == checkpoint.state
        else each
        for each in planned
    ]
