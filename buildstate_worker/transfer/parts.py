"""Uploads: bytes come in one after the other, and leave in parts, several at once.

Memory is bounded: a writer that is faster than the storage has to wait.
"""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import BoundedSemaphore
from typing import Final

from buildstate_worker.storage.base import Storage, Upload
from buildstate_worker.transfer.blocks import Blocks

_BUDGET_BYTES: Final = 96 * 2**20
"""How much memory parts on their way may take, unless a single part is larger."""


def at_once(parallel: int, part_bytes: int) -> int:
    """Return how many parts may be on their way at once, so that memory stays bounded."""
    return max(1, min(parallel, _BUDGET_BYTES // part_bytes))


class PartWriter:
    """A sink that puts what is written to it, part by part, into an upload.

    Args:
        upload: Where the parts go.
        threads: Puts the parts; the caller has to shut it down.
        at_once: How many may be on their way.
    """

    def __init__(self, upload: Upload, threads: ThreadPoolExecutor, *, at_once: int) -> None:
        self._upload = upload
        self._threads = threads
        self._places = BoundedSemaphore(at_once)
        self._next = 0
        self._blocks = Blocks(upload.part_bytes, self._send)
        self._failed: BaseException | None = None
        self._under_way: set[Future[None]] = set()

    def write(self, block: bytes, /) -> int:
        """Take the next bytes; blocks while too many parts are under way.

        Raises:
            Unreachable: A part of these, or of earlier bytes, could not be put.
        """
        self._blocks.write(block)
        return len(block)

    def finish(self) -> None:
        """Put the rest, and wait until everything is there.

        Raises:
            Unreachable: A part could not be put.
        """
        self._blocks.flush()
        for future in list(self._under_way):
            future.result()
        self._raise_failure()

    def _send(self, part: bytes) -> None:
        self._places.acquire()
        self._raise_failure()
        future = self._threads.submit(self._put, self._next, part)
        self._under_way.add(future)
        future.add_done_callback(self._under_way.discard)
        self._next += 1

    def _put(self, number: int, part: bytes) -> None:
        try:
            # After a failure the rest is not worth sending.
            if self._failed is None:
                self._upload.put(number, part)
        except BaseException as error:  # noqa: BLE001 - it is raised where the bytes come from
            self._failed = error
        finally:
            self._places.release()

    def _raise_failure(self) -> None:
        if self._failed is not None:
            raise self._failed


@contextmanager
def uploading(storage: Storage, uri: str, *, expected_bytes: int) -> Iterator[PartWriter]:
    """Open an upload as a sink. It becomes visible, whole, when the context ends without an error.

    Raises:
        Conflict: There is something at that URI.
        Unreachable: The storage failed. Nothing is visible.
    """
    with storage.create(uri, expected_bytes=expected_bytes) as upload:
        count = 1 if storage.writes_in_order else at_once(storage.parallel, upload.part_bytes)
        threads = ThreadPoolExecutor(count, thread_name_prefix="bldst-upload")
        try:
            # One more than is sent at once, so that the next is ready when a thread is.
            writer = PartWriter(upload, threads, at_once=count + 1)
            yield writer
            writer.finish()
        finally:
            # Before the upload is ended in either way: nothing may arrive after that.
            threads.shutdown(wait=True, cancel_futures=True)
