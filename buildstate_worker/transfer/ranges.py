"""Downloads: ranges of an object, fetched several at once and passed on in order."""

import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event, Lock
from typing import Final, TypeVar

from buildstate_core.errors import ArtifactUnreachable
from buildstate_worker.storage.base import Storage
from buildstate_worker.transfer.parts import at_once

_PAUSES_SECONDS: Final = (0.2, 1.0, 3.0)
"""Before the second, third and fourth try at a range."""

T = TypeVar("T")


def read_ranges(
    storage: Storage, uri: str, *, start: int, size_bytes: int, root: str | None = None
) -> Generator[bytes]:
    """Return an object's bytes from `start` on, in blocks of `range_bytes`; the last is shorter.

    A range that broke off is fetched again as a whole. Close the generator if it is not read to its
    end.

    Args:
        storage: Where it is.
        uri: Its URI.
        start: How many bytes are here already.
        size_bytes: How long it is. The blocks end earlier if the object does.
        root: As in `Storage`.

    Raises:
        ArtifactLost: It is gone, also when it goes while it is read.
        ArtifactUnreachable: It cannot be read.
    """

    def fetch(position: int) -> bytes:
        size = min(storage.range_bytes, size_bytes - position)
        return _patiently(storage, uri, position, size, root)

    return _several_at_once(storage, fetch, range(start, size_bytes, storage.range_bytes))


def put_ranges(
    storage: Storage,
    uri: str,
    *puts: Callable[[bytes], object],
    start: int,
    size_bytes: int,
    root: str | None = None,
) -> Generator[int]:
    """Pass on the blocks of `read_ranges`, and yield the size of each once it is passed on.

    The thread that fetched a range passes it on, since its processor has the bytes in its cache.
    Different threads may be in different `puts` at the same time.

    Args:
        storage: Where it is.
        uri: Its URI.
        puts: Each is called with every block, in order and one at a time, from various threads.
        start: How many bytes are here already.
        size_bytes: How long it is. The blocks end earlier if the object does.
        root: As in `Storage`.

    Raises:
        Exception: What one of `puts` raised, or as in `read_ranges`.
    """
    places = [(put, _Turns(start)) for put in puts]

    def fetch(position: int) -> int:
        size = min(storage.range_bytes, size_bytes - position)
        block = _patiently(storage, uri, position, size, root)
        for put, turns in places:
            with turns.taken(position, then=position + size):
                put(block)
        return len(block)

    def end() -> None:
        for _, turns in places:
            turns.end()

    positions = range(start, size_bytes, storage.range_bytes)
    return _several_at_once(storage, fetch, positions, at_end=end)


class _Turns:
    """Lets threads do something in order, each when the one before has done it."""

    def __init__(self, first: int) -> None:
        self._lock = Lock()
        # One each, so that no thread is woken for another one's turn.
        self._events: dict[int, Event] = {}
        self._is_over = False
        self._event(first).set()

    @contextmanager
    def taken(self, turn: int, *, then: int) -> Iterator[None]:
        """Wait for a turn. It is not passed on when the block raises: nothing may follow."""
        self._event(turn).wait()
        if self._is_over:
            raise _NotWanted
        yield
        self._event(then).set()

    def end(self) -> None:
        """Let nobody wait any longer."""
        with self._lock:
            self._is_over = True
            for each in self._events.values():
                each.set()

    def _event(self, turn: int) -> Event:
        with self._lock:
            found = self._events.setdefault(turn, Event())
            if self._is_over:
                found.set()
            return found


class _NotWanted(Exception):
    """Ends a thread whose turn never comes, because an earlier one failed."""


def _several_at_once(
    storage: Storage,
    fetch: Callable[[int], T],
    positions: range,
    *,
    at_end: Callable[[], None] = lambda: None,
) -> Generator[T]:
    left = iter(positions)
    count = at_once(storage.parallel, storage.range_bytes)
    threads = ThreadPoolExecutor(count, thread_name_prefix="bldst-download")
    ahead: deque[Future[T]] = deque()
    try:
        while True:
            # One more than is fetched at once, so that a thread never waits for its turn.
            while len(ahead) <= count and (position := next(left, None)) is not None:
                ahead.append(threads.submit(fetch, position))
            if not ahead:
                return
            yield ahead.popleft().result()
    finally:
        at_end()
        threads.shutdown(wait=True, cancel_futures=True)


def _patiently(storage: Storage, uri: str, start: int, size: int, root: str | None) -> bytes:
    for pause in _PAUSES_SECONDS:
        try:
            return storage.read(uri, start, size, root=root)
        except ArtifactUnreachable:
            # It has answered before and may answer again; one more try costs little.
            time.sleep(pause)
    return storage.read(uri, start, size, root=root)
