"""What a rerun would do with each milestone of a build, and why."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from buildstate_core.rules import reasons
from buildstate_core.rules.attempts import settled
from buildstate_core.rules.facts import AttemptFact, History
from buildstate_core.rules.progress import resume_point
from buildstate_core.rules.skipping import Skip, judge
from buildstate_core.rules.underway import in_the_way, with_settled_repeats
from buildstate_core.vocabulary import TRUNK, AttemptStatus, Decision, Kind

_URGENCY: Final = (
    Decision.SKIP,
    Decision.RESTORE,
    Decision.WAIT,
    Decision.REFUSE,
    Decision.RUN,
)
_AT_WORK: Final = frozenset({Decision.RUN, Decision.WAIT})


@dataclass(frozen=True, kw_only=True)
class Planned:
    """What a rerun would do with one milestone.

    Attributes:
        attempt: The attempt that the decision is about, if there is one.
        waits_for: What somebody is at work on, and has to end first.
    """

    state: int
    lane: str
    decision: Decision
    reason: str
    attempt: AttemptFact | None = None
    waits_for: AttemptFact | None = None


def plan(
    history: History,
    *,
    states: Collection[int],
    now: datetime,
    required: Collection[int] = (),
    is_closed: bool = False,
) -> tuple[Planned, ...]:
    """Return what a rerun would do: the trunk, then lane by lane, in ascending order of state.

    The recipe of a rerun is not known here, so it is taken as unchanged. What follows a milestone
    that runs again is planned to run, too; it is skipped after all if that milestone's result is
    the same as before. Set-up that leaves nothing behind runs if anything after it runs, and
    makes nothing after it run.

    Args:
        history: All attempts of the build.
        states: States that are expected beyond those recorded, usually the catalogue's. Those
            below the highest recorded state, of whichever lane, are left out: the pipeline does
            not have them.
        now: The database's time.
        required: States that no build may lack; they are expected wherever they are.
        is_closed: Whether the build no longer takes any work.
    """
    known = settled(history, now)
    trunk = known.view(TRUNK)
    if not known.lanes:
        wanted = _expected(trunk, states, required)
        return tuple(_lane_plan(known, TRUNK, wanted, is_closed=is_closed))
    ahead = _of_lanes(known, states)
    planned = [
        each
        for lane in known.lanes
        for each in _lane_plan(
            known, lane, _expected(known.view(lane), ahead, required), is_closed=is_closed
        )
    ]
    own = [each for each in planned if each.lane != TRUNK]
    seen = {each.state for each in planned if each.lane == TRUNK}
    unseen = {state: each for state, each in trunk.items() if state not in seen}
    behind = _lane_plan(known, TRUNK, (), is_closed=is_closed) if unseen else []
    return tuple(
        _for_all_lanes([each for each in planned if each.lane == TRUNK])
        + [each for each in behind if each.state in unseen]
        + own
    )


def _expected(
    view: Mapping[int, AttemptFact], states: Collection[int], required: Collection[int]
) -> set[int]:
    """Return the states of a lane that are not recorded: those ahead, and the required ones."""
    highest = max(view, default=-1)
    return {*required, *(each for each in states if each > highest)}


def _of_lanes(known: History, states: Collection[int]) -> set[int]:
    """Return the states that lanes have: what one has recorded, and what lies ahead of them all."""
    recorded = {each.state for each in known.attempts if each.lane != TRUNK}
    return recorded | {state for state in states if state > max(recorded)}


def _for_all_lanes(planned: Collection[Planned]) -> list[Planned]:
    """Plan the trunk once: what one lane needs of it is done, whatever the others do without."""
    found: dict[int, Planned] = {}
    for each in planned:
        known = found.get(each.state)
        if known is None or _URGENCY.index(each.decision) > _URGENCY.index(known.decision):
            found[each.state] = each
    return [each for _, each in sorted(found.items())]


def _lane_plan(
    known: History,
    lane: str,
    states: Collection[int],
    *,
    is_closed: bool,
) -> list[Planned]:
    view = known.view(lane)
    settled_view = with_settled_repeats(known, view)
    own = [each.state for each in view.values() if each.lane == lane]
    begin = min(own, default=0)
    planned: list[Planned] = []
    rerun: int | None = None
    for state in sorted({*view, *states}):
        attempt = view.get(state)
        # What a milestone itself did last counts as it ended.
        seen = settled_view if attempt is None else {**settled_view, state: attempt}
        each = replace(
            _decide(seen, state, rerun, is_closed=is_closed),
            lane=attempt.lane if attempt is not None else lane if state >= begin else TRUNK,
        )
        if rerun is None and _may_change_what_follows(each):
            rerun = state
        planned.append(each)
    planned = _without_idle_setup(planned)
    if not is_closed:
        return _with_restore(planned, settled_view)
    return [
        replace(each, decision=Decision.REFUSE, reason=reasons.BUILD_CLOSED)
        if each.decision is Decision.RUN
        else each
        for each in planned
    ]


def _decide(
    view: Mapping[int, AttemptFact], state: int, rerun: int | None, *, is_closed: bool
) -> Planned:
    attempt = view.get(state)
    decided = Planned(state=state, lane=TRUNK, decision=Decision.RUN, reason="", attempt=attempt)
    if attempt is not None and attempt.status.is_live and attempt.is_claimed:
        return replace(decided, decision=Decision.WAIT, reason=reasons.HELD, waits_for=attempt)
    verdict = judge(view, state, is_closed=is_closed)
    if isinstance(verdict, Skip) and verdict.reason == reasons.WAIVED:
        return replace(decided, decision=Decision.SKIP, reason=verdict.reason)
    kind = None if attempt is None else attempt.kind
    busy = None if is_closed else in_the_way(view, state, kind, live=True)
    if busy is not None:
        reason = reasons.held_below(busy.state)
        return replace(decided, decision=Decision.WAIT, reason=reason, waits_for=busy)
    if not isinstance(verdict, Skip):
        return replace(decided, reason=verdict.reason)
    if rerun is not None:
        return replace(decided, reason=reasons.upstream_changed(rerun))
    return replace(decided, decision=Decision.SKIP, reason=verdict.reason)


def _may_change_what_follows(planned: Planned) -> bool:
    """Return whether a new result may differ; that of a step with the same recipe does not."""
    return (
        planned.decision is Decision.RUN
        and planned.reason != reasons.NOT_RESTORABLE
        and not _is_ephemeral(planned)
    )


def _is_ephemeral(planned: Planned) -> bool:
    return planned.attempt is not None and planned.attempt.kind is Kind.EPHEMERAL


def _without_idle_setup(planned: list[Planned]) -> list[Planned]:
    """Skip the completed set-up that nothing comes after."""
    last = max(
        (each.state for each in planned if each.decision in _AT_WORK and not _is_ephemeral(each)),
        default=-1,
    )
    return [
        replace(each, decision=Decision.SKIP, reason=reasons.UNCHANGED)
        if each.attempt is not None
        and _is_ephemeral(each)
        and each.attempt.status is AttemptStatus.COMPLETED
        and each.state > last
        else each
        for each in planned
    ]


def _with_restore(planned: list[Planned], view: Mapping[int, AttemptFact]) -> list[Planned]:
    """Mark the checkpoint that the first milestone to run continues from."""
    running = (each for each in planned if each.decision is Decision.RUN)
    first = next((each.state for each in running if not _is_ephemeral(each)), None)
    if first is None:
        return planned
    checkpoint = resume_point({state: each for state, each in view.items() if state < first})
    return [
        replace(each, decision=Decision.RESTORE)
        if checkpoint is not None and each.state == checkpoint.state
        else each
        for each in planned
    ]
