"""Milestones as Prefect tasks, on a real Prefect server."""

import asyncio
import gc
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path
from typing import Any

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from support import until

from buildstate_core.models import ClaimRequest, Complete
from buildstate_core.vocabulary import Kind
from buildstate_flows import Handle, milestone

pytestmark = [
    pytest.mark.usefixtures("prefect"),
    # Prefect's own client leaves connections to be closed by the garbage collector.
    pytest.mark.filterwarnings("ignore:Exception ignored in. <socket.socket"),
]


@pytest.fixture(autouse=True)
def _collect_garbage() -> Iterator[None]:
    yield
    gc.collect()


def written(name: str, content: str) -> Path:
    Path(name).write_text(content)
    return Path(name)


@pytest.fixture
def pipeline(ran: Any) -> Any:
    """A trunk of two states and one lane for each region; `.flow(worker)` runs it."""

    class Pipeline:
        fails = 0

    @milestone(state=10, tags={"base"})
    def base(release: str) -> Path:
        ran(10)
        return written("base.raw", release)

    @milestone(state=25, retries=2)
    def harden(image: Path) -> Path:
        ran(25)
        content = image.read_text()
        image.write_text("half of")
        if Pipeline.fails:
            Pipeline.fails -= 1
            raise RuntimeError("mirror timed out")
        return written("hardened.raw", content + " hardened")

    @milestone(state=60, kind="effect", lane="{region}")
    def register(image: Path, region: str) -> Handle:
        ran(60)
        return Handle("image", f"{image.read_text()} in {region}")

    @flow
    def build_image(worker: Any, regions: Sequence[str] = ()) -> tuple[list[str], Any]:
        with worker.build():
            image = harden(base("9.6"))
            registered = register.map(image, list(regions)).result()
            return [each.id for each in registered], image

    Pipeline.flow = staticmethod(build_image)
    Pipeline.base, Pipeline.harden, Pipeline.register = base, harden, register
    return Pipeline


def in_prefect(read: Callable[[Any], Any]) -> Any:
    """Give what Prefect's server has."""

    async def ask() -> Any:
        async with get_client() as client:
            return await read(client)

    return asyncio.run(ask())


def task_runs(flow_run_id: Any) -> dict[str, Any]:
    """Give the task runs of a flow run by name, once all of them have ended."""

    def read() -> dict[str, Any]:
        runs = in_prefect(lambda client: client.read_task_runs())
        return {run.name: run for run in runs if run.flow_run_id == flow_run_id}

    until(lambda: all(run.state.is_final() for run in read().values()))
    return read()


def artifacts(flow_run_id: Any) -> dict[str, Any]:
    found = in_prefect(lambda client: client.read_artifacts())
    return {each.key: each for each in found if each.flow_run_id == flow_run_id}


def test_a_flow_records_and_its_rerun_shows_in_prefect_what_was_skipped(
    pipeline: Any, worker_a: Any, worker_b: Any, ran: Any
) -> None:
    ids, _ = pipeline.flow(worker_a, ["eu", "us"])
    assert ids == ["9.6 hardened in eu", "9.6 hardened in us"]
    assert ran.since() == [10, 25, 60, 60]

    state = pipeline.flow(worker_b, ["eu", "us", "ap"], return_state=True)
    ids, _ = asyncio.run(state.aresult())
    assert ids == ["9.6 hardened in eu", "9.6 hardened in us", "9.6 hardened in ap"]
    assert ran.since() == [60]
    same = "it is done, and nothing that goes into it has changed"
    flow_run_id = state.state_details.flow_run_id
    runs = task_runs(flow_run_id)
    shown = {name: (run.state.name, run.state.message) for name, run in runs.items()}
    compared = "compared: code of 2 functions, 1 parameter"
    assert shown["10 base"] == ("Skipped", f"{same}; {compared}")
    assert shown["25 harden"] == ("Restored", f"{same}; {compared}")
    assert shown["60 register [ap]"] == (
        "Completed",
        "attempt 1; why it ran: it has not been completed yet",
    )
    number = worker_b.history()[0].build
    assert set(runs["10 base"].tags) == {"bldst", f"build:{number}", "state:10", "base"}
    assert "lane:ap" in runs["60 register [ap]"].tags

    made_by = worker_b.history()[-1].orchestrator
    assert made_by.flow_run_id == flow_run_id
    assert made_by.task_run_id == runs["60 register [ap]"].id
    assert (made_by.flow_run_name, made_by.deployment_id) == (
        in_prefect(lambda client: client.read_flow_run(flow_run_id)).name,
        None,
    )
    assert str(made_by.flow_run_id) in made_by.ui_url

    found = artifacts(flow_run_id)
    assert set(found) == {f"bldst-build-{number}", f"bldst-progress-{number}"}
    assert found[f"bldst-progress-{number}"].data == 60
    table = found[f"bldst-build-{number}"].data
    assert f"/v1/builds/{number}" in table
    assert f"| 10 |  | base | skip | skipped | 1 |  | {same}; {compared} |" in table
    (line,) = [each for each in table.splitlines() if "| ap |" in each]
    assert "| 60 | ap | register | run | completed | 1 |" in line
    assert line.endswith("| it has not been completed yet |")


def test_each_retry_is_an_attempt_and_begins_with_the_recorded_file(
    pipeline: Any, worker_a: Any, ran: Any
) -> None:
    pipeline.fails = 2
    pipeline.flow(worker_a)
    assert ran.since() == [10, 25, 25, 25]
    assert worker_a.story() == [
        (10, "completed", "never_completed"),
        (25, "failed", "never_completed"),
        (25, "failed", "failed_before"),
        (25, "completed", "failed_before"),
    ]
    assert (worker_a.folder / "hardened.raw").read_text() == "9.6 hardened"


def test_submitted_milestones_are_waited_for_at_the_end_of_the_build(
    pipeline: Any, worker_a: Any
) -> None:
    @flow
    def run() -> int:
        with worker_a.build():
            image = pipeline.base("9.6")
            for region in ("eu", "us"):
                pipeline.register.with_options(lane=region, retries=0).submit(image, region)
        return len([each for each in worker_a.story() if each[:2] == (60, "completed")])

    assert run() == 2


def test_async_flows_and_returned_states(worker_a: Any, worker_b: Any, ran: Any) -> None:
    @milestone(state=10)
    async def base() -> Path:
        ran(10)
        return written("base.raw", "base")

    @milestone(state=25, kind="gate")
    def measure(image: Path) -> int:
        ran(25)
        return image.stat().st_size

    @flow
    async def run(worker: Any) -> tuple[Any, ...]:
        with worker.build():
            state = await base(return_state=True)
            image = await state.aresult()
            size = measure(image)
            again = base.submit()
            measured = measure(image, return_state=True)
            return state.name, size, again.result().name, measured.name

    assert asyncio.run(run(worker_a)) == ("Completed", 4, "base.raw", "Skipped")
    assert asyncio.run(run(worker_b)) == ("Restored", 4, "base.raw", "Skipped")
    assert ran.since() == [10, 25]


def test_the_plain_function_claims_nothing_even_inside_another_milestone(
    worker_a: Any, ran: Any
) -> None:
    @milestone(state=10)
    def inner() -> str:
        ran(10)
        return "inner"

    @milestone(state=25)
    def outer() -> str:
        return inner.fn()

    @flow
    def run() -> str:
        with worker_a.build():
            return outer()

    assert run() == "inner"
    assert [state for state, *_ in worker_a.story()] == [25]


def test_a_task_run_that_waits_says_for_whom(worker_a: Any, worker_b: Any) -> None:
    @milestone(state=30)
    def above() -> Path:
        return written("above.raw", "above")

    @flow
    def run() -> str:
        with worker_a.build():
            return above().read_text()

    with worker_b.build() as build:
        client = worker_b.service.client
    wanted = ClaimRequest(state=20, worker="worker-b", lease_seconds=300)
    held = client.claim(str(build.number), wanted)

    def states() -> list[tuple[str | None, str | None]]:
        runs = in_prefect(lambda prefect: prefect.read_task_runs())
        return [(each.state.name, each.state.message) for each in runs if "above" in each.name]

    with ThreadPoolExecutor() as pool:
        running = pool.submit(copy_context().run, run)
        words = "state 20, which it builds on, is held by worker-b"
        until(lambda: ("Waiting", words) in states())
        client.complete(held.attempt.id, Complete(token=held.token, kind=Kind.GATE))
        assert running.result(60) == "above"
    until(lambda: "Completed" in {name for name, _ in states()})


def test_a_milestone_that_prefect_tries_again_is_waited_for(worker_a: Any, ran: Any) -> None:
    @milestone(state=20, retries=1, retry_delay_seconds=2)
    def flaky() -> Path:
        ran(20)
        if ran.made.count(20) == 1:
            raise RuntimeError("mirror timed out")
        return written("flaky.raw", "flaky")

    @milestone(state=25)
    def above() -> Path:
        ran(25)
        return written("above.raw", "above")

    @flow
    def run() -> list[str]:
        with worker_a.build():
            first = flaky.submit()
            until(lambda: ran.made)
            return [each.result().read_text() for each in (first, above.submit())]

    assert run() == ["flaky", "above"]
    assert ran.since() == [20, 20, 25]
