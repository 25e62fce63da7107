"""Making earlier calls of a session again, when a skip proves wrong later.

A skipped milestone's artifact may turn out gone or corrupt when it is pulled, or a step may be
missing on this machine. The calls of this session below are then made again, in order, through the
same path: what is still good is skipped again, the rest runs. Objects that the flow holds are the
same afterwards, with what was made anew behind them.
"""

import asyncio
import functools
import inspect
from collections.abc import Callable, Collection
from contextvars import ContextVar
from pathlib import Path
from typing import Any, TypeVar

from prefect.utilities.callables import call_with_parameters

from buildstate_core.errors import ArtifactLost, Conflict, InvalidInput, Refused
from buildstate_core.vocabulary import TRUNK
from buildstate_flows.artifact import Slot
from buildstate_flows.engine.execute import Asking, Job, Outcome, begin, run_to_end
from buildstate_flows.engine.milestone_call import MilestoneCall
from buildstate_flows.engine.session import BuildSession
from buildstate_flows.prefect_api.prefect_runs import say
from buildstate_worker.rewind import TURNS, Rewind, names_what_to_run_first

Given = TypeVar("Given")

_rewinding: ContextVar[Rewind | None] = ContextVar("rewinding", default=None)


def perform(session: BuildSession, call: MilestoneCall) -> Outcome:
    """Make a call: skip it, or run it and record what came of it."""
    begun = _prepared(session, call, Asking())
    if isinstance(begun, Outcome):
        return begun
    with begun as job:
        with job.noted(), job.stopper.guard():
            result = call_with_parameters(call.spec.function, dict(job.parameters))
        return job.finish(result)


async def perform_async(session: BuildSession, call: MilestoneCall) -> Outcome:
    """Make a call of an async milestone, without blocking its event loop."""
    asking = Asking()
    try:
        begun = await asyncio.to_thread(_prepared, session, call, asking)
    except asyncio.CancelledError as error:
        asking.give_up(error)
        raise
    if isinstance(begun, Outcome):
        return begun
    with begun as job:
        with job.noted(), job.stopper.guard_task():
            soon: Any = call_with_parameters(call.spec.function, dict(job.parameters))
            result = await soon
        return await asyncio.to_thread(job.finish, result)


def fetch(session: BuildSession, slot: Slot) -> Path:
    """Give the path of an artifact to the flow's own code, downloading it if need be.

    Raises:
        ArtifactLost: It is gone or corrupt, and what made it is not of this session.
        InvalidInput: The build is no longer open, and its folder is gone.
    """
    record = slot.now.record
    here = slot.now.places.get(record.lane)
    if here is not None and here.exists():
        return here
    if session.is_closed:
        raise InvalidInput(
            f"Build {session.build.number} is no longer open, and its folder is gone.",
            code="no-open-build",
            hint="Read the artifact inside the `with build(…):`.",
        )
    return _with_rewinds(
        session,
        lambda: session.results.place_slot(slot, record.lane, as_it_is=True),
        below=record.state + 1,
        lanes={record.lane},
    )


def _prepared(session: BuildSession, call: MilestoneCall, asking: Asking) -> Outcome | Job:
    rewind = _rewinding.get()
    is_rewound = rewind is not None and rewind.covers(call.spec.state)
    begun = _with_rewinds(
        session,
        lambda: begin(session, call, asking, is_rewound=is_rewound),
        below=call.spec.state,
        lanes={call.lane},
        more_lanes={each.record.lane for each in call.results() if each.record is not None},
    )
    return asking.hand_over(begun)


def _with_rewinds(
    session: BuildSession,
    attempt: Callable[[], Given],
    *,
    below: int,
    lanes: Collection[str],
    more_lanes: Collection[str] = (),
) -> Given:
    """Try something until nothing below it is missing, or nothing more can be done about that."""
    for turn in range(TURNS):
        seen = session.rewinds
        try:
            return attempt()
        except (ArtifactLost, Refused) as error:
            if turn == TURNS - 1 or not names_what_to_run_first(error):
                raise
            # A lane that failed begins anew from the trunk, which mostly is as it should be.
            calls = _calls(session, error.state, below=below, lanes=lanes)
            if isinstance(error, ArtifactLost) or not calls:
                wanted = {*lanes, *more_lanes, TRUNK}
                calls = _calls(session, error.state, below=below, lanes=wanted)
            if not calls:
                raise
            _rewind(session, error, calls, seen=seen)
    raise AssertionError  # the last turn returns or raises


def _calls(
    session: BuildSession, state: int | None, *, below: int, lanes: Collection[str]
) -> list[MilestoneCall]:
    """Give the calls to make again, if the one of a state is among them."""
    found = [
        each
        for each in list(session.calls.values())
        if each.lane in lanes and each.spec.state < below
    ]
    return found if any(each.spec.state == state for each in found) else []


def _rewind(
    session: BuildSession,
    error: ArtifactLost | Refused,
    calls: Collection[MilestoneCall],
    *,
    seen: int,
) -> None:
    """Make calls again, unless another thread has just done so."""
    outer = _rewinding.get()
    if outer is not None:  # in the midst of it
        _make_again(session, calls, error, outer.because_of(error))
        return
    with session.rewinding:
        if session.rewinds != seen:
            return
        try:
            say(f"Earlier milestones are made again where needed. {error.message}")
            _make_again(session, calls, error, Rewind().because_of(error))
        finally:
            session.rewinds += 1


def _make_again(
    session: BuildSession, calls: Collection[MilestoneCall], error: Conflict, rewind: Rewind
) -> None:
    token = _rewinding.set(rewind)
    try:
        for call in calls:
            rewind.count(call.key, error)
            if inspect.iscoroutinefunction(call.spec.function):
                run_to_end(functools.partial(perform_async, session, call))
            else:
                perform(session, call)
    finally:
        _rewinding.reset(token)
