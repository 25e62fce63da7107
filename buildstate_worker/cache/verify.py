"""Verifying a cache: does every file in it still have the digest that it is named after?"""

import errno
from collections.abc import Iterator
from dataclasses import dataclass
from io import FileIO

from buildstate_worker.cache.cache import Cache, Entry
from buildstate_worker.files.sinks import BLOCK_BYTES, Meter
from buildstate_worker.storage.failures import on_this_disk, reason_of


@dataclass(frozen=True)
class Verified:
    """What a look at one entry found.

    Attributes:
        damage: What is wrong with it, as the end of a sentence. `None`: nothing.
    """

    entry: Entry
    damage: str | None


def verified(cache: Cache) -> Iterator[Verified]:
    """Hash every entry again, and remove the damaged ones.

    This does not count as use: the order in which they will be evicted stays. An entry that goes
    meanwhile is skipped.

    Raises:
        Refused: This worker's disk failed.
    """
    with on_this_disk(cache.folder):
        entries = cache.entries()
    for entry in entries:
        with cache.using(entry.checksum, is_use=False) as path, on_this_disk(entry.path):
            if path is None:
                continue
            damage = _damage(entry)
            if damage is not None:
                cache.remove(entry.checksum)
        yield Verified(entry, damage)


def _damage(entry: Entry) -> str | None:
    meter = Meter()
    try:
        with FileIO(entry.path) as file:
            while block := file.read(BLOCK_BYTES):
                meter.write(block)
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        return f"it cannot be read: {reason_of(error)}"
    return None if meter.checksum == entry.checksum else f"its digest is {meter.checksum}"
