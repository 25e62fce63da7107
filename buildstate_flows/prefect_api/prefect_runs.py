"""Prefect's runs as BuildState knows them: what runs a milestone, how its run is named and tagged.

Either interface leads to the other: attempts carry the flow run, task runs carry the build.
"""

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID, uuid4

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun
from prefect.context import FlowRunContext, TaskRunContext
from prefect.exceptions import MissingContextError
from prefect.logging import get_logger, get_run_logger
from prefect.utilities.engine import emit_task_run_state_change_event
from prefect.utilities.urls import url_for

from buildstate_core.errors import InvalidInput
from buildstate_core.models import Orchestrator

_TAG = "bldst"
_LOGGER: Final = logging.getLogger("buildstate_flows")


def say(line: str) -> None:
    """Log a line where Prefect shows it; outside a run, where the program has its logs.

    Never from the thread of a heartbeat: Prefect's logger may raise in it.
    """
    try:
        logger: logging.Logger | logging.LoggerAdapter[Any] = get_run_logger()
    except MissingContextError:
        logger = _LOGGER
    logger.info(line)


def namer_of(
    state: int, milestone: str, lane_of: Callable[[Mapping[str, Any]], str]
) -> Callable[..., str]:
    """Return what names a milestone's task runs: `60 register [eu-west-1]`.

    Args:
        state: Its state.
        milestone: Its name.
        lane_of: Returns the lane for the parameters of a call.
    """

    def name(parameters: dict[str, Any]) -> str:
        lane = ""
        with suppress(InvalidInput):  # it is said where the milestone is called
            lane = lane_of(parameters)
        return f"{state} {milestone}" + (f" [{lane}]" if lane else "")

    return name


def tag_run(state: int, lane: str, number: int) -> None:
    """Tag the task run that this is in with its build, state and lane.

    A task that has tags before it starts asks Prefect's server for a place in the limit of each,
    which takes longer than a skipped milestone does; so the run is tagged when it has started.
    """
    context = TaskRunContext.get()
    if context is None:
        return
    run = context.task_run
    tags = {_TAG, f"build:{number}", f"state:{state}", *run.tags}
    run.tags = sorted(tags | {f"lane:{lane}"} if lane else tags)
    _tell_state()  # Prefect learns of them with a state: the same one again


def seconds_to_retry() -> float | None:
    """Return how long Prefect waits at most before it tries the task run that this is in again.

    `None` if it does not, as far as is known beforehand: a condition is asked only afterwards.
    """
    context = TaskRunContext.get()
    if context is None:
        return None
    task, tried = context.task, context.task_run.run_count
    if tried > task.retries or task.retry_condition_fn is not None:
        return None
    delays = task.retry_delay_seconds or 0
    delay = delays[min(tried, len(delays)) - 1] if isinstance(delays, list) else delays
    return delay * (1 + (task.retry_jitter_factor or 0))


def show_waiting(why: str) -> None:
    """Have the task run that this is in show that it waits, and why."""
    _tell_state(name="Waiting", message=why)


def show_running() -> None:
    """Have the task run that this is in show that it no longer waits."""
    _tell_state()


def _tell_state(**fields: str) -> None:
    """Send Prefect the current state of this task run once more, with some fields replaced."""
    context = TaskRunContext.get()
    if context is None or context.task_run.state is None:
        return
    now = context.task_run.state
    fresh = {"id": uuid4(), "timestamp": datetime.now(UTC), **fields}
    told = now.model_copy(update=fresh)
    emit_task_run_state_change_event(context.task_run, initial_state=now, validated_state=told)


def flow_run_here() -> UUID | None:
    """Return the id of the flow run that this is in."""
    flow, task = FlowRunContext.get(), TaskRunContext.get()
    if task is not None and task.task_run.flow_run_id is not None:
        return task.task_run.flow_run_id
    return None if flow is None or flow.flow_run is None else flow.flow_run.id


def task_run_here() -> UUID | None:
    """Return the id of the task run that this is in."""
    context = TaskRunContext.get()
    return None if context is None else context.task_run.id


def orchestrator_of(flow_run_id: UUID) -> Orchestrator:
    """Return what runs a flow run: its outermost one, with its deployment and its worker.

    What Prefect does not tell is left out; a build does not stop for it.
    """
    try:
        with get_client(sync_client=True) as client:
            return _described(client, _outermost(client, client.read_flow_run(flow_run_id)))
    except Exception as error:  # noqa: BLE001 - the build matters more
        get_logger(_TAG).debug("Prefect does not say what runs this: %s", error)
        return Orchestrator(flow_run_id=flow_run_id)


def _outermost(client: SyncPrefectClient, run: FlowRun) -> FlowRun:
    while run.parent_task_run_id is not None:
        parent = client.read_task_run(run.parent_task_run_id).flow_run_id
        if parent is None:
            break
        run = client.read_flow_run(parent)
    return run


def _described(client: SyncPrefectClient, run: FlowRun) -> Orchestrator:
    deployment = None
    if run.deployment_id is not None:
        with suppress(Exception):  # deleted meanwhile
            deployment = client.read_deployment(run.deployment_id).name
    worker = run.labels.get("prefect.worker.name")
    return Orchestrator(
        flow_run_id=run.id,
        flow_run_name=run.name or None,
        deployment_id=run.deployment_id,
        deployment=deployment,
        work_pool=run.work_pool_name,
        worker=None if worker is None else str(worker),
        ui_url=url_for("flow-run", run.id),
    )
