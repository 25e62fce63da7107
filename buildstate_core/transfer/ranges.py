"""Downloads: ranges of an object, several at once, given out in order."""

import time
from collections import deque
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from buildstate_core.errors import ArtifactUnreachable
from buildstate_core.transfer.parts import at_once
from buildstate_core.transfer.storage import Storage

RANGE_BYTES: Final = 8 * 2**20
"""How much is asked for at once: enough that what a request costs does not matter."""

_PAUSES_SECONDS: Final = (0.2, 1.0, 3.0)
"""Before the second, third and fourth try at a range."""


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
        return _patiently(
            storage, uri, position, min(RANGE_BYTES, size_bytes - position), root=root
        )

    positions = iter(range(start, size_bytes, RANGE_BYTES))
    count = at_once(storage.parallel, RANGE_BYTES)
    threads = ThreadPoolExecutor(count, thread_name_prefix="bldst-download")
    ahead: deque[Future[bytes]] = deque()
    try:
        while True:
            # One more than is fetched at once, so that a thread never waits for its turn.
            while len(ahead) <= count and (position := next(positions, None)) is not None:
                ahead.append(threads.submit(fetch, position))
            if not ahead:
                return
            yield ahead.popleft().result()
    finally:
        threads.shutdown(wait=True, cancel_futures=True)


def _patiently(storage: Storage, uri: str, start: int, size: int, *, root: str | None) -> bytes:
    for pause in _PAUSES_SECONDS:
        try:
            return storage.read(uri, start, size, root=root)
        except ArtifactUnreachable:
            # What has answered before may well answer again, and one try more costs little.
            time.sleep(pause)
    return storage.read(uri, start, size, root=root)
