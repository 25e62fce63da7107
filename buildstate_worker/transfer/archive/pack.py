"""Folders as tar archives: equal content makes equal bytes, on every worker.

Names are sorted by their bytes. Kept are content, names, symbolic links, empty folders, and who may
read, write and execute what. Not kept are owners, times, the set-user-ID, set-group-ID and sticky
bits, access control lists and extended attributes; a second name of a file (a hard link) becomes a
file of its own. The folder's own permissions are not part of it. Entries that could not be
unpacked safely elsewhere are refused: devices, sockets, pipes, and links that lead out of the
folder.
"""

import os
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from buildstate_worker.files.sinks import Sink
from buildstate_worker.files.sparse import read_into
from buildstate_worker.storage.failures import bad_source, reason_of
from buildstate_worker.transfer.archive.links import leads_out

ENCODING: Final = "utf-8"
ERRORS: Final = "surrogateescape"
PERMISSIONS: Final = 0o777
"""What is kept of a mode."""


def archive_bytes(folder: Path) -> int:
    """Return the approximate size of a folder's archive, without reading its files.

    Raises:
        InvalidInput: Something in it cannot be archived, or it cannot be read.
    """
    total = tarfile.RECORDSIZE
    for _, _, found in _members(folder):
        total += tarfile.BLOCKSIZE * 2 + (found.st_size if stat.S_ISREG(found.st_mode) else 0)
    return total


def write_archive(folder: Path, sink: Sink) -> None:
    """Archive a folder into a sink, file by file, without a temporary copy.

    Raises:
        InvalidInput: Something in it cannot be archived, or went away while it was read.
    """
    size = 0
    for name, path, found in _members(folder):
        try:
            size += _add(sink, name, path, found.st_mode)
        except OSError as error:
            why = f"{reason_of(error)} (did it change while it was read?)"
            raise bad_source(path, why) from error
    end = tarfile.BLOCKSIZE * 2
    sink.write(bytes(end + -(size + end) % tarfile.RECORDSIZE))


def _add(sink: Sink, name: str, path: Path, mode: int) -> int:
    """Archive one member, and return how many bytes that took."""
    member = tarfile.TarInfo(name)
    member.mode = stat.S_IMODE(mode) & PERMISSIONS
    if stat.S_ISREG(mode):
        with path.open("rb", buffering=0) as file:
            member.size = os.fstat(file.fileno()).st_size
            head = _write_head(sink, member)
            read_into(sink, file.fileno(), member.size)
        padding = -member.size % tarfile.BLOCKSIZE
        sink.write(bytes(padding))
        return head + member.size + padding
    if stat.S_ISLNK(mode):
        member.type = tarfile.SYMTYPE
        member.linkname = str(path.readlink())
    else:
        member.type = tarfile.DIRTYPE
    return _write_head(sink, member)


def _write_head(sink: Sink, member: tarfile.TarInfo) -> int:
    head = member.tobuf(tarfile.PAX_FORMAT, ENCODING, ERRORS)
    sink.write(head)
    return len(head)


def _members(folder: Path) -> Iterator[tuple[str, Path, os.stat_result]]:
    """Yield each entry of a folder with its name in the archive, parents first."""
    root = Path(os.path.realpath(folder))
    waiting = [("", root)]
    while waiting:
        name, path = waiting.pop()
        try:
            found = path.lstat()
            if stat.S_ISLNK(found.st_mode):
                _refuse_leading_out(root, name, path)
            elif not (stat.S_ISDIR(found.st_mode) or stat.S_ISREG(found.st_mode)):
                raise bad_source(
                    path,
                    "it is a device, a socket or a pipe",
                    hint="Leave it out of the folder that is pushed.",
                )
            inside = list(path.iterdir()) if stat.S_ISDIR(found.st_mode) else []
        except OSError as error:
            raise bad_source(path, reason_of(error)) from error
        if name:
            yield name, path, found
        inside.sort(key=os.fsencode, reverse=True)
        waiting += [(f"{name}/{each.name}" if name else each.name, each) for each in inside]


def _refuse_leading_out(root: Path, name: str, link: Path) -> None:
    def link_at(place: str) -> str | None:
        path = root / place
        return str(path.readlink()) if path.is_symlink() else None

    target = str(link.readlink())
    if leads_out(name, target, link_at):
        raise bad_source(
            link,
            f"it is a link to {target}, which leads out of the folder",
            hint="Make it a relative link inside the folder, or push a tar file of your own.",
        )
