"""Functions that go on in turns: one runs at any time, until it pauses, and somebody says which."""

import threading
from collections.abc import Callable


class _Ended(BaseException):
    """A task's time is up."""


class Task:
    """A function in a thread of its own that runs only while it is let.

    Args:
        run: The function. Wherever others may act in between, it calls `pause`.
    """

    def __init__(self, run: Callable[[], None]) -> None:
        self._run = run
        self._thread = threading.Thread(target=self._go, daemon=True)
        self._may_go = threading.Lock()
        self._has_paused = threading.Lock()
        self._may_go.acquire()
        self._has_paused.acquire()
        self._is_ended = False
        self._failure: BaseException | None = None

    @property
    def is_over(self) -> bool:
        return self._is_ended or (self._thread.ident is not None and not self._thread.is_alive())

    def go_on(self) -> None:
        """Let it run until it pauses or ends.

        Raises:
            BaseException: What it raised.
        """
        if self._thread.ident is None:
            self._thread.start()
        else:
            self._may_go.release()
        self._has_paused.acquire()
        if self._failure is not None or self._is_ended:
            self._thread.join()
        if self._failure is not None:
            raise self._failure

    def end(self) -> None:
        """Have it end where it pauses, whatever it is about to do."""
        if self.is_over:
            return
        self._is_ended = True
        if self._thread.ident is not None:
            self.go_on()

    def _go(self) -> None:
        _running.task = self
        try:
            self._run()
        except _Ended:
            pass
        except BaseException as error:  # noqa: BLE001 - whoever lets it go on is told
            self._failure = error
        finally:
            self._is_ended = True
            self._has_paused.release()

    def _pause(self) -> None:
        self._has_paused.release()
        self._may_go.acquire()
        if self._is_ended:
            raise _Ended


class _Running(threading.local):
    task: Task


_running = _Running()


def pause() -> None:
    """Let others act, from within a task."""
    _running.task._pause()


def running() -> Task:
    """Give the task that this is called from."""
    return _running.task
