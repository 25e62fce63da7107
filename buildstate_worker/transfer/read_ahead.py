"""Bytes that are made in one thread and used in another, a few blocks ahead.

Hashing is what limits the speed of a transfer, so the thread that hashes should never wait for a
disk.
"""

import queue
import threading
from collections.abc import Callable, Generator
from typing import Final

from buildstate_worker.files.sinks import BLOCK_BYTES, Sink
from buildstate_worker.transfer.blocks import Blocks

_DEPTH: Final = 4
"""How many blocks wait for their user: 16 MiB."""


class _NotWanted(Exception):
    """Ends the maker when nobody takes its bytes any more."""


class _Queue:
    """Hands blocks over from the thread that makes them to the one that uses them."""

    def __init__(self) -> None:
        self.blocks: queue.Queue[bytes | None] = queue.Queue(maxsize=_DEPTH)
        self.is_wanted = True

    def put(self, block: bytes) -> None:
        self.blocks.put(block)
        if not self.is_wanted:
            raise _NotWanted


def read_ahead(make: Callable[[Sink], None]) -> Generator[bytes]:
    """Yield what a function writes in a thread of its own, a few blocks ahead of the user.

    Blocks have `BLOCK_BYTES`, but for the last. Close the generator if it is not used to its end.

    Raises:
        Exception: Whatever the function raised, after what it wrote before.
    """
    into = _Queue()
    raised: list[BaseException] = []

    def run() -> None:
        try:
            sink = Blocks(BLOCK_BYTES, into.put)
            make(sink)
            sink.flush()
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
