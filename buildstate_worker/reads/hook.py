"""What is opened, listed and changed while a function runs, noted by one audit hook per process.

A hook cannot be removed, and is called for everything that Python audits. So it is added by the
first recording, does nothing while none is open, does no I/O, and lets no exception of its own out:
one that escapes would break the user's `open`. What a path was is seen when the function has ended.

Who opened something is known by a context variable. Threads and executors may lose it; then it
counts for the only function that runs, or for all of them: a needless rerun is better than a wrong
skip.
"""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from enum import Enum
from pathlib import PurePath
from types import MappingProxyType
from typing import Any, Final, NamedTuple

_COARSE_CLOCK: Final = 5
"""Linux's CLOCK_REALTIME_COARSE, which file systems take their times from."""

_PAUSE_SECONDS: Final = 0.0005
_WAITED_NS: Final = 100_000_000
"""A coarse clock that lags behind by more than this is none that can be waited for."""

_MOST: Final = 200_000
"""Of different paths that are noted for one function."""

_WRITES: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_IMPORTS: Final = frozenset({"importlib._bootstrap_external", "importlib.metadata", "zipimport"})


class Act(Enum):
    """What was done with a path."""

    READ = "opened to be read"
    DESCRIBED = "opened by a name that may be relative to a descriptor"
    LISTED = "listed"
    WRITTEN = "opened to be written, or made"
    REMOVED = "removed, or renamed"
    TOLD = "named to a child process"
    MISSED = "looked for, and not there"
    EITHER = "opened in a way that reads, writes, or both"


_CHANGES: Final = frozenset({Act.WRITTEN, Act.REMOVED})


class Event(NamedTuple):
    """What was done, where.

    Attributes:
        path: As it was given; of what a child was told, one of its words.
        folder: The working directory that it is relative to; empty for an absolute one.
    """

    act: Act
    path: str
    folder: str


class Recording:
    """What one function did, or one command.

    Attributes:
        began_ns: When it began: files that were changed before have no later time, all others have.
        events: When each thing was done for the first time, in that order.
    """

    def __init__(self) -> None:
        self.began_ns = pass_a_tick()
        self.events: dict[Event, int] = {}

    @property
    def is_full(self) -> bool:
        """Whether it did more than is noted."""
        return len(self.events) >= _MOST

    def note(self, event: Event, at_ns: int) -> None:
        """Note what was done, if it is the first time."""
        if event not in self.events and len(self.events) < _MOST:
            self.events[event] = at_ns


def coarse_ns() -> int:
    """Return the time that a file which is changed now gets, at the least."""
    try:
        return time.clock_gettime_ns(_COARSE_CLOCK)
    except (AttributeError, OSError):
        return time.time_ns()


def pass_a_tick() -> int:
    """Wait until what is changed from now on has a later time than what was changed before.

    That takes some milliseconds, since the clock of file systems is a coarse one.

    Returns:
        The time between the two.
    """
    now = time.time_ns()
    while now <= coarse_ns() + _WAITED_NS and coarse_ns() <= now:
        time.sleep(_PAUSE_SECONDS)
    return now


_current: ContextVar[Recording | None] = ContextVar("reads", default=None)
_lock: Final = threading.Lock()
_live: tuple[Recording, ...] = ()
_is_added = False


@contextmanager
def recording() -> Iterator[Recording]:
    """Note what is read in a block, in all threads that it starts."""
    global _live, _is_added  # noqa: PLW0603 - one hook for the process
    seen = Recording()
    with _lock:
        if not _is_added:
            sys.addaudithook(_hook)
            _is_added = True
        _live = (*_live, seen)
    token = _current.set(seen)
    try:
        yield seen
    finally:
        _current.reset(token)
        with _lock:
            _live = tuple(each for each in _live if each is not seen)


def _hook(name: str, arguments: tuple[Any, ...]) -> None:
    if not _live:
        return
    note = _NOTES.get(name)
    if note is None:
        return
    with suppress(Exception):  # it would break what the function does
        note(arguments)


def _note(act: Act, path: Any, folder: str | None = None) -> None:
    """Note a path for whoever runs here."""
    if isinstance(path, bytes):
        path = os.fsdecode(path)
    if path is None:
        path = "."
    if not isinstance(path, str) or not path:
        return
    if folder is None:
        folder = "" if path.startswith("/") else os.getcwd()  # noqa: PTH109 - quick
    event = Event(act, path, folder)
    for seen in _whose(act):
        if event not in seen.events and not _is_import(event):
            # What a child changes has at least the time of the coarse clock.
            seen.note(event, coarse_ns() if act is Act.TOLD else time.time_ns())


def _whose(act: Act) -> tuple[Recording, ...]:
    """Return the recordings that something counts for.

    A context may outlive its function, in a thread that is used again. What may have been written
    by any of several functions counts for none: it would no longer be an input of the others.
    """
    own, live = _current.get(), _live
    if own is not None and own in live:
        return (own,)
    return () if len(live) > 1 and act in _CHANGES else live


def _is_import(event: Event) -> bool:
    """Return whether it is the import system that looks for code, or for what is installed."""
    if event.act is not Act.LISTED:
        return False  # data of a package is read through it, too
    caller = sys._getframe(4)  # noqa: SLF001 - above this, _note, what has called that, and _hook
    return caller.f_globals.get("__name__") in _IMPORTS


def _opened(arguments: tuple[Any, ...]) -> None:
    path, mode, flags = arguments
    if flags & _WRITES:
        _note(Act.WRITTEN, path)
    elif flags & os.O_DIRECTORY == 0:
        _note(Act.READ if mode is not None else Act.DESCRIBED, path)


def _listed(arguments: tuple[Any, ...]) -> None:
    _note(Act.LISTED, arguments[0])


def _made(arguments: tuple[Any, ...]) -> None:
    _note(Act.WRITTEN, arguments[0])


def _removed(arguments: tuple[Any, ...]) -> None:
    if arguments[-1] == -1:  # no name relative to a descriptor
        _note(Act.REMOVED, arguments[0])


def _renamed(arguments: tuple[Any, ...]) -> None:
    source, target, *folders = arguments
    if all(each == -1 for each in folders):
        _note(Act.REMOVED, source)
        _note(Act.WRITTEN, target)


def _linked(arguments: tuple[Any, ...]) -> None:
    if all(each == -1 for each in arguments[2:]):
        _note(Act.WRITTEN, arguments[1])


def _told(arguments: tuple[Any, ...]) -> None:
    _, words, folder, _ = arguments
    here = os.getcwd()  # noqa: PTH109 - quick
    if isinstance(folder, str | bytes | PurePath):
        here = os.path.join(here, os.fsdecode(folder))  # noqa: PTH118 - quick
    for word in [words] if isinstance(words, str | bytes) else words:
        _note(Act.TOLD, str(word) if isinstance(word, PurePath) else word, here)


def _spawned(arguments: tuple[Any, ...]) -> None:
    _told((None, arguments[1], None, None))


def _told_one(arguments: tuple[Any, ...]) -> None:
    """Note what a shell is told, or the database that a library opens by itself."""
    _note(Act.TOLD, arguments[0], os.getcwd())  # noqa: PTH109 - quick


_NOTES: Final[Mapping[str, Callable[[tuple[Any, ...]], None]]] = MappingProxyType(
    {
        "open": _opened,
        "os.listdir": _listed,
        "os.scandir": _listed,
        "os.truncate": _made,
        "os.remove": _removed,
        "os.rename": _renamed,
        "os.link": _linked,
        "os.symlink": _linked,
        "os.posix_spawn": _spawned,
        "os.system": _told_one,
        "subprocess.Popen": _told,
        "sqlite3.connect": _told_one,
    }
)
