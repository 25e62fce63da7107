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
_CODE: Final = (".py", ".pyc", ".pyi", ".so", ".pyd")
_IMPORTS: Final = frozenset({"importlib._bootstrap_external", "zipimport"})


class Act(Enum):
    """What was done with a path."""

    READ = "opened to be read"
    DESCRIBED = "opened by a name that may be relative to a descriptor"
    LISTED = "listed"
    WRITTEN = "opened to be written, or made"
    REMOVED = "removed, or renamed"
    TOLD = "named to a child process"


class Event(NamedTuple):
    """What was done, where.

    Attributes:
        path: As it was given.
        folder: The working directory that it is relative to; empty for an absolute one.
    """

    act: Act
    path: str
    folder: str


class Recording:
    """What one function did.

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


def _note(act: Act, path: Any) -> None:
    """Note a path for whoever runs here."""
    if type(path) is bytes:
        path = os.fsdecode(path)
    if path is None:
        path = "."
    if not isinstance(path, str) or not path:
        return
    event = Event(act, path, "" if path.startswith("/") else os.getcwd())  # noqa: PTH109 - quick
    own = _current.get()
    for seen in _live if own is None else (own,):
        if event not in seen.events and len(seen.events) < _MOST and not _is_import(event):
            seen.events[event] = time.time_ns()


def _is_import(event: Event) -> bool:
    """Return whether it is the import system that looks for code."""
    if event.act is Act.READ and not event.path.endswith(_CODE):
        return False  # data of a package is read through it, too
    caller = sys._getframe(4)  # noqa: SLF001 - whoever opens it: above this, _note, a lambda, _hook
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
    for word in [words] if isinstance(words, str | bytes) else words:
        text = os.fsdecode(word)
        for each in {text, text.partition("=")[2], text.removeprefix("@")}:
            if each and "\0" not in each:
                _note(Act.TOLD, os.path.join(os.fsdecode(folder), each) if folder else each)  # noqa: PTH118


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
        "subprocess.Popen": _told,
    }
)
