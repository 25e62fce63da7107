"""Pulled artifacts by digest: `sha256/ab/<all 64 digits>`, read-only.

There is no index: a file's name is its digest, and its time of modification is when it was last
used. Any number of processes share a cache, and any of them may be killed at any moment.

- Bytes come in as a partial download in `incoming`. It is renamed to its digest once its bytes have
  that digest, so that others see a whole file or none. (Nothing is flushed to the disk: after a
  power cut a file may be damaged, which shows when it is next used.)
- Whoever reads or writes a file holds a lock on it, which ends with the process (`locks`). A locked
  file is never evicted. A partial download without a lock was left by a process that died; the next
  pull of the same artifact continues it (`partial`).
- After each addition the least recently used files are removed until the rest is within the limit.
  What was just added is locked, so that an artifact larger than the limit can be used all the same;
  it stays until the next one comes. With a limit of 0 it goes as soon as it is no longer used.
"""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Final

from buildstate_worker.cache.locks import is_at, lock_shared, one_at_a_time
from buildstate_worker.cache.partial import Incoming, PartialDownload, went
from buildstate_worker.files.sinks import STAT_BLOCK_BYTES
from buildstate_worker.storage.failures import on_this_disk

_READ_ONLY: Final = 0o400
_DIGITS: Final = re.compile("[0-9a-f]{64}")
_SHARE_OF_DISK: Final = 10
"""One part in ten. A cache that is too small costs a download; a disk that is full, a build."""


@dataclass(frozen=True)
class Entry:
    """One artifact in the cache.

    Attributes:
        size_bytes: How long it is.
        disk_bytes: What it takes up: less, when it has holes.
        used_at: When it was last added or read, in seconds since 1970.
    """

    checksum: str
    path: Path
    size_bytes: int
    disk_bytes: int
    used_at: float


@dataclass(frozen=True)
class Room:
    """The result of making room.

    Attributes:
        removed: The entries that went, or that would have gone; least recently used first.
        in_use: The entries that should have gone but stayed, because they are in use or belong to
            another user.
    """

    removed: tuple[Entry, ...]
    in_use: tuple[Entry, ...]


class Cache:
    """A folder of files that are named by their digests.

    Args:
        folder: Made when it is first needed.
        max_bytes: What its files may take up on the disk. `None`: a tenth of that disk.
    """

    def __init__(self, folder: Path, *, max_bytes: int | None = None) -> None:
        self.folder = folder
        self._entries_folder = folder / "sha256"
        self._incoming_folder = folder / "incoming"
        self._incoming = Incoming(self._incoming_folder)
        self._max_bytes = max_bytes

    @property
    def max_bytes(self) -> int:
        """What the files may take up on the disk."""
        if self._max_bytes is not None:
            return self._max_bytes
        there = next(each for each in (self.folder, *self.folder.parents) if each.exists())
        return shutil.disk_usage(there).total // _SHARE_OF_DISK

    def path_of(self, checksum: str) -> Path:
        """Return the path of the file of this digest, whether or not it exists."""
        digits = checksum.partition(":")[2]
        return self._entries_folder / digits[:2] / digits

    def has(self, checksum: str) -> bool:
        """Return whether a file of this digest exists. Unless in use, it may go at any time."""
        return self.path_of(checksum).exists()

    @contextmanager
    def using(self, checksum: str, *, is_use: bool = True) -> Iterator[Path | None]:
        """Yield the file of this digest, which is not evicted until the block ends.

        Its bytes may have been damaged: the caller has to hash them.

        Args:
            checksum: In its canonical form.
            is_use: Whether that counts as use of it.

        Raises:
            Refused: This worker's disk failed.
        """
        path = self.path_of(checksum)
        with on_this_disk(path):
            file = _open_locked(path)
        if file is None:
            yield None
            return
        with file:
            if is_use:
                # Somebody else's cache may be readable and no more.
                with suppress(PermissionError):
                    os.utime(file.fileno())
            yield path
        self._let_go()

    @contextmanager
    def partial_download(
        self, checksum: str | None = None, *, size_bytes: int | None = None
    ) -> Iterator[PartialDownload]:
        """Open a file to download an artifact into; it is removed unless it is kept.

        Args:
            checksum: The digest that it shall have. The file then begins with what an interrupted
                download of it left, and stays when the block raises, for the next one. This waits
                while another process downloads the same artifact.
            size_bytes: About how many bytes will come, to make room before. `None`: unknown.

        Raises:
            Refused: This worker's disk failed.
        """
        with on_this_disk(self._incoming_folder):
            self._incoming_folder.mkdir(parents=True, exist_ok=True)
            self._incoming.remove_abandoned()
        partials = (
            self._incoming.anonymous()
            if checksum is None
            else self._incoming.resumable(checksum.partition(":")[2])
        )
        with ExitStack() as stack:
            with on_this_disk(self._incoming_folder):
                partial = stack.enter_context(partials)
                self.make_room(self.max_bytes - (size_bytes or 0))
            yield partial
        self._let_go()

    def keep(self, partial: PartialDownload, checksum: str) -> bool:
        """Add a complete download to the cache under its digest.

        If another process was faster, its file stays, since others may use it already; this process
        has not hashed that one. Either way the file of this digest is in use until the download's
        block ends.

        Returns:
            Whether the file of this digest is now this download.

        Raises:
            Refused: This worker's disk failed.
        """
        home = self.path_of(checksum)
        with on_this_disk(partial.path):
            home.parent.mkdir(parents=True, exist_ok=True)
            # Else it could take the place of one that is being evicted, and go with it.
            with one_at_a_time(self._entries_folder):
                existing = _open_locked(home)
                if existing is not None:
                    partial.uses.enter_context(existing)
                is_wanted = existing is None or _size(existing) != _size(partial.file)
                is_kept = is_wanted and partial.is_named
                if is_kept:
                    partial.path.replace(home)
                    # Not before: another user's process may be about to continue this download.
                    os.fchmod(partial.file.fileno(), _READ_ONLY)
                    # No longer one process' own: from now on anybody may use it.
                    lock_shared(partial.file.fileno())
            self.make_room(self.max_bytes)
        return is_kept

    def remove(self, checksum: str) -> None:
        """Remove a file that was found damaged, even if somebody uses it."""
        path = self.path_of(checksum)
        with on_this_disk(path):
            path.unlink(missing_ok=True)

    def entries(self) -> list[Entry]:
        """Return all entries, least recently used first.

        Raises:
            OSError: It cannot be read.
        """
        found = (_entry(path) for path in self._entries_folder.glob("??/*"))
        return sorted((each for each in found if each), key=lambda each: each.used_at)

    def make_room(self, max_bytes: int, *, dry_run: bool = False) -> Room:
        """Remove the least recently used until the rest takes up `max_bytes` at most.

        Args:
            max_bytes: With 0 or less none stays.
            dry_run: Only say what would go.

        Raises:
            OSError: The disk refused.
        """
        if not self._entries_folder.exists():
            return Room((), ())
        removed: list[Entry] = []
        in_use: list[Entry] = []
        with one_at_a_time(self._entries_folder):
            entries = self.entries()
            taken_bytes = sum(each.disk_bytes for each in entries)
            for each in entries:
                if max_bytes > 0 and taken_bytes <= max_bytes:
                    break
                if went(each.path, dry_run=dry_run):
                    removed.append(each)
                    taken_bytes -= each.disk_bytes
                else:
                    in_use.append(each)
        return Room(tuple(removed), tuple(in_use))

    def incoming(self) -> list[Path]:
        """Return the files of downloads that are under way or were interrupted."""
        return self._incoming.paths()

    def remove_abandoned(self, *, dry_run: bool = False, for_room: bool = False) -> int:
        """Remove interrupted downloads that nobody will continue, and return how many.

        Args:
            dry_run: Only say how many there are.
            for_room: Also those of the last day, which the next pull could continue.

        Raises:
            OSError: The disk refused.
        """
        return self._incoming.remove_abandoned(dry_run=dry_run, for_room=for_room)

    def _let_go(self) -> None:
        """With a limit of 0, remove what nobody uses any longer; the last user does it."""
        if self.max_bytes == 0:
            with on_this_disk(self.folder):
                self.make_room(0)


def _open_locked(path: Path) -> FileIO | None:
    """Open an entry and lock it as in use. `None`: it is not there."""
    while True:
        try:
            file = FileIO(path)
        except FileNotFoundError:
            return None
        lock_shared(file.fileno())
        if is_at(file.fileno(), path):
            return file
        # It was evicted, or replaced, before it was locked.
        file.close()


def _size(file: FileIO) -> int:
    return os.fstat(file.fileno()).st_size


def _entry(path: Path) -> Entry | None:
    """Return the entry for a file; `None` if it is not one of the cache's, or has just gone."""
    if not (_DIGITS.fullmatch(path.name) and path.name.startswith(path.parent.name)):
        return None
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    return Entry(
        checksum=f"sha256:{path.name}",
        path=path,
        size_bytes=found.st_size,
        disk_bytes=found.st_blocks * STAT_BLOCK_BYTES,
        used_at=found.st_mtime,
    )
