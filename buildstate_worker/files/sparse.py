"""Files with holes: runs of zeros that take up no room on a disk.

A machine image of 40 GB often has 2 GB of data. Reading asks the file system where the data is;
writing leaves out runs of zeros, wherever they come from.
"""

import errno
import os
from collections.abc import Iterator
from typing import Final

from buildstate_worker.files.sinks import BLOCK_BYTES, Sink

ZEROS: Final = bytes(BLOCK_BYTES)
"""A block of a hole. Always this one object, so that it is recognised without being looked at."""

HOLE: Final = bytes(8 * 2**20)
"""The same for a range that is read."""

_GRAIN_BYTES: Final = 64 * 2**10
"""The size of what is left out, so that files do not end up in tiny pieces."""

_WRITE_BYTES: Final = 256 * 2**10
"""How much is written at once. For more, Linux takes larger pages, which the host of a virtual
machine may have to give back first: up to seven times as slow (ext4, Linux 6.18, Firecracker)."""

_ZERO_GRAIN: Final = bytes(_GRAIN_BYTES)


def read_into(sink: Sink, handle: int, size: int | None = None) -> None:
    """Read an open file from its beginning, so many bytes or all, without reading its holes.

    Raises:
        OSError: It cannot be read, or became shorter meanwhile.
    """
    if size is None:
        size = os.fstat(handle).st_size
    position = 0
    for start, end in data_of(handle, size):
        _write_zeros(sink, start - position)
        position = start
        while position < end:
            block = os.pread(handle, min(BLOCK_BYTES, end - position), position)
            if not block:
                raise OSError(errno.EIO, "it became shorter while it was read")
            sink.write(block)
            position += len(block)
    _write_zeros(sink, size - position)


def write_at(handle: int, position: int, part: bytes) -> None:
    """Write bytes at a position of an open file that has only zeros there, leaving out zeros.

    The file's length has to be set afterwards, since it may end with what was left out.

    Raises:
        OSError: The disk refused.
    """
    if part is ZEROS or part is HOLE:
        return
    for start, end in not_zero(part):
        written = start
        view = memoryview(part)
        while written < end:
            piece = view[written : min(end, written + _WRITE_BYTES)]
            written += os.pwrite(handle, piece, position + written)


def data_of(handle: int, size: int) -> Iterator[tuple[int, int]]:
    """Yield the ranges (start, end) of a file that hold data; all of it if nobody can tell."""
    position = 0
    while position < size:
        try:
            start = os.lseek(handle, position, os.SEEK_DATA)
            end = os.lseek(handle, start, os.SEEK_HOLE)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return
            start, end = position, size
        yield start, min(end, size)
        position = end


def is_hole(handle: int, start: int, size: int) -> bool:
    """Return whether `size` bytes of an open file from `start` on are all in a hole."""
    if os.fstat(handle).st_size < start + size:
        return False
    try:
        return os.lseek(handle, start, os.SEEK_DATA) >= start + size
    except OSError as error:
        return error.errno == errno.ENXIO


def _write_zeros(sink: Sink, count: int) -> None:
    while count >= BLOCK_BYTES:
        sink.write(ZEROS)
        count -= BLOCK_BYTES
    if count:
        sink.write(ZEROS[:count])


def not_zero(part: bytes) -> Iterator[tuple[int, int]]:
    """Yield the ranges (start, end) of a part that hold more than zeros, in whole grains."""
    begun: int | None = None
    for start in range(0, len(part), _GRAIN_BYTES):
        if not part[start] and _is_zero(part[start : start + _GRAIN_BYTES]):
            if begun is not None:
                yield begun, start
            begun = None
        elif begun is None:
            begun = start
    if begun is not None:
        yield begun, len(part)


def _is_zero(grain: bytes) -> bool:
    return grain == _ZERO_GRAIN[: len(grain)]
