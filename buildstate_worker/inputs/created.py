"""What comes up in a working directory while a command runs in it: made by it, and no input."""

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_MOST: Final = 50_000
"""Of files. Looking at more would take longer than many a command."""

_NEVER: Final = frozenset({".git", ".bldst"})


@dataclass(frozen=True)
class Before:
    """What was in a working directory before a command ran.

    Attributes:
        folder: The working directory.
        files: When each file was changed last, by its absolute path; `None` if those are too many.
    """

    folder: Path
    files: Mapping[str, int] | None

    @classmethod
    def look(cls, folder: Path) -> "Before":
        """Look at a working directory."""
        here = os.path.realpath(folder)
        found: dict[str, int] = {}
        for entry in _files(here):
            with suppress(OSError):
                found[entry.path] = entry.stat(follow_symlinks=False).st_ctime_ns
            if len(found) > _MOST:
                return cls(Path(here), None)
        return cls(Path(here), found)

    def since(self) -> tuple[list[str], list[str]]:
        """Return the absolute paths of files that have come up since, and of those that changed."""
        created: list[str] = []
        changed: list[str] = []
        if self.files is None:
            return created, changed
        for entry in _files(str(self.folder)):
            before = self.files.get(entry.path)
            if before is None:
                created.append(entry.path)
                continue
            with suppress(OSError):
                if entry.stat(follow_symlinks=False).st_ctime_ns != before:
                    changed.append(entry.path)
        return created, changed


def _files(folder: str) -> Iterator["os.DirEntry[str]"]:
    try:
        with os.scandir(folder) as found:
            entries = list(found)
    except OSError:
        return
    for entry in entries:
        if not entry.is_dir(follow_symlinks=False):
            yield entry
        elif entry.name not in _NEVER:
            yield from _files(entry.path)
