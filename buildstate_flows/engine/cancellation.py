"""Stopping a function whose claim is no longer ours, and saying why one has ended.

A milestone may be cancelled by a person, or lost, while its function runs. Nothing that it makes
from then on will be recorded, so that it is stopped: a coroutine is cancelled, a thread gets an
exception. A thread that waits in a system call gets it when that returns; in the main thread, as
a flow's direct calls are, a signal ends the wait.
"""

import asyncio
import ctypes
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from types import FrameType
from typing import Final

from prefect.context import FlowRunContext, TaskRunContext
from prefect.exceptions import TerminationSignal

from buildstate_core.errors import BuildStateError

# Ignored by whoever has no handler for it, so that one that comes too late does no harm.
_WAKE: Final = signal.SIGURG
_NEAR_SECONDS: Final = 1.0


class _Stop(BaseException):
    """Raised in a function that has to stop. No `except Exception` takes it for its own."""


@dataclass(frozen=True)
class Ending:
    """How an attempt ended that did not complete.

    Attributes:
        message: Why, in words.
        is_cancelled: A person stopped it; it did not fail by itself.
        is_of_flow: It is the end of the whole process, and of all milestones in it.
    """

    message: str
    is_cancelled: bool
    is_of_flow: bool = False


def ending_by(error: BaseException, *, since: float) -> Ending | None:
    """Return what a function's exception means; `None` if it is nothing but that exception.

    Args:
        error: What ended it.
        since: When it was called, by the monotonic clock.
    """
    if isinstance(error, TerminationSignal):
        message = f"the flow run was terminated by signal {error.signal}"
        return Ending(message, is_cancelled=True, is_of_flow=True)
    if isinstance(error, asyncio.CancelledError):
        # How Prefect ends a function that took too long, too.
        seconds = _timeout_seconds(since)
        if seconds is not None:
            return Ending(f"it timed out: it may take {seconds:g} s", is_cancelled=False)
    if isinstance(error, asyncio.CancelledError | GeneratorExit | KeyboardInterrupt):
        is_of_flow = isinstance(error, KeyboardInterrupt)
        message = f"it was stopped by {type(error).__name__}"
        return Ending(message, is_cancelled=True, is_of_flow=is_of_flow)
    return None


class Stopper:
    """Stops one function from any thread, once."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._why: BuildStateError | None = None
        self._interrupt: Callable[[], None] | None = None
        self._is_sent = False
        self._has_interrupted = False

    def mark(self, why: BuildStateError) -> None:
        """Have the guarded function count as stopped, whatever it does now; it is left alone.

        So its children can be ended first: an exception in it would kill the one that it waits
        for, without asking, and those below that would not be known any more.
        """
        with self._lock:
            self._why = self._why or why

    def stop(self, why: BuildStateError) -> None:
        """Have the guarded function end with this error; nothing if it has ended already."""
        with self._lock:
            self._why = self._why or why
            self._send()

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Let a block in this thread be stopped.

        Raises:
            BuildStateError: It was; this says why.
        """
        is_main = threading.current_thread() is threading.main_thread()
        try:
            with self._main_thread() if is_main else self._other_thread():
                yield
        except (_Stop, Exception) as error:
            if self._why is None:
                raise
            raise self._why from error
        if self._why is not None:  # its children were ended, so that it has not done its work
            raise self._why

    @contextmanager
    def guard_task(self) -> Iterator[None]:
        """Let a block of this asyncio task be stopped.

        Raises:
            BuildStateError: It was; this says why.
        """
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        assert task is not None  # noqa: S101 - a coroutine is run by one
        is_cancelled = False

        def cancel() -> None:
            nonlocal is_cancelled
            if self._interrupt is not None:  # it has not ended meanwhile
                is_cancelled = task.cancel()

        def send() -> None:
            with suppress(RuntimeError):  # the loop has ended, and the function with it
                loop.call_soon_threadsafe(cancel)

        try:
            with self._open(send):
                yield
        except (asyncio.CancelledError, Exception) as error:
            if self._why is None or not (is_cancelled or isinstance(error, Exception)):
                raise
            raise self._why from error
        finally:
            if is_cancelled:
                task.uncancel()
        if self._why is not None:
            raise self._why

    @contextmanager
    def _main_thread(self) -> Iterator[None]:
        before = signal.getsignal(_WAKE)

        def wake(number: int, frame: FrameType | None) -> None:
            if self._is_sent:
                self._is_sent = False
                raise _Stop
            if callable(before):
                before(number, frame)

        def send() -> None:
            self._is_sent = True
            signal.pthread_kill(ident, _WAKE)

        ident = threading.get_ident()
        signal.signal(_WAKE, wake)
        try:
            with self._open(send):
                yield
        finally:
            self._is_sent = False
            signal.signal(_WAKE, signal.SIG_DFL if before is None else before)

    @contextmanager
    def _other_thread(self) -> Iterator[None]:
        ident = threading.get_ident()

        def send() -> None:
            self._is_sent = True
            _raise_in(ident, _Stop)

        try:
            with self._open(send):
                yield
        finally:
            if self._is_sent:
                _take(ident)  # it may not have come yet

    @contextmanager
    def _open(self, send: Callable[[], None]) -> Iterator[None]:
        with self._lock:
            self._interrupt, self._has_interrupted = send, False
            if self._why is not None:
                self._send()
        try:
            yield
        finally:
            with self._lock:
                self._interrupt = None

    def _send(self) -> None:
        if self._interrupt is not None and not self._has_interrupted:
            self._has_interrupted = True
            self._interrupt()


def _raise_in(ident: int, error: type[BaseException]) -> None:
    """Raise an exception in a thread at its next line."""
    what = ctypes.py_object(error)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident), what)


def _take(ident: int) -> None:
    """Have a stop that may be on its way to this very thread arrive here, and nowhere else.

    Not by taking it back: CPython 3.11 would go on looking for an exception that never comes, in
    every thread, and for ever in a function that is traced, as by a debugger.
    """
    try:
        _raise_in(ident, _Stop)  # in place of the one that is on its way
        while True:
            pass
    except _Stop:
        pass


def _timeout_seconds(since: float) -> float | None:
    """Return the time limit of the task run or the flow run that has just passed, if one has."""
    task, flow = TaskRunContext.get(), FlowRunContext.get()
    if task is not None:
        limit = task.task.timeout_seconds
        if limit is not None and monotonic() - since > limit - min(_NEAR_SECONDS, limit / 2):
            return limit
    if flow is not None and flow.flow is not None:
        limit = flow.flow.timeout_seconds
        if limit is not None:
            passed = (datetime.now(flow.start_time.tzinfo) - flow.start_time).total_seconds()
            return limit if passed > limit - min(_NEAR_SECONDS, limit / 2) else None
    return None
