"""One step of a request to resume: what is asked of Prefect, and what came of it.

::

    pending   the stopped run is read; its deployment is started again, and the run marked Crashed
    sent      the run that goes on is waited for
    running   it is watched until it ends

Nothing here touches the database. A step that is made twice has one effect: the new run has an
idempotency key made of the stopped one, so that six lanes that stop with one run, and two copies
of the service, get one run.
"""

import re
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from buildstate_api.resumes.prefect import FlowRun, Prefect, Unknown
from buildstate_core.vocabulary import ResumeStatus

TAG: Final = "bldst-resume"
"""What a run that goes on in the place of another is tagged with."""

_AGAIN_SECONDS: Final = 5.0
_WATCH_SECONDS: Final = 10.0
_RESUMED: Final = re.compile(r"-resumed(?:-(\d+))?$")


@dataclass(frozen=True, kw_only=True)
class Taken:
    """A request, and what is known about why its build stopped.

    Attributes:
        build: The build's number.
        flow_run_id: The run that stopped.
        successor_id: The run that goes on, if there is one already.
        why: What stopped, in words.
        is_by_hand: A person asked.
        is_lost: The run stopped answering, rather than failed.
        goes_on_in: The run that has claimed the lane meanwhile, if somebody started one.
    """

    build: int
    status: ResumeStatus
    flow_run_id: UUID
    successor_id: UUID | None
    why: str
    is_by_hand: bool
    is_lost: bool
    goes_on_in: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class Step:
    """What came of asking Prefect.

    Attributes:
        status: What the request is now.
        message: What happened, in words.
        wait_seconds: After how long to look again.
        successor: The run that goes on, once it is known.
    """

    status: ResumeStatus
    message: str
    wait_seconds: float = 0.0
    successor: FlowRun | None = None


async def take_step(prefect: Prefect, taken: Taken) -> Step:
    """Ask Prefect what there is to ask for a request.

    Raises:
        Unanswered: It has to be asked again.
        Declined: It never will be done.
    """
    if taken.status is not ResumeStatus.PENDING and taken.successor_id is not None:
        return await _watch(prefect, taken, taken.successor_id)
    try:
        stopped = await prefect.flow_run(taken.flow_run_id)
    except Unknown:
        return _failed(
            f"Flow run {taken.flow_run_id} was deleted in Prefect, so that nobody can tell what to"
            f" start again. {_by_hand()}"
        )
    if taken.goes_on_in is not None:
        successor = await prefect.flow_run(taken.goes_on_in)
        return await _succeed(prefect, taken, stopped, successor)
    return _why_not(taken, stopped) or await _start_again(prefect, taken, stopped)


def resumed_name(name: str) -> str:
    """Name the run that goes on in the place of another.

    >>> [resumed_name(each) for each in ("calm-otter", "calm-otter-resumed", "a-resumed-2")]
    ['calm-otter-resumed', 'calm-otter-resumed-2', 'a-resumed-3']
    """
    found = _RESUMED.search(name)
    if found is None:
        return f"{name}-resumed"
    return f"{name[: found.start()]}-resumed-{int(found[1] or 1) + 1}"


def _why_not(taken: Taken, stopped: FlowRun) -> Step | None:
    """Return why the stopped run is not started again now, or at all."""
    if not taken.is_by_hand and stopped.state == "COMPLETED":
        return Step(
            status=ResumeStatus.DONE,
            message=f"Flow run {stopped.name} has completed after all; nothing is left to resume.",
        )
    if not taken.is_by_hand and stopped.state in {"CANCELLED", "CANCELLING"}:
        return _failed(
            f"Flow run {stopped.name} was cancelled in Prefect, so that it is not started again by"
            f" itself. To do that by hand: bldst resume {taken.build}"
        )
    if not taken.is_lost and not stopped.is_over:
        return Step(
            status=ResumeStatus.PENDING,
            message=f"Waits for the end of flow run {stopped.name}, which may still go on by itself"
            f" ({stopped.said}). If it is dead, cancel it in Prefect.",
            wait_seconds=_AGAIN_SECONDS,
        )
    if stopped.deployment_id is None:
        return _failed(
            f"Flow run {stopped.name} was not started from a deployment, so that Prefect cannot"
            f" start it again. {_by_hand()}"
        )
    return None


async def _start_again(prefect: Prefect, taken: Taken, stopped: FlowRun) -> Step:
    successor = await prefect.start_again(
        stopped,
        name=resumed_name(stopped.name),
        tag=TAG,
        key=f"{TAG}-{stopped.id}",
    )
    return await _succeed(prefect, taken, stopped, successor)


async def _succeed(prefect: Prefect, taken: Taken, stopped: FlowRun, successor: FlowRun) -> Step:
    """Let the stopped run name the one that goes on in its place."""
    await prefect.crash(
        stopped,
        f"{taken.why} Flow run {successor.name} ({successor.id}) goes on in its place.",
    )
    return Step(
        status=ResumeStatus.SENT,
        message=f"Flow run {successor.name} goes on in the place of {stopped.name}.",
        wait_seconds=_WATCH_SECONDS,
        successor=successor,
    )


async def _watch(prefect: Prefect, taken: Taken, successor_id: UUID) -> Step:
    try:
        run = await prefect.flow_run(successor_id)
    except Unknown:
        return _failed(f"Flow run {successor_id}, which was to go on, was deleted in Prefect.")
    if run.state == "COMPLETED":
        return Step(status=ResumeStatus.DONE, message=f"Flow run {run.name} has completed.")
    if run.is_over:
        return _failed(f"Flow run {run.name} has ended as {run.said or run.state}.")
    is_running = run.state == "RUNNING"
    return Step(
        status=ResumeStatus.RUNNING if is_running else taken.status,
        message=f"Flow run {run.name} is {run.said or 'not scheduled yet'}.",
        wait_seconds=_WATCH_SECONDS,
    )


def _failed(message: str) -> Step:
    return Step(status=ResumeStatus.FAILED, message=message)


def _by_hand() -> str:
    return "Run the pipeline again by hand; what is done is skipped."
