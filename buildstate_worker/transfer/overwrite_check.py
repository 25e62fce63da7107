"""What has a target's name already, and whether an artifact may take its place."""

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

from buildstate_core.errors import Refused
from buildstate_worker.storage.failures import on_this_disk

_SPECIAL: Final = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def check_replaceable(target: Path, *, folder: bool) -> None:
    """Check that an artifact may replace what is at `target`.

    A file may replace a file; a folder may replace a file or a folder, since a step that failed may
    have left it half changed. Replacing anything else would be a mistake that cannot be undone.

    Args:
        target: Where the artifact goes.
        folder: Whether it is a folder.

    Raises:
        Refused: There is a device, a pipe or a socket; the current folder, or one that it is in;
            or, for a file, a folder that is not empty. Or it cannot be looked at.
    """
    try:
        # Through links: standard output is one.
        found = target.stat()
    except OSError:
        return
    special = _SPECIAL.get(stat.S_IFMT(found.st_mode))
    if special is not None:
        raise _occupied(f"{target} is {special}", hint="Name the path of a file or folder.")
    if target.is_symlink() or not stat.S_ISDIR(found.st_mode):
        return
    if _is_around_here(target):
        raise _occupied(
            f"{target} is the current folder, or the current folder is in it",
            hint="Name a path inside the current folder.",
        )
    if not folder and _is_full(target):
        raise _occupied(
            f"{target} is a folder that is not empty, and the artifact is a file",
            hint="Move the folder away, or have the artifact put somewhere else.",
        )


def _is_around_here(target: Path) -> bool:
    with suppress(FileNotFoundError):
        return Path.cwd().is_relative_to(os.path.realpath(target))
    return False


def _is_full(folder: Path) -> bool:
    # Another process may move it away right now.
    with on_this_disk(folder), suppress(FileNotFoundError):
        return any(folder.iterdir())
    return False


def _occupied(what: str, *, hint: str) -> Refused:
    return Refused(f"{what}, which no artifact replaces.", code="target-occupied", hint=hint)
