"""How bytes are stored: unchanged, or as a zstd stream.

An artifact is identified by the digest of its own bytes. Where those are mostly zeros, or text,
and the storage would keep every one of them, they are stored compressed, and the record says so.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

import zstandard

from buildstate_worker.files.sinks import BLOCK_BYTES, Sink

ZSTD: Final = "zstd"

_LEVEL: Final = 3
_THREADS: Final = min(4, os.cpu_count() or 1)
_SMALL_BYTES: Final = 64 * 2**20
"""Below this, compressing saves too little to be worth another stored form."""

_SAMPLES: Final = 16
_SAMPLE_BYTES: Final = 64 * 2**10
_WORTH_IT: Final = 0.8
"""At most this share of the bytes has to be left. Images of packed files keep more."""


def pays(source: Path) -> bool:
    """Return whether compression pays: a file or folder is large, and samples shrink well.

    Raises:
        OSError: It cannot be read.
    """
    files = list(_files(source))
    total = sum(size for _, size in files)
    if total < _SMALL_BYTES:
        return False
    packer = zstandard.ZstdCompressor(level=1)
    seen = left = 0
    for path, position in _places(files, total):
        with path.open("rb", buffering=0) as file:
            sample = os.pread(file.fileno(), _SAMPLE_BYTES, position)
        seen += len(sample)
        left += len(packer.compress(sample)) if sample else 0
    return seen > 0 and left <= seen * _WORTH_IT


class Compressor:
    """A sink that compresses what passes through it on its way to another."""

    def __init__(self, into: Sink) -> None:
        self._into = into
        self._stream = zstandard.ZstdCompressor(level=_LEVEL, threads=_THREADS).compressobj()

    def write(self, block: bytes, /) -> int:
        """Take the next bytes."""
        self._pass_on(self._stream.compress(block))
        return len(block)

    def finish(self) -> None:
        """Write what is left."""
        self._pass_on(self._stream.flush())

    def _pass_on(self, packed: bytes) -> None:
        if packed:
            self._into.write(packed)


def decompress_into(sink: Sink, file: IO[bytes], *, size_bytes: int | None) -> None:
    """Write what a compressed file holds.

    Args:
        sink: What takes it.
        file: A zstd stream.
        size_bytes: What it has to hold, if that is known. Nothing beyond that is written, since a
            few kilobytes may unpack to more than any disk holds.

    Raises:
        zstandard.ZstdError: It is not a zstd stream, is damaged, or holds more than `size_bytes`.
        OSError: It cannot be read.
    """
    reader = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
    done_bytes = 0
    while block := reader.read(BLOCK_BYTES):
        done_bytes += len(block)
        if size_bytes is not None and done_bytes > size_bytes:
            raise zstandard.ZstdError(f"it holds more than {size_bytes} bytes")
        sink.write(block)


def _files(source: Path) -> Iterator[tuple[Path, int]]:
    if not source.is_dir():
        yield source, source.stat().st_size
        return
    for folder, _, names in os.walk(source):
        for name in sorted(names):
            path = Path(folder, name)
            found = path.lstat()
            if stat.S_ISREG(found.st_mode) and found.st_size:
                yield path, found.st_size


def _places(files: list[tuple[Path, int]], total: int) -> Iterator[tuple[Path, int]]:
    """Yield positions (file, offset) that are spread evenly over all bytes."""
    wanted = [total * number // _SAMPLES for number in range(_SAMPLES)]
    begun = 0
    for path, size in files:
        while wanted and wanted[0] < begun + size:
            yield path, wanted.pop(0) - begun
        begun += size
