"""Replacing what is at a target by a file or folder that was made beside it."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from buildstate_worker.files.temp_names import temp_name
from buildstate_worker.transfer.overwrite_check import check_replaceable

_TAKEN: Final = {errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR}
"""Why a folder does not get a name: something else has it."""


@contextmanager
def temp_beside(target: Path) -> Iterator[Path]:
    """Yield a new name beside a path; whatever has that name at the end is removed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temp = target.with_name(temp_name())
    try:
        yield temp
    finally:
        _remove(temp)


def swap_in(temp: Path, target: Path) -> None:
    """Rename a file or folder to the target. A file replaces a file in one step.

    A folder takes two steps: between them there is nothing at the target, and if the second fails
    the old folder is put back.

    Raises:
        Refused: What is at the target by now must not be replaced.
        OSError: The disk refused.
    """
    is_folder = temp.is_dir()
    check_replaceable(target, folder=is_folder)
    if is_folder:
        while not _folder_took(temp, target):
            pass
        return
    with suppress(OSError):
        target.rmdir()
    temp.replace(target)


def _folder_took(temp: Path, target: Path) -> bool:
    """Move what is at the target aside, and return whether the folder could be renamed to it.

    If not, another process was faster, and what it has put there has to be moved aside, too.
    """
    with temp_beside(target) as aside:
        with suppress(FileNotFoundError):
            target.rename(aside)
        try:
            temp.rename(target)
        except OSError as error:
            if error.errno in _TAKEN:
                return False
            with suppress(FileNotFoundError):
                aside.rename(target)
            raise
    return True


def _remove(path: Path) -> None:
    """Remove a file or a folder. What cannot be removed stays, under its temporary name."""
    if path.is_symlink() or not path.is_dir():
        with suppress(OSError):
            path.unlink()
        return
    # Not by recursion: archives may have more folders in one another than Python has calls.
    folders = [path]
    for folder in folders:
        with suppress(OSError):
            # A folder without write permission cannot be emptied.
            folder.chmod(stat.S_IRWXU)
            folders += _emptied_of_files(folder)
    for folder in reversed(folders):
        with suppress(OSError):
            folder.rmdir()


def _emptied_of_files(folder: Path) -> Iterator[Path]:
    """Remove the files of a folder, and yield the folders in it."""
    with os.scandir(folder) as found:
        entries = list(found)
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield Path(entry)
        else:
            with suppress(OSError):
                Path(entry).unlink()
