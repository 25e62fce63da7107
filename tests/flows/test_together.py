"""Threads, lanes, interruptions: several calls of one pass or of several."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path
from typing import Any

import pytest
from support import until

from buildstate_flows import Handle, milestone


def written(name: str, content: str) -> Path:
    Path(name).write_text(content)
    return Path(name)


def size_of(path: Path) -> int:
    return path.stat().st_size


def test_of_two_threads_that_race_for_a_milestone_one_runs_and_the_other_waits(
    worker_a: Any, ran: Any
) -> None:
    has_begun, may_end = threading.Event(), threading.Event()

    @milestone(state=20)
    def slow() -> Path:
        ran(20)
        has_begun.set()
        assert may_end.wait(30)
        return written("slow.raw", "slow")

    with worker_a.build() as build, ThreadPoolExecutor() as pool:
        first = pool.submit(copy_context().run, slow)
        assert has_begun.wait(30)
        second = pool.submit(copy_context().run, slow)
        until(lambda: len(worker_a.history()) == 1)
        may_end.set()
        assert second.result(60).read_text() == first.result(60).read_text() == "slow"
        assert build.downloads == ()
    assert ran.since() == [20]


def test_a_lane_that_failed_is_tried_again_alone_with_a_fresh_copy(
    worker_a: Any, worker_b: Any, ran: Any
) -> None:
    broken = {"us"}

    @milestone(state=25)
    def image() -> Path:
        ran(25)
        return written("image.raw", "image")

    @milestone(state=30)
    def prepare(image: Path) -> None:
        ran(30)
        image.write_text(image.read_text() + " prepared")

    @milestone(state=60, lane="{region}")
    def localise(image: Path, region: str) -> None:
        ran(60)
        with image.open("a") as file:
            file.write(f" for {region}")

    @milestone(state=65, lane="{region}")
    def register(image: Path, region: str) -> Handle:
        ran(65)
        if region in broken:
            image.write_text("half of")
            raise RuntimeError("quota")
        return Handle("image", image.read_text())

    def run(region: str) -> str:
        localise(base, region)
        return register(base, region).id

    with worker_a.build():
        base = image()
        prepare(base)
        assert run("eu") == "image prepared for eu"
        with pytest.raises(RuntimeError):
            run("us")
        assert ran.since() == [25, 30, 60, 65, 60, 65]
        broken.clear()
        # The trunk's file has not been touched: only the lane's own step is made again.
        assert register(base, "us").id == "image prepared for us"
        assert ran.since() == [60, 65]
    with worker_b.build() as build:
        base = image()
        prepare(base)
        assert {run("eu"), run("us")} == {"image prepared for eu", "image prepared for us"}
        assert (ran.since(), build.downloads) == ([], ())
        # A new lane begins where the trunk is, and so needs the trunk's step on this machine.
        assert run("ap") == "image prepared for ap"
        assert ran.since() == [30, 60, 65]
        assert len(build.downloads) == 1


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        pytest.param(KeyboardInterrupt, "cancelled", "it was stopped by KeyboardInterrupt"),
        pytest.param(SystemExit, "failed", "SystemExit"),
    ],
)
def test_an_interruption_ends_the_attempt_and_is_named(
    worker_a: Any, error: Any, status: str, message: str
) -> None:
    @milestone(state=20)
    def stopped() -> None:
        raise error

    with pytest.raises(error), worker_a.build():
        stopped()
    assert worker_a.story() == [(20, status, "never_completed")]
    assert worker_a.history()[0].message == message


def test_an_async_milestone_records_skips_and_leaves_the_loop_free(
    worker_a: Any, worker_b: Any, ran: Any
) -> None:
    @milestone(state=20)
    async def make_it(text: str) -> Path:
        ran(20)
        await asyncio.sleep(0)
        return written("made.raw", text)

    @milestone(state=30)
    async def measure(image: Path) -> int:
        return size_of(image)

    async def run(worker: Any) -> int:
        with worker.build():
            return await measure(await make_it("four"))

    assert asyncio.run(run(worker_a)) == 4
    assert asyncio.run(run(worker_b)) == 4
    assert ran.since() == [20]


def test_a_cancelled_async_milestone_ends_its_attempt(worker_a: Any) -> None:
    async def run() -> None:
        begun = asyncio.Event()

        @milestone(state=20)
        async def endless() -> None:
            begun.set()
            await asyncio.Event().wait()

        with worker_a.build():
            task = asyncio.ensure_future(endless())
            await begun.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(run())
    assert worker_a.story() == [(20, "cancelled", "never_completed")]
    assert worker_a.history()[0].message == "it was stopped by CancelledError"


def test_a_milestone_cancelled_while_it_waits_leaves_no_claim_behind(
    worker_a: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = threading.Event()
    monkeypatch.setattr("buildstate_flows.engine.ask.say", lambda _: waits.set())

    @milestone(state=20)
    async def wanted() -> None:
        raise AssertionError

    async def run(build: Any) -> None:
        service = worker_a.service
        claim = service.claim(service.client.get_build(build.number), 20)
        task = asyncio.ensure_future(wanted())
        assert await asyncio.to_thread(waits.wait, 30)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        service.fail(claim)

    with worker_a.build() as build:
        asyncio.run(run(build))  # ends when the thread that waits has ended
    assert {each[:2] for each in worker_a.story()} <= {(20, "failed"), (20, "cancelled")}


def test_a_corrupt_artifact_of_an_async_milestone_is_made_again_by_a_sync_one(
    worker_a: Any, worker_b: Any, storage: Any, ran: Any
) -> None:
    @milestone(state=10)
    async def base() -> Path:
        ran(10)
        return written("base.raw", "base")

    @milestone(state=25)
    def harden(image: Path) -> str:
        ran(25)
        return image.read_text() + " hardened"

    async def run(worker: Any, *, up_to_25: bool) -> str | None:
        with worker.build():
            image = await base()
            return harden(image) if up_to_25 else None

    asyncio.run(run(worker_a, up_to_25=False))
    storage.flip(10)
    assert asyncio.run(run(worker_b, up_to_25=True)) == "base hardened"
    assert ran.since() == [10, 10, 25]
