"""Copies on one machine: by shared blocks where the file system can, else inside the kernel.

Holes stay holes.
"""

import errno
import fcntl
import os
from typing import Final

from buildstate_worker.files.sinks import BLOCK_BYTES
from buildstate_worker.files.sparse import data_of

_FICLONE: Final = 0x40049409
"""The request of Linux' `ioctl_ficlone(2)`; `fcntl` names it only from Python 3.12 on."""

_CANNOT: Final = frozenset(
    {errno.EXDEV, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS, errno.EPERM, errno.ETXTBSY}
)
"""What `copy_file_range` says where it does not work; reading and writing does."""

_MOST_AT_ONCE: Final = 2**30


def clone(source: int, target: int) -> bool:
    """Share the blocks of an open file with an empty one, if the file system can."""
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError:
        return False
    return True


def copy_data(source: int, target: int) -> None:
    """Make an open, empty file the same as another one.

    Raises:
        OSError: The disk refused.
    """
    if clone(source, target):
        return
    size = os.fstat(source).st_size
    os.ftruncate(target, size)
    for start, end in data_of(source, size):
        position = start
        while position < end:
            copied = _copy_range(source, target, position, end - position)
            if copied == 0:
                raise OSError(errno.EIO, "it became shorter while it was copied")
            position += copied


def _copy_range(source: int, target: int, position: int, count: int) -> int:
    try:
        return os.copy_file_range(source, target, min(count, _MOST_AT_ONCE), position, position)
    except OSError as error:
        if error.errno not in _CANNOT:
            raise
    block = os.pread(source, min(count, BLOCK_BYTES), position)
    return os.pwrite(target, block, position) if block else 0
