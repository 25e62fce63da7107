"""Whether a command has touched what it should have made."""

import os
from collections.abc import Iterator
from pathlib import Path

Trace = frozenset[tuple[str, int, int, int, int]] | None
"""What a file, or each one in a folder, looks like from outside; `None` if it is not there."""


def trace(path: Path) -> Trace:
    """Look at a file or folder without reading it.

    Whatever is written, replaced or only touched has another trace afterwards.
    """
    try:
        own = _entry("", path.stat())
    except OSError:
        return None
    return frozenset([own, *_below(path)])


def _below(folder: Path) -> Iterator[tuple[str, int, int, int, int]]:
    for above, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = os.path.join(above, name)  # noqa: PTH118 - there may be very many
            try:
                yield _entry(path, os.lstat(path))
            except OSError:
                continue


def _entry(path: str, status: os.stat_result) -> tuple[str, int, int, int, int]:
    return path, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
