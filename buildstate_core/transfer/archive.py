"""Folders as tar archives: equal content gives equal bytes, on every worker.

Names are sorted by their bytes; owners and times are left out; permissions, symbolic links and
empty folders are kept. The folder's own permissions are not part of it. What could not be
unpacked safely elsewhere is refused when it is packed: devices, sockets, pipes, and links that
lead out of the folder.
"""

import io
import os
import stat
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from buildstate_core.transfer.failures import bad_source, reason_of
from buildstate_core.transfer.sinks import Sink

_COPY_BYTES: Final = 2**20
_PERMISSIONS: Final = 0o777


def archive_bytes(folder: Path) -> int:
    """Give about the size of a folder's archive, without reading its files.

    Raises:
        InvalidInput: Something in it cannot be archived, or it cannot be read.
    """
    total = tarfile.RECORDSIZE
    for _, path in _members(folder):
        try:
            found = path.lstat()
        except OSError as error:
            raise bad_source(path, reason_of(error)) from error
        total += tarfile.BLOCKSIZE * 2 + (found.st_size if stat.S_ISREG(found.st_mode) else 0)
    return total


def write_archive(folder: Path, sink: Sink) -> None:
    """Archive a folder into a sink, file by file, without a temporary copy.

    Raises:
        InvalidInput: Something in it cannot be archived, or changed while it was read.
    """
    with tarfile.TarFile(
        fileobj=_Forward(sink),
        mode="w",
        format=tarfile.PAX_FORMAT,
        encoding="utf-8",
        errors="surrogateescape",
        copybufsize=_COPY_BYTES,
    ) as tar:
        for name, path in _members(folder):
            try:
                _add(tar, name, path)
            except OSError as error:
                why = f"{reason_of(error)} (did it change while it was read?)"
                raise bad_source(path, why) from error


def unpack(blocks: Iterator[bytes], folder: Path) -> None:
    """Unpack an archive, whose bytes come one block after the other, into a folder that exists.

    Permissions are kept. What follows the archive's end is not taken.

    Raises:
        tarfile.TarError: It is no archive, or has a member that would leave the folder or is
            neither file, folder nor link.
        OSError: The disk refused.
    """
    with tarfile.open(
        fileobj=_Backward(blocks),
        mode="r|",
        bufsize=_COPY_BYTES,
        encoding="utf-8",
        errors="surrogateescape",
    ) as tar:
        tar.extractall(folder, filter=_private)  # noqa: S202 - the filter keeps them inside


def _private(member: tarfile.TarInfo, folder: str) -> tarfile.TarInfo:
    # The standard filter is what makes this safe. It also takes group permissions away, which
    # would give the unpacked folder another digest than the packed one. Archives have no times;
    # 1970 would be too old for zip files, and for make.
    safe = tarfile.data_filter(member, folder)
    return safe.replace(mode=member.mode & _PERMISSIONS, mtime=int(time.time()), deep=False)


def _add(tar: tarfile.TarFile, name: str, path: Path) -> None:
    member = tarfile.TarInfo(name)
    found = path.lstat()
    member.mode = stat.S_IMODE(found.st_mode) & _PERMISSIONS
    if stat.S_ISLNK(found.st_mode):
        member.type = tarfile.SYMTYPE
        member.linkname = str(path.readlink())
        tar.addfile(member)
    elif stat.S_ISDIR(found.st_mode):
        member.type = tarfile.DIRTYPE
        tar.addfile(member)
    else:
        with path.open("rb", buffering=0) as file:
            member.size = os.fstat(file.fileno()).st_size
            tar.addfile(member, file)


def _members(folder: Path) -> Iterator[tuple[str, Path]]:
    """Give each thing in a folder with its name in the archive, parents first."""
    root = Path(os.path.realpath(folder))
    waiting = [("", root)]
    while waiting:
        name, path = waiting.pop()
        try:
            mode = path.lstat().st_mode
            if stat.S_ISLNK(mode):
                _refuse_leading_out(root, name, path)
            elif not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
                raise bad_source(
                    path,
                    "it is a device, a socket or a pipe",
                    hint="Leave it out of the folder that is pushed.",
                )
            inside = list(path.iterdir()) if stat.S_ISDIR(mode) else []
        except OSError as error:
            raise bad_source(path, reason_of(error)) from error
        if name:
            yield name, path
        inside.sort(key=os.fsencode, reverse=True)
        waiting += [(f"{name}/{each.name}" if name else each.name, each) for each in inside]


def _refuse_leading_out(root: Path, name: str, link: Path) -> None:
    leads_to = link.readlink()
    written = os.path.normpath(Path(name).parent / leads_to)
    really = Path(os.path.realpath(link))
    if leads_to.is_absolute() or written.split("/")[0] == ".." or not really.is_relative_to(root):
        raise bad_source(
            link,
            f"it is a link to {leads_to}, which leads out of the folder",
            hint="Make it a relative link inside the folder, or push a tar file of your own.",
        )


class _Forward:
    """The file that `tarfile` writes to; it asks for more than a sink has."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._written_bytes = 0

    def write(self, block: bytes, /) -> int:
        self._sink.write(block)
        self._written_bytes += len(block)
        return len(block)

    def tell(self) -> int:
        return self._written_bytes

    def read(self, _size: int, /) -> bytes:
        raise io.UnsupportedOperation("read")

    def seek(self, _position: int, /) -> object:
        raise io.UnsupportedOperation("seek")

    def close(self) -> None:
        """Nothing: the sink is the caller's."""


class _Backward(io.RawIOBase):
    """The file that `tarfile` reads from."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        if not self._rest:
            self._rest = memoryview(next(self._blocks, b""))
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count
