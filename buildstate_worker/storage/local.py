"""Artifacts on a local disk or a mounted network file system.

Plain files, without fsspec: its local writer goes through the system's temporary folder and knows
neither fsync nor a rename that does not overwrite, and those are what matters here.
"""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from buildstate_core.errors import BuildStateError
from buildstate_worker.files.copying import copy_data
from buildstate_worker.files.sinks import BLOCK_BYTES, STAT_BLOCK_BYTES
from buildstate_worker.files.sparse import HOLE, is_hole, write_at
from buildstate_worker.files.temp_names import is_temp_name, temp_name
from buildstate_worker.storage.base import Listed, Unfinished
from buildstate_worker.storage.failures import (
    FREE_SPACE,
    gone,
    not_listed,
    not_removed,
    not_stored,
    occupied,
    reason_of,
    unreachable,
)
from buildstate_worker.storage.mount_check import MountCheck
from buildstate_worker.storage.uris import local_path, storage_type_of

_CHECK_MOUNT: Final = "Check that the storage is mounted on this worker."
_CHECK_RIGHTS: Final = "Check the storage's permissions for the user that this worker runs as."
_HINTS: Final = {
    errno.EACCES: _CHECK_RIGHTS,
    errno.EPERM: _CHECK_RIGHTS,
    errno.EROFS: "Mount it so that it can be written, then run this again.",
    errno.ENOSPC: FREE_SPACE,
    errno.EDQUOT: FREE_SPACE,
}
_ELSEWHERE: Final = (
    "Mount that folder here if machines share it. If it is another machine's own disk, run this"
    " there, and give the project a storage that every worker reaches."
)


class LocalStorage:
    """Artifacts as files. See `Storage`."""

    parallel = 2
    range_bytes = len(HOLE)
    keeps_holes = True
    # One after the other lies better on a disk, and one thread is faster than any.
    writes_in_order = True

    def size_of(self, uri: str, *, root: str | None = None) -> int | None:
        """Return the file's size; `None` for a folder."""
        path = local_path(uri)
        try:
            found = path.stat()
        except OSError as error:
            raise _not_readable(uri, path, root, error) from error
        return found.st_size if stat.S_ISREG(found.st_mode) else None

    def read(self, uri: str, start: int, size: int, *, root: str | None = None) -> bytes:
        """Return a part of the file's bytes."""
        path = local_path(uri)
        try:
            with path.open("rb", buffering=0) as file:
                if size == len(HOLE) and is_hole(file.fileno(), start, size):
                    return HOLE
                return os.pread(file.fileno(), size, start)
        except OSError as error:
            raise _not_readable(uri, path, root, error) from error

    @contextmanager
    def create(self, uri: str, *, expected_bytes: int) -> Iterator["_Upload"]:
        """Write beside the target under a temporary name, then rename it in one step."""
        del expected_bytes
        with self._uploading(uri) as upload:
            yield upload

    def copy(self, source: str, target: str) -> None:
        """Copy a file; blocks are shared where the file system can."""
        path = local_path(source)
        with self._uploading(target) as upload:
            try:
                original = path.open("rb", buffering=0)
            except OSError as error:
                raise _not_readable(source, path, None, error) from error
            with original:
                copy_data(original.fileno(), upload.handle)
                upload.size_bytes = os.fstat(original.fileno()).st_size

    def remove(self, uri: str) -> None:
        """Remove the file. Its folder stays."""
        try:
            local_path(uri).unlink(missing_ok=True)
        except OSError as error:
            raise _told(not_removed, uri, error) from error

    def listing(self, prefix: str) -> Iterator[Listed]:
        """Yield the files under a folder."""
        for path, found in _files(prefix):
            if not is_temp_name(path.name):
                at = datetime.fromtimestamp(found.st_mtime, UTC)
                yield Listed(path.as_uri(), found.st_size, at)

    def unfinished(self, prefix: str) -> Iterator[Unfinished]:
        """Yield the temporary files of uploads that are under way or whose worker died."""
        for path, found in _files(prefix):
            if is_temp_name(path.name):
                at = datetime.fromtimestamp(found.st_mtime, UTC)
                uri = path.as_uri()
                yield Unfinished(uri, uri, at, found.st_blocks * STAT_BLOCK_BYTES)

    def abandon(self, upload: Unfinished) -> None:
        """Remove the temporary file."""
        self.remove(upload.token)

    @contextmanager
    def _uploading(self, uri: str) -> Iterator["_Upload"]:
        path = local_path(uri)
        temp = path.with_name(temp_name())
        try:
            if os.path.lexists(path):
                raise occupied(uri)
            path.parent.mkdir(parents=True, exist_ok=True)
            with temp.open("xb", buffering=0) as file:
                upload = _Upload(uri, file.fileno())
                yield upload
                # The last bytes may be a hole.
                file.truncate(upload.size_bytes)
                os.fsync(file.fileno())
            _publish(temp, path, uri)
            _fsync_folder(path.parent)
        except OSError as error:
            raise _told(not_stored, uri, error) from error
        finally:
            with suppress(OSError):
                temp.unlink()


class _Upload:
    """A file that is being written; its own failures are told apart from those of a source."""

    part_bytes = BLOCK_BYTES

    def __init__(self, uri: str, handle: int) -> None:
        self._uri = uri
        self.handle = handle
        self.size_bytes = 0

    def put(self, number: int, part: bytes) -> None:
        position = number * self.part_bytes
        try:
            write_at(self.handle, position, part)
            # Lets the disk begin, so that little is left to wait for at the end.
            os.posix_fadvise(self.handle, position, len(part), os.POSIX_FADV_DONTNEED)
        except OSError as error:
            raise _told(not_stored, self._uri, error) from error
        self.size_bytes = position + len(part)


def _files(prefix: str) -> Iterator[tuple[Path, os.stat_result]]:
    """Yield the files under a folder, or those whose path begins with a prefix."""
    start = local_path(prefix)
    folder = start if prefix.endswith("/") or start.is_dir() else start.parent
    problems: list[OSError] = []
    for here, _, names in os.walk(folder, onerror=problems.append):
        for name in names:
            path = Path(here, name)
            with suppress(FileNotFoundError):
                found = path.lstat()
                if stat.S_ISREG(found.st_mode) and str(path).startswith(str(start)):
                    yield path, found
    if problems:
        raise _told(not_listed, prefix, problems[0])


def _publish(temp: Path, path: Path, uri: str) -> None:
    try:
        # A link, unlike a rename, does not overwrite.
        os.link(temp, path)
    except FileExistsError:
        # NFS repeats a request whose answer was lost: then what is there is ours.
        if not path.samefile(temp):
            raise occupied(uri) from None
    except OSError:
        # A file system without hard links. What remains is not atomic against a second writer,
        # but URIs are unique to an attempt.
        if os.path.lexists(path):
            raise occupied(uri) from None
        temp.rename(path)


def _fsync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _not_readable(uri: str, path: Path, root: str | None, error: OSError) -> BuildStateError:
    if not isinstance(error, FileNotFoundError):
        return _told(unreachable, uri, error)
    start = local_path(root) if root is not None and storage_type_of(root) == "file" else None
    mount = MountCheck.of(path, start)
    try:
        if mount.own is not None and Path(mount.own).is_dir():
            return gone(uri)
        with os.scandir(mount.used) as entries:
            if any(entries):
                return gone(uri)
        why = f"the folder {mount.used} is empty here, as if it were not mounted"
    except FileNotFoundError:
        if start is None or start not in path.parents:
            # Where a machine keeps artifacts on its own disk, no other has such a folder.
            why = f"there is no folder {mount.used} on this machine, and it may lie on the disk of"
            return unreachable(uri, f"{why} another", hint=_ELSEWHERE)
        why = f"the folder {mount.used} does not exist here"
    except OSError as other:
        return _told(unreachable, uri, other)
    return unreachable(uri, why, hint=mount.next_step(_CHECK_MOUNT))


def _told(say: Callable[..., BuildStateError], uri: str, error: OSError) -> BuildStateError:
    is_in_the_way = isinstance(error, FileExistsError)
    why = "a file is in the place of its folder" if is_in_the_way else reason_of(error)
    return say(uri, why, hint=_HINTS.get(error.errno or 0, _CHECK_MOUNT))
