"""Folders out of their archives. Nothing in an archive is trusted: its storage may be anybody's.

Only what `pack` packs is unpacked: files, folders, and links that stay inside, each name once.
Where a name leads is decided from the names in the archive alone. (The standard library's filter
asks `os.path.realpath`, which long paths of links can mislead.) While files are written there are
no links that they could follow: links are made last.
"""

import io
import os
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Final, Self

from buildstate_worker.files.sparse import write_at
from buildstate_worker.transfer.archive.links import leads_out
from buildstate_worker.transfer.archive.pack import ENCODING, ERRORS, PERMISSIONS

_READ_BYTES: Final = 2**20
_MOST_NAME_BYTES: Final = 4095
"""The longest path of Linux, and so of what can have been packed."""

_MOST_SHOWN: Final = 100

_EXTENDED: Final = frozenset({tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK})
_MOST_EXTENDED_BYTES: Final = 2**20
"""What a name and a link take, many times. It is held in memory."""

_KINDS: Final = _EXTENDED | {tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE}


def unpack(blocks: Iterator[bytes], folder: Path) -> None:
    """Unpack an archive, whose bytes come one block after the other, into an empty folder.

    Permissions are kept. Zeros become holes. What follows the archive's end is ignored.

    Raises:
        tarfile.TarError: It is no archive, or has a member that would leave the folder, that
            another one is in the way of, or that is neither file, folder nor link.
        OSError: The disk refused.
    """
    unpacked = _Unpacked(folder)
    for member, content in _members(blocks):
        name = _name_of(member)
        if content is not None:
            unpacked.add_file(name, member.mode & PERMISSIONS, content)
        elif member.isdir():
            unpacked.add_folder(name, member.mode & PERMISSIONS)
        else:
            unpacked.add_link(name, member.linkname)
    unpacked.finish()


class _Unpacked:
    """A folder that is being unpacked: what is in it, and what is left to do at the end."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._files: set[str] = set()
        self._links: dict[str, str] = {}
        self._folders: dict[str, int | None] = {"": None}

    def add_file(self, name: str, mode: int, content: IO[bytes]) -> None:
        self._make_room(name)
        self._files.add(name)
        with (self._root / name).open("xb", buffering=0) as file:
            # Before anything is in it that not everybody may read.
            os.fchmod(file.fileno(), mode)
            size = 0
            while block := content.read(_READ_BYTES):
                write_at(file.fileno(), size, block)
                size += len(block)
            file.truncate(size)

    def add_link(self, name: str, target: str) -> None:
        self._make_room(name)
        if not target or "\0" in target or len(os.fsencode(target)) > _MOST_NAME_BYTES:
            raise tarfile.ReadError(f"{_quoted(name)} is a link to what can have no name")
        self._links[name] = target

    def add_folder(self, name: str, mode: int) -> None:
        if name not in self._folders:
            self._make_room(name)
            (self._root / name).mkdir()
        # The folder itself has the permissions of where it is put.
        self._folders[name] = mode if name else None

    def finish(self) -> None:
        """Make the links, and set folders' permissions last, since they may forbid writing."""
        for name, target in self._links.items():
            if leads_out(name, target, self._links.get):
                raise tarfile.ReadError(f"{_quoted(name)} is a link that leads out of the folder")
        for name, target in self._links.items():
            (self._root / name).symlink_to(target)
        for name, mode in reversed(self._folders.items()):
            if mode is not None:
                (self._root / name).chmod(mode)

    def _make_room(self, name: str) -> None:
        """Make the folders above a name that nothing has."""
        if name in self._files or name in self._links or name in self._folders:
            raise tarfile.ReadError(f"{_quoted(name)} is in it twice")
        missing = []
        above = name.rpartition("/")[0]
        while above not in self._folders:
            if above in self._files or above in self._links:
                raise tarfile.ReadError(
                    f"{_quoted(name)} lies below {_quoted(above)}, which is no folder"
                )
            missing.append(above)
            above = above.rpartition("/")[0]
        for each in reversed(missing):
            (self._root / each).mkdir()
            self._folders[each] = None


def _name_of(member: tarfile.TarInfo) -> str:
    """Return a member's path in the folder; empty for the folder itself."""
    if len(os.fsencode(member.name)) > _MOST_NAME_BYTES or "\0" in member.name:
        raise tarfile.ReadError(f"{_quoted(member.name)} is no name that a file can have")
    steps = [step for step in member.name.split("/") if step not in {"", "."}]
    if member.name.startswith("/") or ".." in steps:
        raise tarfile.ReadError(f"{_quoted(member.name)} leads out of the folder")
    return "/".join(steps)


def _quoted(name: str) -> str:
    return repr(name if len(name) <= _MOST_SHOWN else f"{name[:_MOST_SHOWN]}…")


def _members(blocks: Iterator[bytes]) -> Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
    """Yield each member; of a file also its content, to be read before the next member."""
    try:
        with (
            suppress(_End),
            tarfile.open(
                fileobj=_Backward(blocks),
                mode="r|",
                bufsize=_READ_BYTES,
                encoding=ENCODING,
                errors=ERRORS,
                tarinfo=_Header,
            ) as tar,
        ):
            while member := tar.next():
                if member.issparse() or member.size < 0:
                    raise tarfile.ReadError(f"{_quoted(member.name)} has holes, or no size")
                yield member, tar.extractfile(member) if member.isreg() else None
                # It would keep them all.
                tar.members.clear()  # type: ignore[attr-defined]
    except (ValueError, OverflowError, RecursionError) as error:
        # What it says of headers that make no sense.
        raise tarfile.ReadError(f"a header makes no sense: {error}") from error


class _End(Exception):
    """The block of zeros that ends an archive."""


class _Header(tarfile.TarInfo):
    """The header of a member; one that is bad is an error, and never the end of the archive."""

    @classmethod
    def fromtarfile(cls, tar: tarfile.TarFile) -> Self:
        try:
            return super().fromtarfile(tar)
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(str(error)) from error

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        if buf == bytes(tarfile.BLOCKSIZE):
            raise _End
        header = super().frombuf(buf, encoding, errors)
        if header.type not in _KINDS:
            raise tarfile.ReadError(
                f"{_quoted(header.name)} is neither a file, a folder nor a symbolic link"
            )
        if header.type in _EXTENDED and header.size > _MOST_EXTENDED_BYTES:
            raise tarfile.ReadError(f"a header has {header.size} bytes")
        return header


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
