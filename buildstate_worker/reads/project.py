"""The folder that a function's undeclared inputs lie in, and what in it is none by nature."""

import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

_MARKS: Final = (".git", "pyproject.toml")
_NEVER: Final = frozenset({".git", ".bldst", "__pycache__"})
_VENV: Final = "pyvenv.cfg"
_HERE: Final = "."
_SECONDS: Final = 60


@dataclass(frozen=True)
class Project:
    """A project's folder on this machine.

    Places in it are the same on every machine: relative, with slashes, `.` for the folder itself.
    What lies outside is known by its absolute path.

    Attributes:
        folder: Its path, without links.
    """

    folder: str

    @classmethod
    def around(cls, folder: Path) -> "Project":
        """Return the project that a working directory belongs to.

        Its folder is the nearest one with a `.git` or a `pyproject.toml`, else the working
        directory itself.
        """
        here = folder.resolve()
        found = (
            each for each in (here, *here.parents) if any((each / mark).exists() for mark in _MARKS)
        )
        return cls(str(next(found, here)))

    def place_of(self, path: str) -> str:
        """Return the place of an absolute path."""
        below = self._below(path)
        if below is None:
            head, tail = os.path.split(path)
            below = self._below(os.path.join(os.path.realpath(head), tail))  # noqa: PTH118
        return path if below is None else below

    def path_of(self, place: str) -> str:
        """Return the path of a place."""
        if place == _HERE:
            return self.folder
        return place if place.startswith("/") else f"{self.folder.rstrip('/')}/{place}"

    def has(self, place: str) -> bool:
        """Return whether a place is in the project and may hold an input.

        Nothing in `.git`, `.bldst`, a `__pycache__` or a virtual environment is one.
        """
        if place.startswith("/"):
            return False
        parts = place.split("/")
        if not _NEVER.isdisjoint(parts):
            return False
        folders = ("/".join(parts[:length]) for length in range(1, len(parts) + 1))
        return not any(self._is_venv(each) for each in folders)

    def ignored(self, places: Iterable[str]) -> set[str]:
        """Return those of some places that git ignores; none where there is no git."""
        asked = [each for each in places if each != _HERE and self._is_no_link(each)]
        if not asked or not self._is_in_git:
            return set()
        sent = "".join(f"{each}\0" for each in asked)
        return set(self._git(["check-ignore", "-z", "--stdin"], sent).split("\0")) - {""}

    def not_ignored(self, path: str) -> list[str] | None:
        """Return the files below a folder that git does not ignore.

        A repository in a repository is named by its folder.

        Returns:
            `None` where there is no git, or if it ignores the folder itself.
        """
        place = self._below(path)
        if not self._is_in_git or place is None or self.ignored([place]):
            return None
        # `check-ignore` refuses the first of these, and takes names literally anyway.
        words = ["--literal-pathspecs", "ls-files", "-z", "--cached", "--others"]
        listed = self._answer([*words, "--exclude-standard", "--", path], "")
        if listed is None:
            return None
        return [f"{self.folder}/{each}".rstrip("/") for each in listed.split("\0") if each]

    @cached_property
    def tracked(self) -> frozenset[str]:
        """The places that git knows; none where there is no git."""
        if not self._is_in_git:
            return frozenset()
        return frozenset(self._git(["ls-files", "-z"], "").split("\0")) - {""}

    @cached_property
    def _is_in_git(self) -> bool:
        here = Path(self.folder)
        return any((each / ".git").exists() for each in (here, *here.parents))

    @cached_property
    def _real(self) -> dict[str, bool]:
        return {}

    @cached_property
    def _venvs(self) -> dict[str, bool]:
        return {}

    def _is_venv(self, place: str) -> bool:
        known = self._venvs.get(place)
        if known is None:
            known = self._venvs[place] = os.path.exists(self.path_of(f"{place}/{_VENV}"))  # noqa: PTH110
        return known

    def _below(self, path: str) -> str | None:
        if path == self.folder:
            return _HERE
        start = self.folder.rstrip("/") + "/"
        return path[len(start) :] if path.startswith(start) else None

    def _is_no_link(self, place: str) -> bool:
        """Return whether git can be asked: not about what lies behind a link."""
        head = os.path.dirname(self.path_of(place))  # noqa: PTH120
        known = self._real.get(head)
        if known is None:
            known = self._real[head] = os.path.realpath(head) == head
        return known

    def _git(self, words: list[str], sent: str) -> str:
        return self._answer(words, sent) or ""

    def _answer(self, words: list[str], sent: str) -> str | None:
        """Return what git says; `None` if it cannot be asked. To find nothing is an answer."""
        environ = {name: value for name, value in os.environ.items() if name[:4] != "GIT_"}
        try:
            done = subprocess.run(  # noqa: S603 - fixed words
                ["git", "-C", self.folder, *words],  # noqa: S607 - as PATH finds it
                input=os.fsencode(sent),
                capture_output=True,
                env=environ,
                timeout=_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return os.fsdecode(done.stdout) if done.returncode in {0, 1} else None
