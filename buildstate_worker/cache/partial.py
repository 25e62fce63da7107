"""Partial downloads: files on their way into the cache, in its folder `incoming`.

Each belongs to one process, which holds a lock on it that ends with the process. An anonymous one
is of no use to others, and is removed once its process is dead. One that is named after the digest
that it shall have can be resumed: the next process that wants the same artifact continues at its
end. It is filled from its beginning on, so that its length is what it has.
"""

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Final
from uuid import uuid4

from buildstate_worker.cache.locks import (
    is_at,
    is_unused,
    lock_exclusive,
    lock_shared,
    remove_unused,
)
from buildstate_worker.files.sinks import Sink
from buildstate_worker.files.sparse import read_into, write_at

_RESUMABLE_SECONDS: Final = 24 * 3600
_SUFFIX: Final = ".part"


@dataclass
class PartialDownload:
    """A file that is being downloaded into the cache.

    Attributes:
        file: Open for writing and reading, at any position.
        path: Its name for now.
        uses: Files that stay in use until the download ends.
        size_bytes: How much of it is there, from its beginning on.
    """

    file: FileIO
    path: Path
    uses: ExitStack
    size_bytes: int = 0

    def write(self, block: bytes, /) -> int:
        """Take the next bytes, all of them. Runs of zeros become holes."""
        handle = self.file.fileno()
        write_at(handle, self.size_bytes, block)
        self.size_bytes += len(block)
        if os.fstat(handle).st_size < self.size_bytes:
            os.ftruncate(handle, self.size_bytes)
        return len(block)

    def read_into(self, sink: Sink) -> None:
        """Write what has been downloaded before into a sink."""
        read_into(sink, self.file.fileno())

    @property
    def is_named(self) -> bool:
        """Whether it has its name still. It may have been kept, or its folder emptied by hand."""
        return is_at(self.file.fileno(), self.path)

    def give_up(self) -> None:
        """Remove the file, so that nobody continues with what is in it."""
        if self.is_named:
            self.path.unlink(missing_ok=True)

    def empty(self) -> None:
        """Start again from nothing: what is there is not what it should be."""
        os.ftruncate(self.file.fileno(), 0)
        self.size_bytes = 0


class Incoming:
    """The folder of partial downloads.

    Args:
        folder: Made when it is first needed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def anonymous(self) -> Iterator[PartialDownload]:
        """Open a partial download that is removed at the end, unless it was renamed.

        Raises:
            OSError: The disk refused.
        """
        partial = self._new()
        with partial.uses:
            try:
                yield partial
            finally:
                with suppress(OSError):
                    partial.give_up()

    @contextmanager
    def resumable(self, digits: str) -> Iterator[PartialDownload]:
        """Open the partial download of a digest; waits while another process has it.

        It stays when the block raises, so that another process may go on.

        Raises:
            OSError: The disk refused.
        """
        partial = self._owned(self._folder / f"{digits}{_SUFFIX}")
        with partial.uses:
            yield partial
            # While it is ours: the next process may have made another one of this name by then.
            with suppress(OSError):
                partial.give_up()

    def paths(self) -> list[Path]:
        """Return the files of downloads, under way or left by dead processes, oldest first."""
        with suppress(FileNotFoundError):
            return sorted(self._folder.iterdir(), key=_written_at)
        return []

    def remove_abandoned(self, *, dry_run: bool = False, for_room: bool = False) -> int:
        """Remove downloads that nobody will continue, and return how many.

        Args:
            dry_run: Only say how many there are.
            for_room: Also those that could be continued, since their room is needed now.

        Raises:
            OSError: The disk refused.
        """
        now = time.time()
        return sum(
            went(path, dry_run=dry_run)
            for path in self.paths()
            if for_room or path.suffix != _SUFFIX or now - _written_at(path) > _RESUMABLE_SECONDS
        )

    def _new(self) -> PartialDownload:
        while True:
            path = self._folder / uuid4().hex
            file = FileIO(path, "x+")
            lock_shared(file.fileno())
            if is_at(file.fileno(), path):
                uses = ExitStack()
                uses.enter_context(file)
                return PartialDownload(file, path, uses)
            # Another process saw it before it was locked, and took it for abandoned.
            file.close()

    def _owned(self, path: Path) -> PartialDownload:
        while True:
            file = FileIO(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+")
            lock_exclusive(file.fileno())
            if is_at(file.fileno(), path):
                uses = ExitStack()
                uses.enter_context(file)
                return PartialDownload(file, path, uses, os.fstat(file.fileno()).st_size)
            # The process that had it has added it to the cache, or removed it.
            file.close()


def went(path: Path, *, dry_run: bool) -> bool:
    """Remove a file unless somebody uses it, and return whether it is, or would be, gone.

    Raises:
        OSError: The disk refused.
    """
    try:
        return is_unused(path) if dry_run else remove_unused(path)
    except FileNotFoundError:
        return True
    except PermissionError:
        # Another user's, after a `sudo` perhaps. That is no reason for a pull to fail.
        return False


def _written_at(path: Path) -> float:
    try:
        return path.lstat().st_mtime
    except FileNotFoundError:
        return 0.0
