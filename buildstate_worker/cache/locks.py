"""Locks that tell other processes that a file is in use, and that end with their process.

A file in use has a shared `flock`: any number of processes may hold one, and it ends when the file
is closed, also by SIGKILL. Nobody waits for a lock while bytes flow: a process that wants to remove
a file asks for an exclusive lock without waiting, and leaves the file if it does not get one.

Some file systems have no locks, and NFS grants no exclusive lock on a file that is open for reading
only. There, a file that was used within the last day counts as in use.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

_ABANDONED_SECONDS: Final = 24 * 3600


def lock_shared(handle: int) -> None:
    """Mark an open file as in use until it is closed.

    The caller then has to check with `is_at` that it was not removed in that moment.
    """
    with suppress(OSError):
        fcntl.flock(handle, fcntl.LOCK_SH)


def lock_exclusive(handle: int) -> None:
    """Wait until nobody else uses an open file, and keep others out until it is closed.

    The caller then has to check with `is_at` that it was not removed or renamed meanwhile.
    """
    with suppress(OSError):
        fcntl.flock(handle, fcntl.LOCK_EX)


def is_at(handle: int, path: Path) -> bool:
    """Return whether an open file is still the one that has this name."""
    try:
        return os.path.samestat(os.fstat(handle), path.lstat())
    except FileNotFoundError:
        return False


def is_unused(path: Path) -> bool:
    """Return whether nobody uses a file now.

    Raises:
        FileNotFoundError: It is not there any more.
        OSError: It cannot be opened.
    """
    with _unused(path) as unused:
        return unused


def remove_unused(path: Path) -> bool:
    """Remove a file unless somebody uses it, and return whether it is gone.

    Raises:
        OSError: The disk refused.
    """
    try:
        with _unused(path) as unused:
            if unused:
                path.unlink()
            return unused
    except FileNotFoundError:
        return True


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Keep other processes and threads out of a folder's names for a moment.

    For renaming and removing only, never while bytes are read or written.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextmanager
def _unused(path: Path) -> Iterator[bool]:
    """Yield whether nobody uses a file; if so, nobody can begin to until the block ends."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        yield _take(handle) and is_at(handle, path)
    finally:
        os.close(handle)


def _take(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return time.time() - os.fstat(handle).st_mtime > _ABANDONED_SECONDS
    return True
