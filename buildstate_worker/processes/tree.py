"""A process and all that it started, ended together.

They are not in a process group of their own: at a terminal such a group may not read from it, so
that `sudo` and `ssh` could not ask for a password, and Ctrl-C would not reach the script around
it. Instead, who descends from whom is read from `/proc`; where there is none, only the process
itself is known. Each is known by its start as well as its number, which another may get later.

One whose parents have ended descends from nobody any more. It is found by its environment, which
it has from them:

- `BLDST_WITHIN`: the ids of all that it was started for, the outermost first, with colons between:
  by it a process is found and ended that was left behind.

Little of the standard library: the guard loads this, which has to be there at once.
"""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple, Self

GRACE_SECONDS: Final = 10.0
"""How long they have to end after they were asked to."""

WITHIN: Final = "BLDST_WITHIN"
"""The environment variable that all of them have."""

GUARD: Final = "from buildstate_worker.processes.watch import main"
"""Is in the command line of every guard, which is part of no tree: it ends by itself."""

_PROC: Final = "/proc"
_LOOK_EVERY_SECONDS: Final = 0.05
_DEAD: Final = frozenset({b"Z", b"X"})
_STATE, _PARENT, _START = 0, 1, 19  # of /proc/PID/stat, behind the name
_BETWEEN: Final = ":"


class Seen(NamedTuple):
    """What `/proc` says of a process.

    Attributes:
        parent: The number of its parent.
        start: When it started, as the kernel counts.
        is_alive: Whether it can still do anything.
    """

    parent: int
    start: int
    is_alive: bool


class StartedBy(NamedTuple):
    """What one process starts.

    Attributes:
        pid: The process that starts it.
        since: The time from which on that counts, as the kernel counts. Whatever was started
            before is somebody else's.
    """

    pid: int
    since: int


class ProcessTree:
    """Processes and their descendants.

    Args:
        roots: The processes, each with its start; they need not be children of this one.
        within: The id that `BLDST_WITHIN` has in what was started for them; such processes are
            part of it, whoever their parents are.
        below: Whose children are roots, too. Then whoever has started before is no part of it
            because of `within`, either.
        spared: Returns processes that are no part of it, with their descendants.
    """

    def __init__(
        self,
        roots: Mapping[int, int | None],
        *,
        within: str | None = None,
        below: StartedBy | None = None,
        spared: Callable[[], Iterable[int]] = tuple,
    ) -> None:
        self._roots = dict(roots)
        self._known = dict(roots)
        self._within = within
        self._below = below
        self._spared = spared
        self._of_others: set[int] = set()
        self._looking = threading.RLock()  # a signal's handler looks, too

    @classmethod
    def of(cls, pid: int, start: int | None = None, *, within: str | None = None) -> Self:
        """Return a process and its descendants.

        Args:
            pid: The process.
            start: When it started, as the kernel counts; `None` for what is there now.
            within: As above.
        """
        found = seen(pid) if start is None else None
        return cls({pid: start if found is None else found.start}, within=within)

    @property
    def roots(self) -> dict[int, int | None]:
        """The processes that it was made of, each with its start."""
        return self._roots

    def look(self, *, is_thorough: bool = True) -> None:
        """Take in who belongs to it now.

        Args:
            is_thorough: Whether environments are read as well, for those whose parents have ended.
        """
        everyone = _everyone()
        with self._looking:
            # Nobody ends themselves, or who has started them, whatever is said of the tree.
            never = _with_ancestors(os.getpid(), everyone)
            never |= _with_descendants(self._spared(), everyone)
            roots = {pid for pid, start in list(self._known.items()) if _is_alive(pid, start)}
            for pid, each in everyone.items():
                if pid not in never and self._is_root(pid, each, is_thorough=is_thorough):
                    roots.add(pid)
            for pid in _with_descendants(roots, everyone) - never:
                start = everyone[pid].start
                is_new = pid not in self._known or self._known[pid] not in {None, start}
                if is_new and not _is_guard(pid):
                    self._known[pid] = start

    def _is_root(self, pid: int, each: Seen, *, is_thorough: bool) -> bool:
        if self._below is not None:
            if each.start < self._below.since:
                return False
            if each.parent == self._below.pid:
                return True
        return is_thorough and self._within is not None and _has_id(pid, self._within)

    def is_gone(self) -> bool:
        """Return whether none is left of those that are known, and that may be ended."""
        known = dict(self._known)
        return not _any_alive({pid: known[pid] for pid in known.keys() - self._of_others})

    def send(
        self, number: signal.Signals, *, spared: Mapping[int, int | None] | None = None
    ) -> None:
        """Send a signal to all of them that may be sent one."""
        for pid, start in list(self._known.items()):
            if spared and spared.get(pid, -1) == start:
                continue
            try:
                _send(pid, start, number)
            except PermissionError:  # another user's: `sudo`
                self._of_others.add(pid)
            except OSError:
                continue  # it is gone

    def end(self, seconds: float, *, then: Callable[[], None] | None = None) -> None:
        """Ask all of them to end, insist after a time, and wait until they are gone.

        What they start when they are asked, they may need to clean up: it has the same time.

        Args:
            seconds: How long they have.
            then: Called when those that were asked are gone, or the time is over: it keeps whoever
                has started them from starting more.
        """
        deadline = time.monotonic() + seconds
        asked = self._ask({})
        while time.monotonic() < deadline and _any_alive(asked):
            time.sleep(_LOOK_EVERY_SECONDS)
            self.look()
        if then is not None:
            then()
        self._ask(asked)
        while not self.is_gone():
            if time.monotonic() >= deadline:
                # Stopped first, so that none of them starts another while the others are killed.
                self.send(signal.SIGSTOP)
                self.look()
                self.send(signal.SIGKILL)
            time.sleep(_LOOK_EVERY_SECONDS)
            self.look()

    def _ask(self, asked: Mapping[int, int | None]) -> dict[int, int | None]:
        """Ask those to end that were not asked yet; return all of them but other users'."""
        self.look()
        self.send(signal.SIGTERM, spared=asked)
        return {pid: at for pid, at in list(self._known.items()) if pid not in self._of_others}


def seen(pid: int) -> Seen | None:
    """Return what is known of a process; `None` if it is gone, or this system does not tell."""
    try:
        with open(f"{_PROC}/{pid}/stat", "rb") as file:  # noqa: PTH123 - pathlib is slow to import
            # The name before is in brackets and may have brackets.
            words = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return Seen(int(words[_PARENT]), int(words[_START]), words[_STATE] not in _DEAD)


def children_of_thread(pid: int, thread: int) -> dict[int, int]:
    """Return the children that a thread has started, with their starts.

    None, where the kernel does not tell (`CONFIG_PROC_CHILDREN`). Those of a thread that has ended
    are another one's.
    """
    try:
        with open(f"{_PROC}/{pid}/task/{thread}/children", "rb") as file:  # noqa: PTH123 - as above
            children = [int(each) for each in file.read().split()]
    except OSError:
        return {}
    found = ((child, seen(child)) for child in children)
    return {child: each.start for child, each in found if each is not None}


def now() -> int:
    """Return the time as the kernel counts the starts of processes; 0 if nobody can tell."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    if clock is None:
        return 0
    return int(time.clock_gettime(clock) * os.sysconf("SC_CLK_TCK"))


def joined(outer: str | None, inner: Iterable[str]) -> str:
    """Return the value of `BLDST_WITHIN` for what is started for one more thing."""
    return _BETWEEN.join([*(outer.split(_BETWEEN) if outer else ()), *inner])


def _with_descendants(pids: Iterable[int], everyone: Mapping[int, Seen]) -> set[int]:
    found = {pid for pid in pids if pid in everyone}
    while new := {pid for pid, each in everyone.items() if each.parent in found} - found:
        found |= new
    return found


def _with_ancestors(pid: int, everyone: Mapping[int, Seen]) -> set[int]:
    found = {pid}
    while pid in everyone and (pid := everyone[pid].parent) not in found:
        found.add(pid)
    return found


def _any_alive(processes: Mapping[int, int | None]) -> bool:
    return any(_is_alive(pid, start) for pid, start in processes.items())


def _is_alive(pid: int, start: int | None) -> bool:
    found = seen(pid)
    if found is None:
        return not _has_proc() and _exists(pid)
    return start in {None, found.start} and found.is_alive


def _send(pid: int, start: int | None, number: signal.Signals) -> None:
    if not hasattr(os, "pidfd_open"):
        if _is_alive(pid, start):
            os.kill(pid, number)
        return
    # What is looked at after it was opened is what is sent to.
    process = os.pidfd_open(pid)
    try:
        if _is_alive(pid, start):
            signal.pidfd_send_signal(process, number)
    finally:
        os.close(process)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return True


def _has_proc() -> bool:
    return os.path.exists(f"{_PROC}/self/stat")  # noqa: PTH110 - as above


def _has_id(pid: int, within: str) -> bool:
    begin = f"{WITHIN}=".encode()
    with contextlib.suppress(OSError), open(f"{_PROC}/{pid}/environ", "rb") as file:  # noqa: PTH123 - as above
        for each in file.read().split(b"\0"):
            if each.startswith(begin):
                return within.encode() in each[len(begin) :].split(_BETWEEN.encode())
    return False


def _is_guard(pid: int) -> bool:
    with contextlib.suppress(OSError), open(f"{_PROC}/{pid}/cmdline", "rb") as file:  # noqa: PTH123 - as above
        return GUARD.encode() in file.read()
    return False


def _everyone() -> dict[int, Seen]:
    """Return every process there is."""
    try:
        pids = [int(each) for each in os.listdir(_PROC) if each.isdigit()]  # noqa: PTH208 - as above
    except OSError:
        return {}
    found = ((pid, seen(pid)) for pid in pids)
    return {pid: each for pid, each in found if each is not None}
