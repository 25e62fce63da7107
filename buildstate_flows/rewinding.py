"""Making earlier calls of a pass again, when a skip proves wrong later.

A skipped milestone's artifact may turn out gone or corrupt when it is pulled, or a step may be
missing on this machine. The calls of this pass below are then made again, in order, through the
same path: what is still good is skipped again, the rest runs. Objects that the flow holds are the
same afterwards, with what was made anew behind them.
"""

import asyncio
import inspect
import threading
from collections import Counter
from collections.abc import Callable, Collection, Coroutine
from contextvars import ContextVar, copy_context
from pathlib import Path
from typing import Any, Final, TypeVar

from prefect.utilities.callables import call_with_parameters

from buildstate_core.errors import ArtifactLost, Conflict, InvalidInput
from buildstate_core.vocabulary import TRUNK
from buildstate_flows.calls import Call
from buildstate_flows.lazy import Slot
from buildstate_flows.passes import Pass
from buildstate_flows.running import Asking, Job, Outcome, begin, say

Given = TypeVar("Given")

_TURNS: Final = 3
"""How often one thing is tried, with the calls below made again in between."""
_AGAIN: Final = 2
"""How often one milestone is made again for one thing that was lost."""

_made_again: ContextVar[Counter[tuple[str, int]] | None] = ContextVar("made_again", default=None)


def perform(work: Pass, call: Call) -> Outcome:
    """Make a call: skip it, or run it and record what came of it."""
    begun = _prepared(work, call, Asking())
    if isinstance(begun, Outcome):
        return begun
    with begun as job:
        return job.finish(call_with_parameters(call.recipe.function, dict(job.parameters)))


async def perform_async(work: Pass, call: Call) -> Outcome:
    """Make a call of an async milestone, without blocking its event loop."""
    asking = Asking()
    try:
        begun = await asyncio.to_thread(_prepared, work, call, asking)
    except asyncio.CancelledError as error:
        asking.give_up(error)
        raise
    if isinstance(begun, Outcome):
        return begun
    with begun as job:
        result: Any = call_with_parameters(call.recipe.function, dict(job.parameters))
        return await asyncio.to_thread(job.finish, await result)


def fetch(work: Pass, slot: Slot) -> Path:
    """Give the path of an artifact to the flow's own code, downloading it if need be.

    Raises:
        ArtifactLost: It is gone or corrupt, and what made it is not of this pass.
        InvalidInput: The build is no longer open, and its folder is gone.
    """
    record = slot.now.record
    here = slot.now.places.get(record.lane)
    if here is not None and here.exists():
        return here
    if work.is_closed:
        raise InvalidInput(
            f"Build {work.build.number} is no longer open, and its folder is gone.",
            code="no-open-build",
            hint="Read the artifact inside the `with build(…):`.",
        )
    return _with_rewinds(
        work,
        lambda: work.shelf.place_slot(slot, record.lane, as_it_is=True),
        below=record.state + 1,
        lanes={record.lane},
    )


def _prepared(work: Pass, call: Call, asking: Asking) -> Outcome | Job:
    begun = _with_rewinds(
        work,
        lambda: begin(work, call, asking),
        below=call.recipe.state,
        lanes={call.lane},
        more_lanes={each.record.lane for each in call.results() if each.record is not None},
    )
    return asking.hand_over(begun)


def _with_rewinds(
    work: Pass,
    attempt: Callable[[], Given],
    *,
    below: int,
    lanes: Collection[str],
    more_lanes: Collection[str] = (),
) -> Given:
    """Try something until nothing below it is missing, or nothing more can be done about that."""
    for turn in range(_TURNS):
        seen = work.rewinds
        try:
            return attempt()
        except Conflict as error:
            is_lost = isinstance(error, ArtifactLost)
            if turn == _TURNS - 1 or not (is_lost or error.code == "run-first"):
                raise
            # A lane that failed begins anew from the trunk, which mostly is as it should be.
            is_own = turn == 0 and not is_lost
            wanted = {*lanes} if is_own else {*lanes, *more_lanes, TRUNK}
            _rewind(work, error, below=below, lanes=wanted, seen=seen)
    raise AssertionError  # the last turn returns or raises


def _rewind(work: Pass, error: Conflict, *, below: int, lanes: Collection[str], seen: int) -> None:
    """Make the calls again that may have to do with an error, or raise it."""
    calls = [
        each
        for each in list(work.calls.values())
        if each.lane in lanes and each.recipe.state < below
    ]
    if isinstance(error, ArtifactLost) and error.state not in {each.recipe.state for each in calls}:
        raise error
    if not calls:
        return
    if _made_again.get() is not None:  # in the midst of it
        _make_again(work, calls, error)
        return
    with work.rewinding:
        if work.rewinds != seen:  # another thread was faster
            return
        token = _made_again.set(Counter())
        try:
            say(f"Earlier milestones are made again where needed. {error.message}")
            _make_again(work, calls, error)
        finally:
            work.rewinds += 1
            _made_again.reset(token)


def _make_again(work: Pass, calls: Collection[Call], error: Conflict) -> None:
    made = _made_again.get()
    assert made is not None  # noqa: S101 - set by the caller
    for call in calls:
        made[call.key] += 1
        if made[call.key] > _AGAIN:
            raise error
        if inspect.iscoroutinefunction(call.recipe.function):
            _run_to_end(perform_async, work, call)
        else:
            perform(work, call)


def _run_to_end(
    function: Callable[[Pass, Call], Coroutine[Any, Any, Outcome]], work: Pass, call: Call
) -> None:
    """Run a coroutine function from a thread that may have a running loop already."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            asyncio.run(function(work, call))
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            failed.append(error)

    thread = threading.Thread(target=copy_context().run, args=(run,))
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
