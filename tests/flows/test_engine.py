"""What Prefect's engine does to milestones: subflows, task runners, retries, timeouts, states."""

import asyncio
import gc
import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect import flow, task
from prefect.task_runners import PrefectTaskRunner, ThreadPoolTaskRunner

from buildstate_core.errors import InvalidInput
from buildstate_flows import Artifact, Handle, milestone

pytestmark = [
    pytest.mark.usefixtures("prefect"),
    # Prefect's own client leaves connections to be closed by the garbage collector.
    pytest.mark.filterwarnings("ignore:Exception ignored in. <socket.socket"),
]

REGIONS = ("ap", "ca", "eu", "me", "sa", "us")


@pytest.fixture(autouse=True)
def _collect_garbage() -> Iterator[None]:
    yield
    gc.collect()


def written(name: str, content: str) -> Path:
    Path(name).write_text(content)
    return Path(name)


def read(image: Any) -> str:
    return image.read_text()


@milestone(state=10)
def base() -> Path:
    return written("base.raw", "base")


def test_one_lane_of_six_fails_and_is_retried_alone(worker_a: Any, worker_b: Any, ran: Any) -> None:
    broken = {"me"}
    all_there = threading.Barrier(len(REGIONS))

    @milestone(state=50, lane="{region}")
    def localise(image: Path, region: str) -> Path:
        all_there.wait(60)  # each in a thread of its own, at the same time
        if region in broken:
            raise RuntimeError("quota")
        return written(f"{region}.raw", f"{image.read_text()} in {region}")

    @milestone(state=60, lane="{region}", kind="effect")
    def register(image: Path, region: str) -> Handle:
        ran(60)
        return Handle("image", image.read_text(), region=region)

    @flow(task_runner=ThreadPoolTaskRunner(max_workers=len(REGIONS)))
    def run(worker: Any) -> list[str]:
        with worker.build():
            images = localise.map(base(), list(REGIONS))
            registered = register.map(images, list(REGIONS))
            registered.wait()
            return [str(each.state.name) for each in registered]

    assert run(worker_a).count("Completed") == 5
    assert ran.since() == [60] * 5
    broken.clear()
    all_there = threading.Barrier(1)
    told = run(worker_b)
    assert told.count("Completed") == 1
    assert REGIONS[told.index("Completed")] == "me"
    assert ran.since() == [60]
    assert {each.attempt for each in worker_b.history() if each.lane != "me"} == {1}
    assert worker_b.service.client.get_build(1).status == "in_progress"


def test_the_build_is_found_in_subflows_also_in_another_thread(worker_a: Any) -> None:
    @milestone(state=25)
    def harden(image: Path) -> Path:
        return written("hardened.raw", image.read_text() + " hardened")

    @milestone(state=30)
    def measure(image: Path) -> int:
        return image.stat().st_size

    @flow
    def hardening(image: Artifact) -> Any:
        return harden(image)

    @flow
    def measuring(image: Any) -> int:
        return measure(image)

    @task
    def in_a_thread(image: Any) -> int:
        return measuring(image)

    @flow
    async def run() -> Any:
        with worker_a.build() as this:
            image = await asyncio.to_thread(hardening, base())
            return in_a_thread.submit(image).result(), this.downloads

    assert asyncio.run(run()) == (len("base hardened"), ())
    made_by = [each.orchestrator for each in worker_a.history()]
    assert len({each.flow_run_id for each in made_by}) == 1  # the outermost
    assert len({each.task_run_id for each in made_by}) == 3


def test_retries_timeouts_and_states(worker_a: Any) -> None:
    @milestone(state=40, retries=3, retry_condition_fn=lambda *_: len(worker_a.history()) < 2)
    def never() -> None:
        raise RuntimeError("mirror timed out")

    @milestone(state=35, timeout_seconds=2)
    def slow() -> None:
        for _ in range(6000):  # pytest has the alarm that would wake one long sleep
            time.sleep(0.01)

    @milestone(state=30, timeout_seconds=2)
    async def slow_async() -> None:
        await asyncio.sleep(60)

    @milestone(state=20)
    def after() -> str:
        return "after"

    @flow
    async def run() -> list[Any]:
        with worker_a.build():
            failed = never.submit()
            assert isinstance(failed.result(raise_on_failure=False), RuntimeError)
            states = [slow(return_state=True), await slow_async(return_state=True)]
            states.append(after.submit(wait_for=[failed], return_state=True))
            states.append(after(wait_for=[base.submit()], return_state=True))
            return [each.name for each in states]

    assert asyncio.run(run()) == ["TimedOut", "TimedOut", "NotReady", "Completed"]
    attempts = [(each.state, each.status, each.message) for each in worker_a.history()]
    assert attempts[:4] == [
        (40, "failed", "RuntimeError: mirror timed out"),
        (40, "failed", "RuntimeError: mirror timed out"),
        (35, "failed", "it timed out: it may take 2 s"),
        (30, "failed", "it timed out: it may take 2 s"),
    ]
    assert {each[:2] for each in attempts[4:]} == {(10, "completed"), (20, "completed")}


class Transfers(logging.Handler):
    """Keeps what Prefect's logs say of transfers, with the run that it is said of."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        line = record.getMessage()
        if "loaded " in line:
            self.told.append((getattr(record, "task_run_name", "its flow"), line.partition(":")[0]))


@pytest.fixture
def transfers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Transfers]:
    """What is said of transfers, also of those that are quick."""
    monkeypatch.setattr("buildstate_worker.transfer_progress.LINE_EVERY_SECONDS", 0.0)
    transfers = Transfers()
    loggers = [logging.getLogger(f"prefect.{each}") for each in ("task_runs", "flow_runs")]
    for logger in loggers:
        logger.addHandler(transfers)
    yield transfers
    for logger in loggers:
        logger.removeHandler(transfers)


def test_prefects_log_of_a_run_says_how_far_its_transfers_are(
    make_worker: Any, transfers: Transfers
) -> None:
    content = "image " * 2**21

    @milestone(state=10)
    async def image() -> Path:
        return written("image.raw", content)

    @milestone(state=25)
    async def measure(image: Path) -> int:
        return len(read(image))

    @flow
    async def run(worker: str, *, is_measured: bool) -> int:
        with make_worker(worker).build():
            made = await image()
            return await measure(made) if is_measured else len(read(made))

    assert asyncio.run(run("worker-a", is_measured=False)) == len(content)
    assert asyncio.run(run("worker-b", is_measured=True)) == len(content)
    assert asyncio.run(run("worker-c", is_measured=False)) == len(content)
    assert transfers.told == [
        ("10 image", "uploaded image.raw"),
        ("25 measure", "downloaded image.raw"),
        ("its flow", "downloaded image.raw"),
    ]


def test_a_milestone_is_not_left_to_a_task_worker(worker_a: Any) -> None:
    with worker_a.build(), pytest.raises(InvalidInput, match="cannot be left to a task worker"):
        base.delay()

    @flow(task_runner=PrefectTaskRunner())
    def run() -> None:
        with worker_a.build():
            base.submit()

    with pytest.raises(InvalidInput, match="cannot be left to a task worker"):
        run()
    assert worker_a.story() == []
