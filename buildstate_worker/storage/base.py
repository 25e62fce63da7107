"""What a storage has to do to keep artifacts.

An adapter only moves one part or one range at a time, and says what went wrong in the words of
`failures`. What is the same for all of them is done once: `registry` finds the adapter for a URI,
`transfer.parts` cuts an upload into parts and puts several at once, and `transfer.ranges` fetches
several ranges at once and asks again for one that broke off. The tests in
`tests/worker/storage/test_contract.py` run against each adapter.
"""

import math
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class Listed:
    """A whole object that a listing found.

    Attributes:
        modified_at: When it was stored, by the storage's clock, in UTC.
    """

    uri: str
    size_bytes: int
    modified_at: datetime


@dataclass(frozen=True)
class Unfinished:
    """An upload that was begun and has not ended; a listing of whole objects does not show it.

    Attributes:
        uri: Where it would become visible, as far as the storage knows.
        token: What the storage calls it.
        started_at: When it began, or was last written to, in UTC.
        size_bytes: What it takes up, if the storage says.
    """

    uri: str
    token: str
    started_at: datetime
    size_bytes: int | None = None


class Upload(Protocol):
    """An upload that is under way.

    Attributes:
        part_bytes: How long every part is, but for the last.
    """

    part_bytes: int

    def put(self, number: int, part: bytes) -> None:
        """Take one part, counted from 0.

        Threads call this at the same time and in any order, unless the storage `writes_in_order`.
        An empty file has no parts.

        Raises:
            Unreachable: The storage failed.
        """


class Storage(Protocol):
    """Where artifacts' bytes are kept. Threads share one.

    Every method raises `InvalidInput` for a URI that this storage cannot have. `root` is the URI
    or path that the project's storage begins at, where it is known.

    Attributes:
        parallel: How many parts or ranges to move at once.
        range_bytes: How much to read at once; large enough that the cost of a request is small.
        keeps_holes: Whether a run of zeros takes up no room there.
        writes_in_order: Whether parts have to come one after the other, from the first to the last.
    """

    parallel: int
    range_bytes: int
    keeps_holes: bool
    writes_in_order: bool

    def size_of(self, uri: str, *, root: str | None = None) -> int | None:
        """Ask the storage itself, not a cached listing, for a size in bytes.

        `None`: what has that name is not a file.

        Raises:
            ArtifactLost: It is gone.
            ArtifactUnreachable: Nobody can tell. Known within some 15 seconds.
        """

    def read(self, uri: str, start: int, size: int, *, root: str | None = None) -> bytes:
        """Return `size` bytes from `start` on; fewer only where the object ends.

        `size` is never 0. A request that broke off may be repeated here, once or twice.

        Raises:
            ArtifactLost: It is gone.
            ArtifactUnreachable: It cannot be read.
        """

    def create(self, uri: str, *, expected_bytes: int) -> AbstractContextManager[Upload]:
        """Open an upload. It becomes visible, whole, when the context ends without an error.

        Args:
            uri: Unique to the attempt, so that nobody else writes there.
            expected_bytes: About how much will come; not a promise.

        Raises:
            Conflict: There is something at that URI.
            Unreachable: The storage failed. Nothing is visible.
        """

    def copy(self, source: str, target: str) -> None:
        """Copy an object within this storage, without its bytes coming here, whole or not at all.

        Raises:
            Conflict: There is something at the target.
            ArtifactLost: The source is gone.
            ArtifactUnreachable: The source cannot be read.
            Unreachable: The storage failed, or cannot do it between these two. Nothing is visible.
        """

    def remove(self, uri: str) -> None:
        """Remove an object; one that is not there is no error.

        Raises:
            Unreachable: The storage failed. It may still be there.
        """

    def listing(self, prefix: str) -> Iterator[Listed]:
        """Yield every whole object whose URI begins with a prefix, without temporary files.

        Raises:
            Unreachable: The storage cannot be listed.
        """

    def unfinished(self, prefix: str) -> Iterator[Unfinished]:
        """Return the uploads under a prefix that were begun and have not ended.

        Empty where the storage itself forgets them.

        Raises:
            Unreachable: The storage cannot be listed.
        """

    def abandon(self, upload: Unfinished) -> None:
        """Remove an unfinished upload; one that is not there is no error.

        Raises:
            Unreachable: The storage failed. It may still be there.
        """


def part_size(total_bytes: int, *, at_least: int, most_parts: int) -> int:
    """Return how long parts have to be so that there are no more than a storage allows.

    >>> part_size(10, at_least=4, most_parts=100), part_size(1000, at_least=4, most_parts=100)
    (4, 10)
    """
    return max(at_least, math.ceil(total_bytes / most_parts))
