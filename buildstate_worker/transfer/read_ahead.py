"""Bytes that are made in one thread and used in another, with little between them.

Hashing is what bounds a transfer, so that the thread that hashes should never wait for a disk.
"""

import queue
import threading
from collections.abc import Callable, Generator
from typing import Final

from buildstate_worker.files.sinks import BLOCK_BYTES, Sink

_DEPTH: Final = 4
"""How many blocks wait for their user: 16 MiB."""


class _NotWanted(Exception):
    """Ends the maker when nobody takes its bytes any more."""


class _Queue:
    """The sink of the maker: gathers what it writes into blocks of one size."""

    def __init__(self) -> None:
        self.blocks: queue.Queue[bytes | None] = queue.Queue(maxsize=_DEPTH)
        self.is_wanted = True
        self._rest: list[bytes] = []
        self._rest_bytes = 0

    def write(self, block: bytes, /) -> None:
        if not self._rest and len(block) == BLOCK_BYTES:
            self._hand_over(block)
            return
        start = 0
        while start < len(block):
            piece = block[start : start + BLOCK_BYTES - self._rest_bytes]
            self._rest.append(piece)
            self._rest_bytes += len(piece)
            start += len(piece)
            if self._rest_bytes == BLOCK_BYTES:
                self.flush()

    def flush(self) -> None:
        if self._rest:
            self._hand_over(b"".join(self._rest))
            self._rest, self._rest_bytes = [], 0

    def _hand_over(self, block: bytes) -> None:
        self.blocks.put(block)
        if not self.is_wanted:
            raise _NotWanted


def read_ahead(make: Callable[[Sink], None]) -> Generator[bytes]:
    """Give what a function writes, while it writes on in a thread of its own.

    Blocks have `BLOCK_BYTES`, but for the last. Close the generator when it is not used to its
    end.

    Raises:
        Exception: Whatever the function raised, after what it wrote before.
    """
    into = _Queue()
    raised: list[BaseException] = []

    def run() -> None:
        try:
            make(into)
            into.flush()
        except _NotWanted:
            pass
        except BaseException as error:  # noqa: BLE001 - it is raised where the bytes are used
            raised.append(error)
        finally:
            into.blocks.put(None)

    maker = threading.Thread(target=run, name="bldst-read-ahead", daemon=True)
    maker.start()
    try:
        while (block := into.blocks.get()) is not None:
            yield block
        if raised:
            raise raised[0]
    finally:
        into.is_wanted = False
        # One that waits for a free place finds one, and then sees that nobody wants any more.
        while maker.is_alive():
            try:
                into.blocks.get(timeout=0.05)
            except queue.Empty:
                continue
        maker.join()
