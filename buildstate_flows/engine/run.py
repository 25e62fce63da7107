"""Third phase: call the function, until it returns or its claim is lost."""

from dataclasses import dataclass
from typing import Any

from prefect.utilities.callables import call_with_parameters

from buildstate_flows.engine.left_behind import refused
from buildstate_flows.engine.live_call import LiveCall
from buildstate_flows.engine.place import Placed
from buildstate_flows.engine.reading import Reading


@dataclass(frozen=True)
class Ran:
    """A call whose function has returned.

    Attributes:
        value: What it returned.
        reading: What it was seen to read.
    """

    live: LiveCall
    value: Any
    reading: Reading


def run(placed: Placed) -> Ran:
    """Call the function.

    Raises:
        InvalidInput: It has left something in its process that a skip would lose.
        StaleClaim: The claim was lost meanwhile, so that the function was stopped.
    """
    live = placed.live
    reading = Reading(live.session, live.call, live.claimed.attempt)
    with (
        refused(live.call.spec),
        live.noted(),
        live.entered(),
        reading.noted(),
        live.starting(is_alone=True),
        live.stopper.guard(),
    ):
        value = call_with_parameters(live.call.spec.function, dict(placed.parameters))
    return Ran(live, value, reading)


async def run_async(placed: Placed) -> Ran:
    """Call an async function. As `run`."""
    live = placed.live
    reading = Reading(live.session, live.call, live.claimed.attempt)
    with (
        refused(live.call.spec),
        live.noted(),
        live.entered(),
        reading.noted(),
        live.starting(is_alone=False),
        live.stopper.guard_task(),
    ):
        soon: Any = call_with_parameters(live.call.spec.function, dict(placed.parameters))
        value = await soon
    return Ran(live, value, reading)
