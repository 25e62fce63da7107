"""Digests of files, remembered on this machine for as long as nobody touches them.

A skip compares what was read last time. A thousand files that nobody has touched cost a thousand
looks, and no bytes are read.
"""

import hashlib
import json
import os
import stat
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from buildstate_core.errors import BuildStateError
from buildstate_worker.transfer import digest_of

_MOST: Final = 50_000
_GRAIN_NS: Final = 20_000_000
"""Two changes within this time may leave the same times behind."""

_COARSE_GRAIN_NS: Final = 2_000_000_000
"""The same where a file system keeps whole seconds only."""

_SECOND_NS: Final = 1_000_000_000


class Digests:
    """The digests of files, by what they look like from outside.

    Args:
        folder: Where they are remembered; what cannot be read or written there is forgotten.
        project: The project's folder, which has a file of its own.
    """

    def __init__(self, folder: Path, project: str) -> None:
        name = hashlib.sha256(os.fsencode(project)).hexdigest()[:32]
        self._file = folder / "digests" / f"{name}.json"
        self._known = _read(self._file)
        self._new: dict[str, list[Any]] = {}

    def of(self, path: str, status: os.stat_result | None = None) -> str | None:
        """Return the SHA-256 of a regular file's content; `None` if it is none, or unreadable."""
        try:
            status = status or os.stat(path)  # noqa: PTH116 - quick
            if not stat.S_ISREG(status.st_mode):
                return None
            look = look_of(status)
            known = self._known.get(path)
            if known is not None and known[:-1] == look:
                return str(known[-1])
            with open(path, "rb") as file:  # noqa: PTH123 - quick
                digest = hashlib.file_digest(file, "sha256").hexdigest()
                is_settled = _is_settled(status) and look_of(os.fstat(file.fileno())) == look
        except OSError:
            return None
        if is_settled:
            self._new[path] = self._known[path] = [*look, digest]
        return digest

    def of_folder(self, path: Path) -> str | None:
        """Return the digest of a folder with all that is in it; `None` if it is unreadable.

        It is read each time: what has changed below cannot be told from one look.
        """
        try:
            return digest_of(path).removeprefix("sha256:") if path.is_dir() else None
        except (OSError, BuildStateError):
            return None

    def save(self) -> None:
        """Remember what was digested anew."""
        if not self._new:
            return
        with suppress(OSError):
            kept = {**_read(self._file), **self._new}
            for old in list(kept)[: max(0, len(kept) - _MOST)]:
                del kept[old]
            self._file.parent.mkdir(parents=True, exist_ok=True)
            draft = self._file.with_suffix(f".{os.getpid()}.{time.monotonic_ns()}")
            draft.write_text(json.dumps(kept), encoding="ascii")
            draft.replace(self._file)
        self._new.clear()


def look_of(status: os.stat_result) -> list[int]:
    """Return what changes with every change of a file."""
    return [status.st_size, status.st_mtime_ns, status.st_ino, status.st_ctime_ns]


def _is_settled(status: os.stat_result) -> bool:
    """Return whether a change from now on would leave another time behind."""
    newest = max(status.st_mtime_ns, status.st_ctime_ns)
    grain = _GRAIN_NS if newest % _SECOND_NS else _COARSE_GRAIN_NS
    return time.time_ns() - newest > grain


def _read(file: Path) -> dict[str, list[Any]]:
    try:
        found = json.loads(file.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {path: each for path, each in found.items() if isinstance(each, list) and len(each) == 5}  # noqa: PLR2004 - a look and a digest
