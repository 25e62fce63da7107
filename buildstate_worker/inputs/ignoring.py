"""What does not count among the files that go into a milestone, whoever names them."""

import os
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import pathspec

FILE: Final = ".bldstignore"
_NEVER: Final = frozenset({".git", ".bldst"})


class Ignored:
    """The files that do not count.

    Those of git and of BuildState itself never do. Others are named by globs as in a `.gitignore`,
    relative to the working directory: `--exclude`, and the lines of a `.bldstignore` there. An
    absolute path names what it is the path of, too.

    Args:
        folder: The working directory.
        patterns: What else does not count.
        places: Absolute paths of files and folders that do not count, such as own outputs.
    """

    def __init__(
        self, folder: Path, patterns: Sequence[str] = (), places: Iterable[str] = ()
    ) -> None:
        self._folder = os.path.realpath(folder)
        self._patterns = patterns
        absolute = (each.rstrip("/") for each in patterns if each.startswith("/"))
        self._places = frozenset([*places, *absolute])

    def has(self, path: str) -> bool:
        """Return whether a file, by its absolute path, does not count."""
        below = path.removeprefix(f"{self._folder.rstrip('/')}/")
        if not _NEVER.isdisjoint(below.split("/")) or self._is_in_place(path):
            return True
        if self._spec is None:
            return False
        return self._spec.match_file(os.path.relpath(path, self._folder))

    def _is_in_place(self, path: str) -> bool:
        return any(path == each or path.startswith(f"{each}/") for each in self._places)

    @cached_property
    def _spec(self) -> "pathspec.GitIgnoreSpec | None":
        lines = [*_lines(Path(self._folder, FILE)), *self._patterns]
        if not lines:
            return None
        import pathspec  # noqa: PLC0415 - few need it

        return pathspec.GitIgnoreSpec.from_lines(lines)


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return []
