"""What this process starts while milestones run in it, and whose each of them is.

A function of the user starts processes as it likes. They are ended when its milestone is stopped,
and all of them when the whole flow is. If this process is killed, its guard ends them; if it is
frozen, the guard ends those of an effect before its lease can have run out.

Whose a child is, is seen by the event with which Python announces a start. It comes in the thread
that starts it, in the context of the milestone, also in one of many coroutines of a loop::

    event: milestone A, thread 7 ──► the kernel: a new child of thread 7 ──► it is A's

An executor's thread may have lost the context, and one whose parents have ended is a child of
nobody here. Such a process belongs to the only milestone that runs, or if there are several, to
nobody alone: it ends with the flow, or when all of them do.
"""

import asyncio
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final

from buildstate_worker.processes.guard import Guard
from buildstate_worker.processes.tree import (
    GRACE_SECONDS,
    WITHIN,
    ProcessTree,
    StartedBy,
    children_of_thread,
    joined,
    now,
    seen,
)

_STARTS: Final = frozenset(
    {"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system"}
)


@dataclass(eq=False)
class Job:
    """A milestone that runs here, as far as processes are concerned.

    Attributes:
        name: Of its attempt.
        since: When it began, as the kernel counts.
        thread: The thread that it has for itself; 0 if it is a coroutine.
        task: The task that runs it, if it is one.
    """

    name: str
    since: int = field(default_factory=now)
    thread: int = 0
    task: "asyncio.Task[Any] | None" = None

    @property
    def is_cancelled(self) -> bool:
        """Whether it is about to end: its task is cancelled, which it may not know yet."""
        task = self.task
        return task is not None and task.cancelling() > 0


_running: ContextVar[Job | None] = ContextVar("running", default=None)


class _Starters:
    """Who has started the children of this process. There is one for all sessions."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._last: dict[int, Job | None] = {}
        self._known: dict[int, tuple[int, Job | None]] = {}
        self._is_listening = False
        self.jobs: set[Job] = set()

    def listen(self) -> None:
        """Have starts announced; nobody can take that back."""
        with self._lock:
            if not self._is_listening:
                self._is_listening = True
                sys.addaudithook(self._heard)

    def note(self, job: Job | None, thread: int) -> None:
        """Take that a thread starts for a milestone from now on."""
        with self._lock:
            self._settle(thread)
            self._last[thread] = job

    def forget(self, job: Job) -> None:
        """Take that a milestone is over."""
        with self._lock:
            for thread, last in list(self._last.items()):
                if last is job:
                    self._settle(thread)
                    del self._last[thread]
            self.jobs.discard(job)
            self._known = {
                pid: each
                for pid, each in self._known.items()
                if each[1] is not job and (each[1] is not None or seen(pid) is not None)
            }

    def children(self, jobs: Iterable[Job]) -> dict[int, int]:
        """Return what was started for milestones, with the starts."""
        owners = set(jobs)
        with self._lock:
            for thread in list(self._last):
                self._settle(thread)
            return {pid: start for pid, (start, owner) in self._known.items() if owner in owners}

    def _settle(self, thread: int) -> None:
        last = self._last.get(thread)
        for pid, start in children_of_thread(os.getpid(), thread).items():
            known = self._known.get(pid)
            if known is None or known[0] != start:
                self._known[pid] = (start, last)

    def _heard(self, event: str, _: Any) -> None:
        if event not in _STARTS:
            return
        with suppress(Exception):  # it would be raised in the user's code
            self.note(_running.get(), threading.get_native_id())


_starters: Final = _Starters()


class Offspring:
    """What the milestones of one session start in this process.

    Args:
        spared: Returns processes that belong to nobody's milestone here, with their descendants.
    """

    def __init__(self, spared: Callable[[], Iterable[int]]) -> None:
        self._within = os.urandom(8).hex()
        self._spared = spared
        self._since: int | None = None
        self._guard: Guard | None = None
        self._is_closed = False
        self._jobs: set[Job] = set()
        self._changing = threading.Lock()

    def begin(self, name: str) -> Job:
        """Note a milestone that is about to run; what starts from the first one on is known."""
        with self._changing:
            if self._guard is None and not self._is_closed:
                self._since = now()
                _starters.listen()
                _marks.add(self._within)
                self._guard = Guard()
                self._guard.guard_children(within=self._within, since=self._since)
            job = Job(name)
            self._jobs.add(job)
            _starters.jobs.add(job)
        return job

    def note_lease(self, job: Job, until: float, *, stops_before: float) -> None:
        """Take until when a milestone has its lease. As `Guard.note_lease`."""
        guard = self._guard
        if guard is not None and job in self._jobs:
            guard.note_lease(job.name, until=until, stops_before=stops_before, thread=job.thread)

    @contextmanager
    def started_by(self, job: Job, *, is_alone: bool) -> Iterator[None]:
        """Let what is started in the block be a milestone's.

        Args:
            job: The milestone.
            is_alone: Whether this thread does nothing else meanwhile: no coroutine does.
        """
        token = _running.set(job)
        thread = threading.get_native_id()
        if is_alone:
            job.thread = thread
            _starters.note(job, thread)
        else:
            job.task = asyncio.current_task()
        try:
            yield
        finally:
            job.thread = 0
            _running.reset(token)
            if is_alone:
                _starters.note(None, thread)

    @property
    def is_ended_by_guard(self) -> bool:
        """Whether the guard has ended an effect's children: this process was frozen."""
        return self._guard is not None and self._guard.has_ended_some

    def over(self, job: Job) -> None:
        """Note that a milestone has ended, and its lease with it."""
        with self._changing:
            self._jobs.discard(job)
            if self._guard is not None:
                self._guard.note_over(job.name)
        _starters.forget(job)

    def end_of(
        self,
        job: Job,
        *,
        seconds: float = GRACE_SECONDS,
        then: Callable[[], None] | None = None,
    ) -> None:
        """End what a milestone has started. As `ProcessTree.end`."""
        jobs = _starters.jobs.copy()
        if all(each is job or each.is_cancelled for each in jobs):  # and so end all together
            since = min(each.since for each in {job, *jobs})
            self._tree(since).end(seconds, then=then)
            return
        while children := {
            pid: start
            for pid, start in _starters.children([job]).items()
            if (found := seen(pid)) is not None and found.is_alive
        }:
            ProcessTree(children, spared=self._all_spared).end(seconds, then=then)
        if then is not None:
            then()

    def end(self, *, then: Callable[[], None] | None = None) -> None:
        """End what any milestone has started here since the first one began. As `end_of`."""
        if self._since is not None:
            self._tree(self._since).end(GRACE_SECONDS, then=then)
        elif then is not None:
            then()

    def close(self) -> None:
        """Leave what still runs alone."""
        with self._changing:
            guard, self._guard = self._guard, None
            self._is_closed = True
        if guard is not None:
            guard.close()
            _marks.remove(self._within)

    def _tree(self, since: int) -> ProcessTree:
        is_alone = _starters.jobs <= self._jobs
        return ProcessTree(
            {},
            # Those of other sessions have it, too.
            within=self._within if is_alone else None,
            below=StartedBy(os.getpid(), since),
            spared=self._all_spared,
        )

    def _all_spared(self) -> Iterable[int]:
        others = _starters.children(_starters.jobs - self._jobs)
        return {*_helpers(), *others, *self._spared()}


class _Marks:
    """The value of `BLDST_WITHIN` in this process, for what it starts."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside: list[str] = []
        self._outer: str | None = None

    def add(self, name: str) -> None:
        with self._lock:
            if not self._inside:
                self._outer = os.environ.get(WITHIN)
            self._inside.append(name)
            os.environ[WITHIN] = joined(self._outer, self._inside)

    def remove(self, name: str) -> None:
        with self._lock:
            self._inside.remove(name)
            value = joined(self._outer, self._inside)
            if value:
                os.environ[WITHIN] = value
            else:
                os.environ.pop(WITHIN, None)


_marks: Final = _Marks()


def _helpers() -> list[int]:
    """Return the processes that multiprocessing keeps for itself; they end with this one."""
    found = []
    for module, name, pid in (
        ("multiprocessing.resource_tracker", "_resource_tracker", "_pid"),
        ("multiprocessing.forkserver", "_forkserver", "_forkserver_pid"),
    ):
        helper = getattr(sys.modules.get(module), name, None)
        found.append(getattr(helper, pid, None))
    return [each for each in found if each is not None]
