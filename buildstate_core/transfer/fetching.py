"""One artifact from its storage into the cache."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Final

from buildstate_core.transfer.cache import Cache
from buildstate_core.transfer.drafts import Draft
from buildstate_core.transfer.failures import corrupt, on_this_disk
from buildstate_core.transfer.parts import PartWriter
from buildstate_core.transfer.ranges import RANGE_BYTES, read_ranges
from buildstate_core.transfer.sinks import Meter
from buildstate_core.transfer.storage import Storage

_AHEAD: Final = 2
"""How many blocks wait for the disk while the next are hashed."""


class _IntoDraft:
    """A draft as an upload of parts that come in order."""

    part_bytes = RANGE_BYTES

    def __init__(self, draft: Draft) -> None:
        self._draft = draft

    def put(self, _number: int, part: bytes) -> None:
        with on_this_disk(self._draft.path):
            self._draft.write(part)


@contextmanager
def fetched(
    cache: Cache,
    storage: Storage,
    uri: str,
    *,
    checksum: str | None,
    size_bytes: int,
    root: str | None,
    on_progress: Callable[[int], None] | None,
) -> Iterator[tuple[str, int]]:
    """Download an artifact; give its digest and how many bytes came, and keep it in use.

    What an earlier download of the same digest got is not asked for again. If another process
    downloads it now, that is waited for, and no bytes come.

    Args:
        cache: Where it goes.
        storage: Where it comes from.
        uri: Which it is there.
        root: As in `Storage`.
        checksum: What its digest must be. `None`: whatever it is.
        size_bytes: How long it is.
        on_progress: Told how many bytes are here.

    Raises:
        ArtifactLost: It is gone, or has another digest. Nothing was kept.
        ArtifactUnreachable: It cannot be read.
        Refused: This worker's disk failed.
    """
    with cache.drafting(checksum, size_bytes=size_bytes) as draft:
        if checksum is not None and cache.has(checksum):
            yield checksum, 0
            return
        had = draft.size_bytes

        def download() -> Meter:
            return _download(
                draft, storage, uri, size_bytes=size_bytes, root=root, on_progress=on_progress
            )

        meter = download()
        if had and meter.checksum != checksum:
            # Nobody knows which of the two parts is not right, so that both come again.
            had = 0
            draft.empty()
            meter = download()
        if checksum not in {None, meter.checksum}:
            draft.give_up()
            raise corrupt(uri, f"it was recorded as {checksum} and is {meter.checksum}")
        cache.keep(draft, meter.checksum)
        yield meter.checksum, meter.size_bytes - had


def _download(
    draft: Draft,
    storage: Storage,
    uri: str,
    *,
    size_bytes: int,
    root: str | None,
    on_progress: Callable[[int], None] | None,
) -> Meter:
    known = Meter()
    if draft.size_bytes > size_bytes:
        draft.empty()
    with on_this_disk(draft.path):
        draft.read_into(known)
    threads = ThreadPoolExecutor(1, thread_name_prefix="bldst-to-disk")
    try:
        writer = PartWriter(_IntoDraft(draft), threads, at_once=_AHEAD)
        meter = known.continued(writer)
        blocks = read_ranges(storage, uri, start=known.size_bytes, size_bytes=size_bytes, root=root)
        with closing(blocks):
            for block in blocks:
                meter.write(block)
                if on_progress is not None:
                    on_progress(meter.size_bytes)
        writer.finish()
    finally:
        threads.shutdown(wait=True)
    return meter
