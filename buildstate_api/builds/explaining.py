"""Why a milestone was run, or what a rerun would do with it: part by part of its fingerprint."""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession

from buildstate_api.attempts import lifecycle
from buildstate_api.attempts.history import BuildHistory, load_history
from buildstate_api.attempts.leases import extend_leases_after_outage
from buildstate_api.attempts.queries import attempt as find_attempt
from buildstate_api.builds import queries
from buildstate_api.builds.planning import planned_for, text_of
from buildstate_api.tables import AttemptRow, BuildRow
from buildstate_api.views import maker_number, state_names
from buildstate_core.errors import NotFound
from buildstate_core.models import Explanation, Part, PartChange
from buildstate_core.rules.facts import AttemptFact
from buildstate_core.rules.fingerprints import (
    are_of_one_recorder,
    declared_on_one_side,
    upstream_state,
)
from buildstate_core.rules.plan import Planned
from buildstate_core.rules.reasons import (
    BUILD_CLOSED,
    NEVER_COMPLETED,
    describe,
    part_changed,
)
from buildstate_core.rules.recipes import fingerprint, likely_recipe
from buildstate_core.vocabulary import TRUNK, AttemptStatus, Decision

_NOT_CLAIMED = "it was recorded without a claim, so nothing was decided or compared"


class _Compared(NamedTuple):
    """The attempt that something was compared with, and its build by number."""

    row: AttemptRow
    build: int


async def explain(
    session: AsyncSession, ref: str, state: int, lane: str, attempt: int | None
) -> Explanation:
    """Explain what a rerun would do with a milestone, or why one of its attempts was run.

    Args:
        session: The transaction.
        ref: The build.
        state: The milestone's state.
        lane: The milestone's lane.
        attempt: The number of the attempt; `None` for a rerun.

    Raises:
        NotFound: Nothing is recorded there, and the catalogue does not have it.
    """
    build = await lifecycle.find(session, ref)
    known = await load_history(session, build)
    if lane != TRUNK and lane not in known.history.lanes:
        raise lifecycle.no_lane(build, lane, known.history.lanes)
    if attempt is not None:
        return await _of_attempt(session, build, known, (state, lane, attempt))
    planned = planned_for(build, known, await extend_leases_after_outage(session))
    return _of_rerun(build, known, planned, state, lane)


def _of_rerun(
    build: BuildRow, known: BuildHistory, planned: tuple[Planned, ...], state: int, lane: str
) -> Explanation:
    view = known.history.view(lane)
    newest = view.get(state)
    found = _planned(planned, state, lane, newest)
    if found is None and state not in state_names(build):
        raise _nothing_there(build, state, lane)
    decided = _unplanned(build) if found is None else _decided(found)
    compared = None
    if newest is not None:
        row = known.row(newest)
        compared = _Compared(row, maker_number(build, row))
    return _explanation(
        build,
        (state, lane, None),
        decided,
        compared,
        {} if newest is None else _now(view, newest),
    )


async def _of_attempt(
    session: AsyncSession, build: BuildRow, known: BuildHistory, which: tuple[int, str, int]
) -> Explanation:
    row = next((each for each in known.rows.values() if _is(build, each, which)), None)
    if row is None:
        raise _no_attempt(build, known, which)
    compared = None
    before = row.compared_with and await find_attempt(session, row.compared_with)
    if before:
        compared = _Compared(before, await queries.number(session, before.build_id))
    reason = row.reason or ""
    text = describe(reason) if reason else _NOT_CLAIMED
    decision = Decision.SKIP if row.status == AttemptStatus.WAIVED else Decision.RUN
    return _explanation(build, which, (decision, reason, text), compared, row.fingerprint)


def _planned(
    planned: tuple[Planned, ...], state: int, lane: str, newest: AttemptFact | None
) -> Planned | None:
    """Find what is planned for a milestone; before a lane begins, it shares the trunk's plan."""
    shared = lane if newest is None else newest.lane
    by_lane = {each.lane: each for each in planned if each.state == state}
    return by_lane.get(lane) or by_lane.get(shared)


def _decided(planned: Planned) -> tuple[Decision, str, str]:
    return planned.decision, planned.reason, text_of(planned)


def _unplanned(build: BuildRow) -> tuple[Decision, str, str]:
    """Decide for a state of the catalogue that the pipeline has gone past without running it."""
    if lifecycle.why_closed(build) is not None:
        return Decision.REFUSE, BUILD_CLOSED, describe(BUILD_CLOSED)
    return Decision.RUN, NEVER_COMPLETED, describe(NEVER_COMPLETED)


def _now(view: Mapping[int, AttemptFact], attempt: AttemptFact) -> Mapping[str, str]:
    """Return the fingerprint that the same recipe has on what is recorded now."""
    own = {
        part: digest for part, digest in attempt.fingerprint.items() if upstream_state(part) is None
    }
    recipe = replace(likely_recipe(view, attempt), kind=attempt.kind, parts=own)
    return fingerprint(view, attempt.state, recipe)


def _explanation(
    build: BuildRow,
    which: tuple[int, str, int | None],
    decided: tuple[Decision, str, str],
    compared: _Compared | None,
    now: Mapping[str, str],
) -> Explanation:
    state, lane, attempt = which
    decision, reason, text = decided
    before = {} if compared is None else compared.row.fingerprint
    declared = declared_on_one_side(before, now)
    return Explanation(
        build=build.number,
        state=state,
        state_name=state_names(build).get(state),
        lane=lane,
        attempt=attempt,
        decision=decision,
        reason=reason,
        text=text,
        compared_build=None if compared is None else compared.build,
        compared_attempt=None if compared is None else compared.row.number,
        parts=tuple(
            _part(part, before.get(part), now.get(part), is_change=part in declared, reason=reason)
            for part in sorted({*before, *now})
        ),
    )


def _part(name: str, before: str | None, now: str | None, *, is_change: bool, reason: str) -> Part:
    if before is None or now is None:
        # A state that was put in or out is on one side alone, too, and may be the reason.
        is_change = is_change or part_changed(name) == reason
        change = PartChange.CHANGED if is_change else PartChange.UNKNOWN
    elif before == now:
        change = PartChange.SAME
    else:
        is_change = are_of_one_recorder(before, now) or part_changed(name) == reason
        change = PartChange.CHANGED if is_change else PartChange.UNKNOWN
    return Part(part=name, before=before, now=now, change=change)


def _is(build: BuildRow, row: AttemptRow, which: tuple[int, str, int]) -> bool:
    return row.build_id == build.id and (row.state, row.lane, row.number) == which


def _nothing_there(build: BuildRow, state: int, lane: str) -> NotFound:
    where = f" in lane {lane}" if lane else ""
    return NotFound(
        f"State {state} of build {build.number}{where} has nothing recorded, and is not in its"
        " catalogue.",
        code="state-not-found",
        field="state",
        hint=f"To see its states: bldst plan {build.number}",
    )


def _no_attempt(build: BuildRow, known: BuildHistory, which: tuple[int, str, int]) -> NotFound:
    state, lane, number = which
    numbers = sorted(
        row.number for row in known.rows.values() if _is(build, row, (state, lane, row.number))
    )
    where = f" in lane {lane}" if lane else ""
    return NotFound(
        f"State {state} of build {build.number}{where} has no attempt {number}.",
        code="attempt-not-found",
        field="attempt",
        hint=f"It has: {', '.join(map(str, numbers))}."
        if numbers
        else f"It has none yet; to see the others: bldst build history {build.number}",
    )
