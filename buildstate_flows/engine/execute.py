"""A call of a milestone, phase by phase, and the earlier calls that have to be made again first.

    ask ──► put in place ──► run ──► upload ──► record
     │
     └─► done: skipped

Each phase takes what the one before it returned. In an async milestone all but `run` is in a thread
beside the loop, since it waits for the service or a storage.

A skipped milestone's artifact may turn out gone or corrupt when it is pulled, or a step may be
missing on this machine. The calls of this session below are then made again, in order, through the
same phases: what is still good is skipped again, the rest runs. Objects that the flow holds are the
same afterwards, with what was made anew behind them.
"""

import asyncio
import functools
import inspect
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from contextvars import ContextVar
from pathlib import Path
from typing import TypeVar

from buildstate_core.errors import ArtifactLost, Refused
from buildstate_core.vocabulary import TRUNK
from buildstate_flows.artifact import Slot
from buildstate_flows.engine.ask import Caller, ask
from buildstate_flows.engine.coroutines import in_own_thread, run_to_end
from buildstate_flows.engine.live_call import Outcome
from buildstate_flows.engine.milestone_call import MilestoneCall
from buildstate_flows.engine.place import Placed, put_in_place
from buildstate_flows.engine.record import record
from buildstate_flows.engine.run import Ran, run, run_async
from buildstate_flows.engine.session import BuildSession
from buildstate_flows.engine.upload import upload
from buildstate_flows.prefect_api.prefect_runs import say
from buildstate_worker.rewind import Rewind, Turn, failed_in_this_pass, with_rewinds

Result = TypeVar("Result")

_rewinding: ContextVar[Rewind | None] = ContextVar("rewinding", default=None)


def perform(session: BuildSession, call: MilestoneCall) -> Outcome:
    """Make a call: skip it, or run it and record what came of it."""
    placed = _prepared(session, call, _caller(session))
    if isinstance(placed, Outcome):
        return placed
    with placed.live:
        return _recorded(run(placed))


async def perform_async(session: BuildSession, call: MilestoneCall) -> Outcome:
    """Make a call of an async milestone, without blocking its event loop."""
    caller = _caller(session)
    try:
        placed = await in_own_thread(_prepared, session, call, caller)
    except asyncio.CancelledError as error:
        caller.give_up(error)
        raise
    if isinstance(placed, Outcome):
        return placed
    with placed.live:
        ran = await run_async(placed)
        return await in_own_thread(_recorded, ran)


def _caller(session: BuildSession) -> Caller:
    """Return who asks for a call; in a rewind it keeps the lock of that."""
    return Caller(session.rewinding if _rewinding.get() is not None else None)


def fetch(session: BuildSession, slot: Slot) -> Path:
    """Return the path of an artifact for the flow's own code, downloading it if need be.

    Raises:
        ArtifactLost: It is gone or corrupt, and what made it is not of this session, or the build
            is no longer open.
    """
    record = slot.now.record
    here = slot.now.places.get(record.lane)
    if here is not None and here.exists():
        return here
    if session.is_closed:  # nothing can be made again by now
        return session.results.place_slot(slot, record.lane, as_it_is=True)
    return _with_rewinds(
        session,
        lambda: session.results.place_slot(slot, record.lane, as_it_is=True),
        below=record.state + 1,
        lanes={record.lane},
    )


def _prepared(session: BuildSession, call: MilestoneCall, caller: Caller) -> Outcome | Placed:
    """Ask for a call and put its arguments in place, as often as that is worth another try."""
    rewind = _rewinding.get()
    is_rewound = rewind is not None and rewind.covers(call.spec.state)

    def once() -> Outcome | Placed:
        asked = ask(session, call, caller, is_made_again=rewind is not None, is_rewound=is_rewound)
        if isinstance(asked, Outcome):
            return asked
        with ExitStack() as stack:
            stack.enter_context(asked)
            placed = put_in_place(asked)
            stack.pop_all()
        return placed

    placed = _with_rewinds(
        session,
        once,
        below=call.spec.state,
        lanes={call.lane},
        more_lanes={each.record.lane for each in call.results() if each.record is not None},
    )
    if isinstance(placed, Placed):
        caller.take(placed.live)
    return placed


def _recorded(ran: Ran) -> Outcome:
    return record(upload(ran))


def _with_rewinds(
    session: BuildSession,
    attempt: Callable[[], Result],
    *,
    below: int,
    lanes: Collection[str],
    more_lanes: Collection[str] = (),
) -> Result:
    """Try something, with earlier calls of the session made again as often as that helps."""
    seen = session.rewinds

    def once(_: Turn) -> Result:
        nonlocal seen
        seen = session.rewinds
        return attempt()

    def calls_below(error: ArtifactLost | Refused) -> Sequence[MilestoneCall]:
        has_failed = any((lane, error.state) in session.failed for lane in {*lanes, TRUNK})
        if has_failed and isinstance(error, Refused):
            raise failed_in_this_pass(error)
        # A lane that failed begins anew from the trunk, which mostly is as it should be.
        calls = _calls(session, error.state, below=below, lanes=lanes)
        if isinstance(error, ArtifactLost) or not calls:
            wanted = {*lanes, *more_lanes, TRUNK}
            calls = _calls(session, error.state, below=below, lanes=wanted)
        return calls

    def make_again(calls: Sequence[MilestoneCall], error: ArtifactLost | Refused) -> None:
        _rewind(session, error, calls, seen=seen)

    return with_rewinds(once, below=calls_below, make_again=make_again)


def _calls(
    session: BuildSession, state: int | None, *, below: int, lanes: Collection[str]
) -> list[MilestoneCall]:
    """Return the calls to make again, if the one of a state is among them."""
    found = [
        each
        for each in list(session.calls.values())
        if each.lane in lanes and each.spec.state < below
    ]
    return found if any(each.spec.state == state for each in found) else []


def _rewind(
    session: BuildSession,
    error: ArtifactLost | Refused,
    calls: Sequence[MilestoneCall],
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
    session: BuildSession,
    calls: Sequence[MilestoneCall],
    error: ArtifactLost | Refused,
    rewind: Rewind,
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
