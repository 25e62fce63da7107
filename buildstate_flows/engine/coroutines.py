"""Between coroutines and threads: running one where the other is at work already."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextvars import copy_context
from functools import partial
from typing import Any, TypeVar

Result = TypeVar("Result")


async def in_own_thread(function: Callable[..., Result], *arguments: Any) -> Result:
    """Run a function in a thread of its own, in this context, without blocking the loop.

    Not in the loop's pool: what waits there for somebody else's milestone would keep the one that
    is waited for from ever being recorded.
    """
    future: Future[Result] = Future()
    future.set_running_or_notify_cancel()  # a thread cannot be cancelled

    def run() -> None:
        try:
            future.set_result(function(*arguments))
        except BaseException as error:  # noqa: BLE001 - raised where it is awaited
            future.set_exception(error)

    threading.Thread(target=partial(copy_context().run, run), name="bldst-milestone").start()
    return await asyncio.wrap_future(future)


def run_to_end(coroutine: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Run a coroutine function from a thread that may have a running loop already."""
    made: list[Any] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            made.append(asyncio.run(coroutine()))
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            failed.append(error)

    thread = threading.Thread(target=copy_context().run, args=(run,))
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return made[0]
