"""What a file or folder looks like from outside, to see later whether it was touched.

Nothing is read: an image of many gigabytes costs one look. Whatever is written, replaced, renamed
or only touched has another signature afterwards.
"""

import os
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Final

MISSING: Final = "missing"
"""The signature of what is not there."""


def signatures(paths: Iterable[Path]) -> dict[Path, str | None]:
    """Return the signature of each path."""
    return {path: signature(path) for path in paths}


def signature(path: Path) -> str | None:
    """Return the signature of a file, or of a folder with all that is in it.

    Returns:
        `None` if something in it cannot be looked at, or goes away meanwhile. The caller must take
        that for a change, also when it is compared with another `None`.
    """
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return MISSING
    except OSError:
        return None
    digest = sha256()
    try:
        for line in (_line("", status), *_below(os.fspath(path))):
            digest.update(line)
    except OSError:
        return None
    return digest.hexdigest()


def _below(folder: str) -> Iterator[bytes]:
    """Yield a line for each entry of a folder; nothing for a file."""
    waiting = [(folder, "")]
    while waiting:
        path, place = waiting.pop()
        try:
            with os.scandir(path) as found:
                entries = sorted(found, key=lambda each: each.name)
        except NotADirectoryError:
            continue
        for entry in entries:
            below = f"{place}/{entry.name}"
            yield _line(below, os.lstat(entry.path))
            if entry.is_dir(follow_symlinks=False):
                waiting.append((entry.path, below))


def _line(place: str, status: os.stat_result) -> bytes:
    numbers = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    return b"%b\0%d\0%d\0%d\0%d\0" % (os.fsencode(place), *numbers)
