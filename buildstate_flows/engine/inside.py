"""The attempts that code runs inside of: for claims, and for the processes that it starts."""

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final
from uuid import UUID

from buildstate_worker.attempt.inside import INSIDE, attempts_around, environment_inside

inside_of: ContextVar[tuple[UUID, ...]] = ContextVar("inside_of", default=())
"""The attempts whose functions this code runs inside of, the outermost first."""

_changing: Final = threading.Lock()
_running: Final[list[UUID]] = []
_around: tuple[UUID, ...] = ()


def around_this_process() -> tuple[UUID, ...]:
    """Return the attempts that the whole process runs inside of, as a command of `bldst run`."""
    with _changing:
        return _around if _running else attempts_around(os.environ)


def put_process_inside(attempts: Sequence[UUID]) -> None:
    """Have the whole process be inside of some attempts, whatever was said when it was started."""
    with _changing:
        if not _running:
            _tell(attempts)


@contextmanager
def entered(attempt: UUID) -> Iterator[None]:
    """Have what is called and started in a block know that it is inside of an attempt.

    What is started while several milestones run is told of all of them: it may be any one's.
    """
    global _around  # noqa: PLW0603 - as the environment is
    token = inside_of.set((*inside_of.get(), attempt))
    with _changing:
        if not _running:
            _around = attempts_around(os.environ)
        _running.append(attempt)
        _tell((*_around, *_running))
    try:
        yield
    finally:
        with _changing:
            _running.remove(attempt)
            _tell((*_around, *_running))
        inside_of.reset(token)


def _tell(attempts: Sequence[UUID]) -> None:
    if attempts:
        os.environ.update(environment_inside(attempts))
    else:
        os.environ.pop(INSIDE, None)
