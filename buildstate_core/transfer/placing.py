"""Private copies of cached artifacts in a workspace.

A copy is made beside its target under a hidden name, checked, and then renamed over it. It shares
disk blocks with the cache where the file system can do that (XFS, Btrfs), but never content:
editing it in place changes nothing else.
"""

import fcntl
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final
from uuid import uuid4

from buildstate_core.errors import InvalidInput
from buildstate_core.transfer.archive import unpack
from buildstate_core.transfer.digests import measure
from buildstate_core.transfer.sinks import BLOCK_BYTES, Meter

_FICLONE: Final = 0x40049409
"""The request of Linux' `ioctl_ficlone(2)`; `fcntl` names it only from Python 3.12 on."""


class Damaged(Exception):
    """The cached file's digest is not the one that it is named for. For the caller next door."""


def size_in_place(target: Path, checksum: str, *, folder: bool) -> int | None:
    """Give the size of the artifact if `target` already is a private copy of it.

    A link, or a file that has a second name somewhere, is not private.
    """
    try:
        found = target.lstat()
        if folder:
            private = stat.S_ISDIR(found.st_mode)
        else:
            private = stat.S_ISREG(found.st_mode) and found.st_nlink == 1
        meter = measure(target) if private else None
    except (OSError, InvalidInput):
        # Whatever it is, it is not what was recorded.
        return None
    return meter.size_bytes if meter is not None and meter.checksum == checksum else None


def place_file(cached: Path, target: Path, *, checksum: str) -> None:
    """Put a private copy of a cached file at `target`, in place of what is there.

    Raises:
        Damaged: The cached file has another digest. The target is as it was.
        OSError: The cached file is not there, or the disk refused.
    """
    with _draft_beside(target) as draft:
        with cached.open("rb", buffering=0) as source, draft.open("x+b") as copy:
            # Without a clone it is hashed while it is copied: no second reading.
            found = _digest(copy) if _clone(source, copy) else _digest(source, copy=copy)
        if found != checksum:
            raise Damaged
        _swap_in(draft, target)


def place_folder(cached: Path, target: Path, *, checksum: str) -> None:
    """Unpack a cached archive as the folder `target`, in place of what is there.

    Raises:
        Damaged: As in `place_file`.
        tarfile.TarError: It is no archive, or one that is not safe to unpack.
        OSError: As in `place_file`.
    """
    with cached.open("rb", buffering=0) as source:
        if _digest(source) != checksum:
            raise Damaged
    with _draft_beside(target) as draft:
        draft.mkdir()
        unpack(cached, draft)
        _swap_in(draft, target)


def _digest(source: IO[bytes], *, copy: IO[bytes] | None = None) -> str:
    meter = Meter(copy)
    while block := source.read(BLOCK_BYTES):
        meter.write(block)
    return meter.checksum


def _clone(source: IO[bytes], copy: IO[bytes]) -> bool:
    """Share the source's disk blocks with the copy, if the file system can."""
    try:
        fcntl.ioctl(copy.fileno(), _FICLONE, source.fileno())
    except OSError:
        return False
    return True


@contextmanager
def _draft_beside(target: Path) -> Iterator[Path]:
    """Give a name that nothing has, and leave nothing under it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".buildstate-{uuid4().hex}.part")
    try:
        yield draft
    finally:
        _remove(draft)


def _swap_in(draft: Path, target: Path) -> None:
    """Give the draft the target's name. A file takes a file's place in one step.

    Folders take two: between them nothing has the target's name, and when the second fails the
    old one gets it back.
    """
    if not (draft.is_dir() or (target.is_dir() and not target.is_symlink())):
        draft.replace(target)
        return
    with _draft_beside(target) as aside:
        with suppress(FileNotFoundError):
            target.rename(aside)
        try:
            draft.rename(target)
        except OSError:
            with suppress(FileNotFoundError):
                aside.rename(target)
            raise


def _remove(path: Path) -> None:
    """Remove a file or a folder. What cannot be removed stays, under its hidden name."""
    if path.is_dir() and not path.is_symlink():
        for folder, _, _ in os.walk(path):
            # A folder without write permission cannot be emptied.
            with suppress(OSError):
                Path(folder).chmod(stat.S_IRWXU)
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()
