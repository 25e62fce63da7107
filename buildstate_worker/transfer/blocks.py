"""Gathering bytes that come in any lengths into blocks of one size."""

from collections.abc import Callable


class Blocks:
    """A sink that passes on what is written to it in blocks of one size, but for the last.

    Args:
        block_bytes: The size of a block.
        take: Called with each block as soon as it is full, in order.
    """

    def __init__(self, block_bytes: int, take: Callable[[bytes], None]) -> None:
        self._block_bytes = block_bytes
        self._take = take
        self._gathered: list[bytes] = []
        self._gathered_bytes = 0

    def write(self, data: bytes, /) -> None:
        """Take the next bytes; whatever `take` raises is raised here."""
        if not self._gathered and len(data) == self._block_bytes:
            # As it is: a block of a hole has to stay the one object that is known for it.
            self._take(data)
            return
        start = 0
        while start < len(data):
            piece = data[start : start + self._block_bytes - self._gathered_bytes]
            self._gathered.append(piece)
            self._gathered_bytes += len(piece)
            start += len(piece)
            if self._gathered_bytes == self._block_bytes:
                self.flush()

    def flush(self) -> None:
        """Pass on what is left, as a shorter block; nothing if there is nothing."""
        if not self._gathered:
            return
        block = self._gathered[0] if len(self._gathered) == 1 else b"".join(self._gathered)
        self._gathered, self._gathered_bytes = [], 0
        self._take(block)
