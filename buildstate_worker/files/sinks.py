"""Where bytes go: one small interface, and the sink that hashes on the way."""

import hashlib
from typing import Final, Protocol

BLOCK_BYTES: Final = 4 * 2**20
"""How much is read at a time: enough that hashing it lets other threads work meanwhile."""

STAT_BLOCK_BYTES: Final = 512
"""What `st_blocks` counts in, whatever the file system's own blocks are."""


class Sink(Protocol):
    """Something that takes bytes, all of them at each call."""

    def write(self, block: bytes, /) -> object:
        """Take the next bytes."""


class Meter:
    """A sink that hashes and counts what passes through it on its way to another.

    Args:
        into: Where the bytes go next. `None`: nowhere, only the digest is wanted.
    """

    def __init__(self, into: Sink | None = None) -> None:
        self._into = into
        self._hash = hashlib.sha256()
        self.size_bytes = 0

    def write(self, block: bytes, /) -> int:
        """Take the next bytes."""
        # First on their way: what is done with them is done while they are hashed.
        if self._into is not None:
            self._into.write(block)
        self._hash.update(block)
        self.size_bytes += len(block)
        return len(block)

    @property
    def checksum(self) -> str:
        """The digest of what has passed so far."""
        return f"sha256:{self._hash.hexdigest()}"
