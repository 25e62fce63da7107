"""A machine, and what is at work on it."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from ..memory import MemorySite
from .service import FleetTry
from .stories import Face
from .turns import Task, pause, running

POOL: Final = 2
"""How many threads a process has to wait for the service in, whatever the number of lanes."""


class Threads:
    """Threads that are taken for as long as somebody asks, restores or records.

    Args:
        count: How many there are.
        wait: Has a task wait until something is so.
    """

    def __init__(self, count: int, wait: Callable[[Callable[[], bool]], None]) -> None:
        self._free = count
        self._wait = wait
        self._taken: set[Task] = set()

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Take one, unless this task has one."""
        if running() in self._taken:
            yield
            return
        self._take()
        try:
            yield
        finally:
            self._give_back()

    @contextmanager
    def given_away(self) -> Iterator[None]:
        """Let others have it meanwhile."""
        if running() not in self._taken:
            yield
            return
        self._give_back()
        yield
        self._take()

    def _take(self) -> None:
        while not self._free:
            self._wait(lambda: self._free > 0)
        self._free -= 1
        self._taken.add(running())

    def _give_back(self) -> None:
        if running() in self._taken:
            self._taken.remove(running())
            self._free += 1


@dataclass(eq=False)
class Machine:
    """A machine and what is at work on it.

    Attributes:
        share: The lanes that it goes through; `None` for all.
        tries: What it is at work at.
        waiting: What each task that waits can go on after.
        is_to_fail, is_to_nest: What the next milestone that it works at does.
        has_failed: Whether something has not ended well since it began.
    """

    name: str
    face: Face
    share: Collection[str] | None = None
    site: MemorySite = field(default_factory=MemorySite)
    tasks: list[Task] = field(default_factory=list)
    tries: list[FleetTry] = field(default_factory=list)
    waiting: dict[Task, Callable[[], bool]] = field(default_factory=dict)
    is_frozen: bool = False
    is_to_fail: bool = False
    is_to_nest: bool = False
    has_failed: bool = False

    @property
    def is_at_work(self) -> bool:
        return any(not each.is_over for each in self.tasks)

    def prepare(self) -> None:
        """Begin a pass."""
        self.tasks.clear()
        self.is_to_fail = self.is_to_nest = self.has_failed = False

    def may_go_on(self, task: Task) -> bool:
        return not (self.is_frozen or task.is_over) and self.waiting.get(task, lambda: True)()

    def wait(self, until: Callable[[], bool]) -> None:
        """Wait, from within a task."""
        self.waiting[running()] = until
        pause()
        del self.waiting[running()]

    def freeze(self, *, is_frozen: bool) -> None:
        self.is_frozen = is_frozen
        for each in self.tries:
            each.is_kept_alive = not is_frozen

    def kill(self, *, is_wiped: bool) -> None:
        """End all that is at work on it; a workspace may be left, and a process's memory is not."""
        for each in self.tries:
            each.is_kept_alive = False
        for task in self.tasks:
            task.end()
        self.tries.clear()
        self.waiting.clear()
        self.is_frozen = False
        self.has_failed = True
        if is_wiped:
            self.site = MemorySite()
