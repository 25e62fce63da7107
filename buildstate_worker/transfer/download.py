"""One artifact from its storage into the cache."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from buildstate_worker.cache.cache import Cache
from buildstate_worker.cache.partial import PartialDownload
from buildstate_worker.files.sinks import Meter
from buildstate_worker.storage.base import Storage
from buildstate_worker.storage.failures import corrupt, on_this_disk
from buildstate_worker.transfer.ranges import put_ranges
from buildstate_worker.transfer.tee import Tee


@dataclass(frozen=True)
class Fetched:
    """An artifact that is in the cache now.

    Attributes:
        checksum: Of what is stored.
        downloaded_bytes: How many bytes were downloaded.
        is_verified: Whether the cache's file is the one that was hashed on its way here.
    """

    checksum: str
    downloaded_bytes: int
    is_verified: bool


@contextmanager
def fetched(
    cache: Cache,
    storage: Storage,
    uri: str,
    *,
    checksum: str | None,
    size_bytes: int,
    root: str | None,
    tee: Tee | None,
    on_progress: Callable[[int], None] | None,
) -> Iterator[Fetched]:
    """Download an artifact into the cache, and keep it in use there.

    What an earlier download of the same digest got is not downloaded again. If another process is
    downloading it, this waits for that, and downloads nothing.

    Args:
        cache: The cache.
        storage: Where it comes from.
        uri: The artifact's URI there.
        root: As in `Storage`.
        checksum: What its digest must be. `None`: whatever it is.
        size_bytes: How long it is.
        tee: Gets the same bytes, all or none of them, if that saves a copy afterwards.
        on_progress: Told how many bytes are here.

    Raises:
        ArtifactLost: It is gone, or has another digest. Nothing was kept.
        ArtifactUnreachable: It cannot be read.
        Refused: This worker's disk failed.
    """
    with cache.partial_download(checksum, size_bytes=size_bytes) as partial:
        if checksum is not None and cache.has(checksum):
            yield Fetched(checksum, 0, is_verified=False)
            return
        had = partial.size_bytes
        if had or (tee is not None and not tee.is_needed_beside(partial.file)):
            tee = None

        def download() -> Meter:
            return _download(
                partial,
                storage,
                uri,
                size_bytes=size_bytes,
                root=root,
                tee=tee,
                on_progress=on_progress,
            )

        meter = download()
        if checksum not in {None, meter.checksum}:
            # What was here before may be wrong, or a bit was flipped on the way. An artifact is
            # condemned, and hours of work with it, only by two downloads.
            had = 0
            partial.empty()
            if tee is not None:
                tee.empty()
            meter = download()
        if checksum not in {None, meter.checksum}:
            partial.give_up()
            raise corrupt(uri, f"it was recorded as {checksum} and is {meter.checksum}")
        is_ours = cache.keep(partial, meter.checksum)
        yield Fetched(meter.checksum, meter.size_bytes - had, is_verified=is_ours)


def _download(
    partial: PartialDownload,
    storage: Storage,
    uri: str,
    *,
    size_bytes: int,
    root: str | None,
    tee: Tee | None,
    on_progress: Callable[[int], None] | None,
) -> Meter:
    """Fill a partial, and hash what is in it."""
    if partial.size_bytes > size_bytes:
        partial.empty()
    meter = Meter()
    with on_this_disk(partial.path):
        partial.read_into(meter)

    def write(block: bytes) -> None:
        with on_this_disk(partial.path):
            partial.write(block)
        if tee is not None:
            tee.write(block)

    done = meter.size_bytes
    ranges = put_ranges(
        storage, uri, write, meter.write, start=done, size_bytes=size_bytes, root=root
    )
    with closing(ranges):
        for count in ranges:
            done += count
            if on_progress is not None:
                on_progress(done)
    return meter
