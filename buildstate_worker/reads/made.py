"""What the attempts of a build have made on this machine, beside what they returned.

Such a file is not an input of the milestone that made it. For a later one it is worse: the next
worker skips what made it, and has an old one or none.
"""

import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import UUID

from buildstate_worker.reads.digests import look_of

_MOST_PATHS: Final = 20_000
_KEPT_SECONDS: Final = 90 * 24 * 3600


class Maker(NamedTuple):
    """Who left a file as it is.

    Attributes:
        is_result: Whether it is what the milestone returned.
    """

    state: int
    is_result: bool


class Made:
    """What was made for one build on this machine, each attempt in a file of its own.

    Args:
        folder: Where that is remembered; what cannot be read or written there is forgotten.
        build: The build.
    """

    def __init__(self, folder: Path, build: UUID) -> None:
        self._all = folder / "made"
        self._folder = self._all / str(build)
        self._paths = self._all / "paths.json"
        self._known: dict[str, list[Any]] = {}
        for file in sorted(self._folder.glob("*.json"), key=_written_at):
            self._known.update(_read(file))

    def maker_of(self, path: str, status: os.stat_result) -> Maker | None:
        """Return who made a file, if nobody has touched it since."""
        known = self._known.get(path)
        if known is None or known[:-2] != look_of(status):
            return None
        return Maker(int(known[-2]), known[-1] is True)

    def is_as_left(self, path: str) -> bool:
        """Return whether something is as an attempt has left it."""
        try:
            return self.maker_of(path, os.stat(path)) is not None  # noqa: PTH116 - quick
        except OSError:
            return False

    def has(self, path: str) -> bool:
        """Return whether an attempt of any build has written a file, whoever has touched it since.

        What went in and out of one goes in and out of the next.
        """
        return path in self._known or path in self._ever

    def note(
        self, attempt: UUID, state: int, paths: Iterable[str], results: Iterable[str] = ()
    ) -> None:
        """Remember what an attempt has made.

        Args:
            attempt: The attempt.
            state: Its state.
            paths: What it wrote.
            results: What it returned.
        """
        returned = {each for result in results for each in _with_all_below(result)}
        found: dict[str, list[Any]] = {}
        for path in {*paths, *returned}:
            with suppress(OSError):
                look = look_of(os.stat(path))  # noqa: PTH116 - quick
                found[path] = [*look, state, path in returned]
        if not found:
            return
        self._known.update(found)
        with suppress(OSError):
            if not self._folder.exists():
                self._forget_old()
            self._folder.mkdir(parents=True, exist_ok=True)
            _write(self._folder / f"{attempt}.json", found)
            if not self._ever.issuperset(found):
                self._ever = frozenset([*self._ever, *found][-_MOST_PATHS:])
                _write(self._paths, sorted(self._ever))

    @cached_property
    def _ever(self) -> frozenset[str]:
        try:
            found = json.loads(self._paths.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return frozenset()
        return frozenset(found) if isinstance(found, list) else frozenset()

    def _forget_old(self) -> None:
        now = time.time()
        for each in self._all.glob("*"):
            if each.is_dir() and now - _written_at(each) > _KEPT_SECONDS:
                shutil.rmtree(each, ignore_errors=True)


def _with_all_below(path: str) -> Iterator[str]:
    """Yield a file; of a folder, itself and all files in it."""
    real = os.path.realpath(path)
    yield real
    for root, _, names in os.walk(real):
        yield from (f"{root}/{name}" for name in names)


def _write(file: Path, content: object) -> None:
    draft = file.with_suffix(f".{os.getpid()}")
    draft.write_text(json.dumps(content), encoding="ascii")
    draft.replace(file)


def _written_at(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0


def _read(file: Path) -> Mapping[str, list[Any]]:
    try:
        found = json.loads(file.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {path: each for path, each in found.items() if isinstance(each, list) and len(each) == 6}  # noqa: PLR2004 - a look, a state, and whether it is a result
