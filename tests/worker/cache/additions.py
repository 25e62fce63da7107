"""Additions to a cache, as a download makes them. Also programs of tests import it."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from buildstate_worker.cache.cache import Cache
from buildstate_worker.files.sinks import Meter

KIB = 1024
EACH = 64 * KIB
"""The size of the artifacts here: a multiple of what file systems count in."""


@contextmanager
def adding(
    cache: Cache, blocks: Iterable[bytes], *, size_bytes: int | None = None
) -> Iterator[str]:
    """Add what the blocks are, and give its digest; it is in use in the block."""
    with cache.partial_download(size_bytes=size_bytes) as partial:
        meter = Meter(partial)
        for block in blocks:
            meter.write(block)
        cache.keep(partial, meter.checksum)
        yield meter.checksum


def content_of(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest() * (EACH // 32)


def checksum_of(name: str) -> str:
    return f"sha256:{hashlib.sha256(content_of(name)).hexdigest()}"


def add(cache: Cache, name: str) -> None:
    with adding(cache, [content_of(name)]) as checksum:
        assert checksum == checksum_of(name)


def names_in(cache: Cache, of: str = "abcdef") -> str:
    """The artifacts in a cache by their letters, least recently used first."""
    letters = {checksum_of(each): each for each in of}
    return "".join(letters[each.checksum] for each in cache.entries())


def age(cache: Cache, name: str, *, seconds: int) -> None:
    """Let an artifact not have been used for so long."""
    path = cache.path_of(checksum_of(name))
    then = path.stat().st_mtime - seconds
    os.utime(path, (then, then))


def filled(folder: Path, names: str, *, limit: int) -> Cache:
    """A cache in which the first was used first, each 10 seconds apart."""
    cache = Cache(folder, max_bytes=100 * EACH)
    for number, name in enumerate(names):
        add(cache, name)
        age(cache, name, seconds=10 * (len(names) - number))
    return Cache(folder, max_bytes=limit * EACH)
