"""Running a coroutine where a loop may be running already."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from typing import Any


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
