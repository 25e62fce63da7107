"""Milestones as Prefect tasks, on a real Prefect server."""

import asyncio
import gc
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from prefect import flow
from prefect.client.orchestration import get_client

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
        return Handle("ami", f"{image.read_text()} in {region}")

    @flow
    def build_image(worker: Any, regions: Sequence[str] = ()) -> tuple[list[str], Any]:
        with worker.build():
            image = harden(base("9.6"))
            registered = register.map(image, list(regions)).result()
            return [each.id for each in registered], image

    Pipeline.flow = staticmethod(build_image)
    Pipeline.base, Pipeline.harden, Pipeline.register = base, harden, register
    return Pipeline


def task_states(flow_run_id: Any) -> dict[str, tuple[str, str | None]]:
    """Give name and message of each task run's state, as Prefect's server has them."""

    async def read() -> dict[str, tuple[str, str | None]]:
        async with get_client() as client:
            runs = await client.read_task_runs()
        mine = [run for run in runs if run.flow_run_id == flow_run_id]
        return {run.name.rpartition("-")[0]: (run.state.name, run.state.message) for run in mine}

    return asyncio.run(read())


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
    names = task_states(state.state_details.flow_run_id)
    assert names["base"] == ("Skipped", same)
    assert names["harden"] == ("Restored", same)


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

    @milestone(state=25)
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
