"""Artifacts on a local disk or a mounted network file system.

Plain files, without fsspec: its local writer goes through the system's temporary folder and knows
neither fsync nor a rename that does not overwrite, and those are what matters here.
"""

import os
import stat
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final
from uuid import uuid4

from buildstate_core.errors import BuildStateError
from buildstate_core.transfer.failures import gone, not_stored, occupied, reason_of, unreachable
from buildstate_core.transfer.sinks import BLOCK_BYTES, Sink
from buildstate_core.transfer.uris import local_path, storage_type_of

_CHECK_MOUNT: Final = "Check that the storage is mounted on this worker, and its permissions."
_CHECK_DISK: Final = "Check that the storage is mounted on this worker, its space and permissions."


class LocalStorage:
    """Artifacts as files. See `Storage`."""

    def size_of(self, uri: str, *, root: str | None = None) -> int | None:
        """Give the file's size; `None` for a folder."""
        path = local_path(uri)
        try:
            found = path.stat()
        except OSError as error:
            raise _not_readable(uri, path, root, error) from error
        return found.st_size if stat.S_ISREG(found.st_mode) else None

    def read(self, uri: str, *, root: str | None = None) -> Generator[bytes]:
        """Give the file's bytes in blocks."""
        path = local_path(uri)
        try:
            with path.open("rb", buffering=0) as file:
                while block := file.read(BLOCK_BYTES):
                    yield block
        except OSError as error:
            raise _not_readable(uri, path, root, error) from error

    @contextmanager
    def create(self, uri: str, *, expected_bytes: int) -> Iterator[Sink]:
        """Write beside the target under a hidden name, then give it its name in one step."""
        del expected_bytes
        path = local_path(uri)
        draft = path.with_name(f".buildstate-{uuid4().hex}.part")
        try:
            if os.path.lexists(path):
                raise occupied(uri)
            path.parent.mkdir(parents=True, exist_ok=True)
            with draft.open("xb") as file:
                yield _Draft(uri, file)
                file.flush()
                os.fsync(file.fileno())
            _publish(draft, path, uri)
            _fsync_folder(path.parent)
        except OSError as error:
            raise not_stored(uri, reason_of(error), hint=_CHECK_DISK) from error
        finally:
            with suppress(OSError):
                draft.unlink()

    def remove(self, uri: str) -> None:
        """Remove the file. Its folder stays."""
        try:
            local_path(uri).unlink(missing_ok=True)
        except OSError as error:
            raise not_stored(uri, reason_of(error), hint=_CHECK_DISK) from error


class _Draft:
    """A file whose failures are told apart from those of what is copied into it."""

    def __init__(self, uri: str, file: IO[bytes]) -> None:
        self._uri = uri
        self._file = file

    def write(self, block: bytes, /) -> None:
        try:
            self._file.write(block)
        except OSError as error:
            raise not_stored(self._uri, reason_of(error), hint=_CHECK_DISK) from error


def _publish(draft: Path, path: Path, uri: str) -> None:
    try:
        # A link, unlike a rename, does not overwrite.
        os.link(draft, path)
    except FileExistsError:
        # NFS repeats a request whose answer was lost: then what is there is ours.
        if not path.samefile(draft):
            raise occupied(uri) from None
    except OSError:
        # A file system without hard links. What remains is not atomic against a second writer,
        # but URIs are unique to an attempt.
        if os.path.lexists(path):
            raise occupied(uri) from None
        draft.rename(path)


def _fsync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _not_readable(uri: str, path: Path, root: str | None, error: OSError) -> BuildStateError:
    if not isinstance(error, FileNotFoundError):
        return unreachable(uri, reason_of(error), hint=_CHECK_MOUNT)
    known = path.parent
    if root is not None and storage_type_of(root) == "file":
        start = local_path(root)
        known = start if path.is_relative_to(start) else known
    try:
        if known.is_dir():
            return gone(uri)
    except OSError as other:
        return unreachable(uri, reason_of(other), hint=_CHECK_MOUNT)
    return unreachable(uri, f"the folder {known} does not exist here", hint=_CHECK_MOUNT)
