"""An addition to a cache as a download makes it, without one. Also programs of tests import it."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from buildstate_worker.cache.cache import Cache
from buildstate_worker.files.sinks import Meter


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
