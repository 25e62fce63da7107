"""Downloads: ranges of an object, several at once, given out or put somewhere in order."""

import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Condition
from typing import Final, TypeVar

from buildstate_core.errors import ArtifactUnreachable
from buildstate_core.transfer.parts import at_once
from buildstate_core.transfer.storage import Storage

RANGE_BYTES: Final = 8 * 2**20
"""How much is asked for at once: enough that what a request costs does not matter."""

_PAUSES_SECONDS: Final = (0.2, 1.0, 3.0)
"""Before the second, third and fourth try at a range."""

T = TypeVar("T")


def read_ranges(
    storage: Storage, uri: str, *, start: int, size_bytes: int, root: str | None = None
) -> Generator[bytes]:
    """Give an object's bytes from `start` on, in blocks of `RANGE_BYTES` but for the last.

    A range that broke off is asked for again, from where it began. Close the generator when it is
    not read to its end.

    Args:
        storage: Where it is.
        uri: Which it is.
        start: What is here already.
        size_bytes: How long it is. It ends earlier if the object does.
        root: As in `Storage`.

    Raises:
        ArtifactLost: It is gone, also when it goes while it is read.
        ArtifactUnreachable: It cannot be read.
    """

    def fetch(position: int) -> bytes:
        return _patiently(storage, uri, position, min(RANGE_BYTES, size_bytes - position), root)

    return _several_at_once(storage, fetch, range(start, size_bytes, RANGE_BYTES))


def put_ranges(
    storage: Storage,
    uri: str,
    put: Callable[[bytes], object],
    *,
    start: int,
    size_bytes: int,
    root: str | None = None,
) -> Generator[int]:
    """Put somewhere what `read_ranges` would give, and give how many bytes went each time.

    The thread that fetched a range puts it, since its processor has the bytes at hand.

    Args:
        storage: Where it is.
        uri: Which it is.
        put: Takes the next bytes, in order. Threads call it, one at a time.
        start: What is here already.
        size_bytes: How long it is. It ends earlier if the object does.
        root: As in `Storage`.

    Raises:
        Exception: What `put` raised, or as in `read_ranges`.
    """
    turns = _Turns(start)

    def fetch(position: int) -> int:
        size = min(RANGE_BYTES, size_bytes - position)
        block = _patiently(storage, uri, position, size, root)
        with turns.taken(position, then=position + size):
            put(block)
        return len(block)

    positions = range(start, size_bytes, RANGE_BYTES)
    return _several_at_once(storage, fetch, positions, at_end=turns.end)


class _Turns:
    """Lets threads do something in order, each when the one before has done it."""

    def __init__(self, first: int) -> None:
        self._changed = Condition()
        self._next = first
        self._is_over = False

    @contextmanager
    def taken(self, turn: int, *, then: int) -> Iterator[None]:
        """Wait for a turn. It is not passed on when the block raises: nothing may follow."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_over or self._next == turn)
            if self._is_over:
                raise _NotWanted
        yield
        with self._changed:
            self._next = then
            self._changed.notify_all()

    def end(self) -> None:
        """Let nobody wait any longer."""
        with self._changed:
            self._is_over = True
            self._changed.notify_all()


class _NotWanted(Exception):
    """Ends a thread whose turn never comes, since an earlier one failed."""


def _several_at_once(
    storage: Storage,
    fetch: Callable[[int], T],
    positions: range,
    *,
    at_end: Callable[[], None] = lambda: None,
) -> Generator[T]:
    left = iter(positions)
    count = at_once(storage.parallel, RANGE_BYTES)
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
            # What has answered before may well answer again, and one try more costs little.
            time.sleep(pause)
    return storage.read(uri, start, size, root=root)
