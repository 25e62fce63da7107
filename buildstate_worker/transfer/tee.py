"""A private copy that is written while its original is downloaded into the cache.

Where the file system cannot share blocks, a copy that is made afterwards reads everything once
more. A tee has no name until it is given one, so that a killed process leaves nothing of it.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import FileIO
from pathlib import Path

from buildstate_worker.files.copying import clone
from buildstate_worker.files.sparse import write_at
from buildstate_worker.storage.failures import on_this_disk


class Tee:
    """A file without a name.

    Args:
        file: Open for writing, and empty.
        target: What it is for, for the messages.
        links: The open folder by which the system tells what files this process has open.

    Attributes:
        size_bytes: How much has been written to it.
    """

    def __init__(self, file: FileIO, target: Path, *, links: int) -> None:
        self._file = file
        self._target = target
        self._links = links
        self.size_bytes = 0

    def write(self, block: bytes, /) -> None:
        """Take the next bytes. Runs of zeros become holes.

        Raises:
            Refused: This worker's disk failed.
        """
        with on_this_disk(self._target):
            write_at(self._file.fileno(), self.size_bytes, block)
        self.size_bytes += len(block)

    def empty(self) -> None:
        """Start again from nothing: what was written is not what it should be.

        Raises:
            Refused: This worker's disk failed.
        """
        with on_this_disk(self._target):
            self._file.truncate(0)
        self.size_bytes = 0

    def is_needed_beside(self, original: FileIO) -> bool:
        """Return whether a later copy of the original could not share its blocks."""
        is_shared = clone(original.fileno(), self._file.fileno())
        if is_shared:
            self._file.truncate(0)
        return not is_shared

    def name(self, path: Path) -> None:
        """Link it to a path at which there is nothing.

        Raises:
            OSError: This worker's disk failed.
        """
        # Its end may have been left out.
        self._file.truncate(self.size_bytes)
        # Without a folder Python asks for a link to the link.
        number = str(self._file.fileno())
        os.link(number, path, src_dir_fd=self._links, follow_symlinks=True)


@contextmanager
def tee_for(target: Path) -> Iterator[Tee | None]:
    """Yield a tee for a target; `None` if its file system has no files without names."""
    with ExitStack() as opened:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            links = os.open("/proc/self/fd", os.O_RDONLY | os.O_DIRECTORY)
            opened.callback(os.close, links)
            handle = os.open(target.parent, os.O_TMPFILE | os.O_WRONLY, 0o666)
        except OSError:
            tee = None
        else:
            tee = Tee(opened.enter_context(FileIO(handle, "w")), target, links=links)
        yield tee
