"""Private copies of cached artifacts in a workspace.

A copy is made beside its target under a temporary name, checked, and then renamed over it. Where
the file system can (XFS, Btrfs), it shares disk blocks with the cache, but never content: editing
it in place changes nothing else.
"""

import os
import stat
import tarfile
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import zstandard

from buildstate_core.errors import InvalidInput
from buildstate_worker.cache.cache import Cache
from buildstate_worker.files.copying import clone, copy_data
from buildstate_worker.files.sinks import Meter, Sink
from buildstate_worker.files.sparse import read_into, write_at
from buildstate_worker.storage.failures import corrupt, on_this_disk, reason_of
from buildstate_worker.transfer.archive.compression import decompress_into
from buildstate_worker.transfer.archive.unpack import unpack
from buildstate_worker.transfer.digests import measure
from buildstate_worker.transfer.read_ahead import read_ahead
from buildstate_worker.transfer.swap import swap_in, temp_beside
from buildstate_worker.transfer.tee import Tee, tee_for


class _Damaged(Exception):
    """The cached file does not hold what was asked for."""


@dataclass(frozen=True)
class _Cached:
    """A file of the cache, and what it should hold.

    Attributes:
        checksum: Of the artifact's own bytes.
        size_bytes: Of the artifact's own bytes, if that was recorded.
        is_packed: Whether the file is those bytes compressed.
        is_verified: Whether the file has just been hashed, by this process.
    """

    path: Path
    checksum: str
    size_bytes: int | None
    is_packed: bool
    is_verified: bool

    def blocks(self) -> Generator[bytes]:
        """Return the artifact's own bytes, read ahead; close the generator unless exhausted."""
        return read_ahead(self._feed)

    def _feed(self, sink: Sink) -> None:
        with self.path.open("rb", buffering=0) as file:
            if self.is_packed:
                decompress_into(sink, file, size_bytes=self.size_bytes)
            else:
                read_into(sink, file.fileno())


@dataclass(frozen=True)
class Place:
    """An artifact's place in a workspace.

    Attributes:
        uri: Where it comes from, for error messages.
        checksum: Of its own bytes, if that was recorded.
        size_bytes: Likewise.
        folder: Whether it is a folder, stored as an archive that is unpacked.
        is_packed: Whether it is stored compressed.
    """

    uri: str
    target: Path
    checksum: str | None
    size_bytes: int | None
    folder: bool
    is_packed: bool

    def known(self, stored: str) -> str:
        """Return the artifact's own digest, given that of what is stored."""
        return self.checksum or stored

    def tee(self) -> AbstractContextManager[Tee | None]:
        """Return a tee to write during a download; `None` where that is of no use."""
        return nullcontext() if self.folder or self.is_packed else tee_for(self.target)

    def fill(
        self,
        cache: Cache,
        stored: str,
        *,
        is_verified: bool = False,
        tee: Tee | None = None,
    ) -> int | None:
        """Put a private copy from the cache in its place, and return the artifact's size.

        `None`: the cache does not have it, or it was damaged and has been removed.

        Args:
            cache: Where it was downloaded to.
            stored: The digest of what was stored.
            is_verified: Whether the cache's file has just been hashed.
            tee: The tee that got all downloaded bytes, if there is one.

        Raises:
            ArtifactLost: It is whole, and still not what was recorded.
            Refused: This worker's disk failed.
        """
        place = _place_folder if self.folder else _place_file
        with cache.using(stored) as path, on_this_disk(self.target):
            if path is None:
                return None
            cached = _Cached(path, self.known(stored), self.size_bytes, self.is_packed, is_verified)
            try:
                if tee is not None and tee.size_bytes == path.stat().st_size:
                    return _place_tee(tee, self.target)
                return place(cached, self.target)
            except FileNotFoundError:
                return None
            except _Damaged:
                if is_verified:
                    raise corrupt(self.uri, "what it holds is not what was recorded") from None
                cache.remove(stored)
                return None
            except tarfile.TarError as error:
                raise corrupt(self.uri, f"it cannot be unpacked: {reason_of(error)}") from error


def size_in_place(
    target: Path, checksum: str, *, folder: bool, size_bytes: int | None
) -> int | None:
    """Return the size of the artifact if `target` already is a private copy of it.

    A link, or a file that has a second name somewhere, is not private.

    Args:
        target: Where it may be.
        checksum: What its digest must be.
        folder: Whether it is a folder.
        size_bytes: Its size, if that is known; of a larger file no more than that is read.
    """
    try:
        found = target.lstat()
        if folder:
            private = stat.S_ISDIR(found.st_mode)
        else:
            private = stat.S_ISREG(found.st_mode) and found.st_nlink == 1
        meter = measure(target, at_most=size_bytes) if private else None
    except (OSError, InvalidInput):
        # Whatever it is, it is not what was recorded.
        return None
    return meter.size_bytes if meter is not None and meter.checksum == checksum else None


def _place_file(cached: _Cached, target: Path) -> int:
    """Replace what is at `target` by a private copy of a cached file; return its size.

    Raises:
        _Damaged: The cached file holds something else. The target is as it was.
        OSError: The cached file is not there, or the disk refused.
    """
    with temp_beside(target) as temp:
        with temp.open("x+b", buffering=0) as copy:
            size = _copy(cached, copy.fileno())
        swap_in(temp, target)
    return size


def _place_tee(tee: Tee, target: Path) -> int:
    """Rename a tee to the target, in place of what is there; return its size.

    Raises:
        OSError: The disk refused.
    """
    with temp_beside(target) as temp:
        tee.name(temp)
        swap_in(temp, target)
    return tee.size_bytes


def _place_folder(cached: _Cached, target: Path) -> int:
    """Replace what is at `target` by a cached archive, unpacked; return the archive's size.

    Raises:
        _Damaged: As in `_place_file`.
        tarfile.TarError: It is what was recorded, but no archive, or one that is not safe to
            unpack.
        OSError: As in `_place_file`.
    """
    meter = Meter()
    with temp_beside(target) as temp, closing(cached.blocks()) as blocks:
        temp.mkdir()
        bad: tarfile.TarError | None = None
        with _damage():
            try:
                unpack(_metered(blocks, meter), temp)
            except tarfile.TarError as error:
                # _Damaged or not an archive at all: its digest tells.
                bad = error
            for block in blocks:
                meter.write(block)
        if meter.checksum != cached.checksum:
            raise _Damaged
        if bad is not None:
            raise bad
        swap_in(temp, target)
    return meter.size_bytes


def _copy(cached: _Cached, handle: int) -> int:
    """Copy, hashing what has not been hashed just now: a file on this disk may be damaged."""
    if not cached.is_packed:
        with cached.path.open("rb", buffering=0) as source:
            if cached.is_verified:
                copy_data(source.fileno(), handle)
                return os.fstat(handle).st_size
            if clone(source.fileno(), handle):
                return _checked(cached, None)
    return _checked(cached, handle)


def _checked(cached: _Cached, handle: int | None) -> int:
    """Hash what is cached, and write it to a new file on the way."""
    meter = Meter()
    with _damage(), closing(cached.blocks()) as blocks:
        for block in blocks:
            if handle is not None:
                write_at(handle, meter.size_bytes, block)
            meter.write(block)
    if meter.checksum != cached.checksum:
        raise _Damaged
    if handle is not None:
        os.ftruncate(handle, meter.size_bytes)
    return meter.size_bytes


@contextmanager
def _damage() -> Iterator[None]:
    try:
        yield
    except zstandard.ZstdError as error:
        raise _Damaged from error


def _metered(blocks: Iterator[bytes], meter: Meter) -> Iterator[bytes]:
    for block in blocks:
        meter.write(block)
        yield block
