"""Waiting for others: what they need is not kept meanwhile, and the wait ends when it should."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path
from typing import Any

import pytest
from support import until

from buildstate_core.errors import Conflict, Refused
from buildstate_core.models import Cancel, ClaimRequest
from buildstate_flows import milestone
from buildstate_flows.engine.ask import Caller
from buildstate_flows.engine.cancellation import Ending


def written(name: str, content: str) -> Path:
    Path(name).write_text(content)
    return Path(name)


class TestACallInsideOfAnother:
    def test_a_milestone_that_calls_another_one_is_refused(self, worker_a: Any, ran: Any) -> None:
        @milestone(state=30)
        def inner() -> None:
            ran(30)

        @milestone(state=50)
        def outer() -> None:
            inner()

        words = "State 30 of build 1 is called from inside of state 50"
        with pytest.raises(Refused, match=words), worker_a.build():
            outer()
        assert ran.since() == []

    def test_so_is_an_async_one(self, worker_a: Any, ran: Any) -> None:
        @milestone(state=60)
        async def inner() -> None:
            ran(60)

        @milestone(state=50)
        async def outer() -> None:
            await inner()

        async def flow() -> None:
            with worker_a.build():
                await outer()

        with pytest.raises(Refused, match="called from inside of state 50"):
            asyncio.run(flow())
        assert ran.since() == []

    def test_what_is_called_afterwards_is_not_inside(self, worker_a: Any, ran: Any) -> None:
        @milestone(state=30)
        def first() -> Path:
            ran(30)
            return written("a.raw", "a")

        @milestone(state=50)
        def second(image: Path) -> None:
            ran(50)
            assert image.exists()

        with worker_a.build():
            second(first())
        assert ran.since() == [30, 50]


class TestManyWaiters:
    def test_they_do_not_keep_the_one_that_they_wait_for_from_being_recorded(
        self, worker_a: Any, ran: Any
    ) -> None:
        has_begun, may_end = asyncio.Event(), asyncio.Event()

        @milestone(state=20)
        async def slow() -> Path:
            ran(20)
            has_begun.set()
            await may_end.wait()
            return written("slow.raw", "slow")

        async def flow() -> list[str]:
            asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(2))
            with worker_a.build():
                first = asyncio.create_task(slow())
                await has_begun.wait()
                waiting = [asyncio.create_task(slow()) for _ in range(6)]
                await asyncio.to_thread(until, lambda: threads_that_ask() >= len(waiting))
                may_end.set()
                return [each.read_text() for each in await asyncio.gather(first, *waiting)]

        assert asyncio.run(flow()) == ["slow"] * 7
        assert ran.since() == [20]


def threads_that_ask() -> int:
    return sum(each.name == "bldst-milestone" for each in threading.enumerate())


class TestTheEndOfAWait:
    @pytest.fixture
    def held(self, worker_b: Any) -> Any:
        """Another worker is at work on state 20."""
        with worker_b.build() as build:
            number = build.number
        wanted = ClaimRequest(state=20, worker="worker-b", lease_seconds=300)
        return worker_b.service.client.claim(str(number), wanted)

    @pytest.mark.usefixtures("held")
    def test_a_cancelled_task_waits_no_longer(self, worker_a: Any, ran: Any) -> None:
        @milestone(state=30)
        async def above() -> None:
            ran(30)

        async def flow() -> None:
            with worker_a.build():
                waiting = asyncio.create_task(above())
                await asyncio.to_thread(until, lambda: threads_that_ask() == 1)
                waiting.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await waiting
                await asyncio.to_thread(until, lambda: threads_that_ask() == 0)

        asyncio.run(flow())
        assert ran.since() == []

    def test_a_flow_that_is_ended_ends_it(self, worker_a: Any, held: Any, ran: Any) -> None:
        @milestone(state=30)
        def above() -> None:
            ran(30)

        with worker_a.build() as build, ThreadPoolExecutor() as pool:
            waiting = pool.submit(copy_context().run, above)
            session = build._session
            until(lambda: session._running)
            session.end_all(Ending("a person cancelled it", is_cancelled=True))
            with pytest.raises(Conflict, match="cancelled while it waited"):
                waiting.result(30)
        assert ran.since() == []
        assert held.attempt.state == 20

    @pytest.mark.usefixtures("held")
    def test_a_build_that_closes_meanwhile_ends_it(self, worker_a: Any, ran: Any) -> None:
        @milestone(state=30)
        def above() -> None:
            ran(30)

        with worker_a.build() as build, ThreadPoolExecutor() as pool:
            waiting = pool.submit(copy_context().run, above)
            until(lambda: build._session._running)
            worker_a.service.client.cancel_build(build.number, Cancel(reason="a typo"))
            with pytest.raises(Conflict, match="cancelled"):
                waiting.result(30)
        assert ran.since() == []


def test_who_waits_gives_away_the_lock_that_it_keeps() -> None:
    lock = threading.Lock()
    caller = Caller(kept=lock)
    errors: list[Conflict] = []

    def wait() -> None:
        with lock:
            has_it.set()
            try:
                caller.sleep(60)
            except Conflict as error:
                assert lock.locked()
                errors.append(error)

    has_it = threading.Event()
    waiter = threading.Thread(target=wait)
    waiter.start()
    assert has_it.wait(30)
    assert lock.acquire(timeout=30), "it is kept while its holder waits"
    lock.release()
    caller.end(Ending("over", is_cancelled=True))
    waiter.join(30)
    assert [each.code for each in errors] == ["cancelled"]
    assert not lock.locked()


def test_a_state_that_failed_is_named_by_those_above_and_not_called_again(
    worker_a: Any, ran: Any
) -> None:
    @milestone(state=47)
    def broken() -> None:
        ran(47)
        raise RuntimeError("no")

    @milestone(state=50)
    def above() -> None:
        ran(50)

    with worker_a.build():
        with pytest.raises(RuntimeError):
            broken()
        for _ in range(2):
            with pytest.raises(Refused, match="State 47 failed in this pass"):
                above()
    assert ran.since() == [47]
