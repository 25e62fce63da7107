"""What a workspace remembers between two calls: which step its machine holds.

A step leaves nothing behind but a changed working machine. A small file for each build and lane, in
the workspace, says which step has changed the machine last, by the step's digest: whoever did the
same to the same holds the same. It is emptied before a command runs and
written again after the command has succeeded, so that a command that fails half-way leaves a
machine that holds nothing.

A workspace is not trusted, and lanes may share it. So a memory has the signatures of the machine's
files, as far as they are known, and is void once one of them was touched: by another lane, by hand
or by another program. Where no file is known, it is void as soon as another lane has run something
here. No lane ever waits for another one: each writes its own files only.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID, uuid4

from buildstate_core.models.base import STEP_DIGEST
from buildstate_core.vocabulary import TRUNK
from buildstate_worker.files.stat_signature import MISSING, signature

FOLDER: Final = ".bldst"
_TRUNK_FILE: Final = "_"  # no lane has this name
_MAX_BYTES: Final = 2**20


class Workspace:
    """The memory of one working directory. Lanes that run at once do not share a file.

    Args:
        folder: The working directory. Nothing is written before `hold`.

    Attributes:
        memory: The folder in it that is ours.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.memory = folder / FOLDER
        self._machine = self.memory / "machine"
        self._runs = self.memory / "runs"

    def held(self, build: UUID, lane: str) -> tuple[str, ...]:
        """Return the digests of the steps that the machine holds, as far as is known here."""
        owner = self._remembered_for(build, lane)
        memory = _read(_file(self._machine, build, owner))
        if memory.step is None or not self._is_so(memory, build, owner):
            return ()
        return (memory.step,)

    def files(self, build: UUID, lane: str) -> Sequence[Path]:
        """Return the machine's files that are known, whether or not they are as they were."""
        memory = _read(_file(self._machine, build, self._remembered_for(build, lane)))
        return [self.folder / each for each in memory.files]

    def hold(
        self,
        build: UUID,
        lane: str,
        step: str,
        files: Mapping[Path, str | None] = MappingProxyType({}),
    ) -> None:
        """Note that the machine is now as this step has left it.

        Args:
            build: The build.
            lane: Whose machine it is.
            step: The digest of what was done to it last.
            files: The machine's files, as that has left them: the signature of all that was
                restored or made there so far.

        Raises:
            OSError: The workspace cannot be written.
        """
        file = _file(self._machine, build, lane)
        begun = _read(file)
        # What others have run since this command began may have touched the machine too.
        others = begun.others if begun.is_under_way else self._runs_of_others(build, lane)
        places = {self._place(path): seen for path, seen in files.items()}
        self._note_run(build, lane)
        self._write(file, _Memory(step=step, files=places, others=others).as_text())

    def clear(self, build: UUID, lane: str) -> None:
        """Note that a command begins, which may leave the machine changed half-way.

        Raises:
            OSError: The workspace cannot be written, and remembers something else.
        """
        if not self.memory.is_dir():
            return
        try:
            begun = _Memory(is_under_way=True, others=self._runs_of_others(build, lane))
            self._write(_file(self._machine, build, lane), begun.as_text())
            self._note_run(build, lane)
        except OSError:
            if self._remembers_any(build):
                raise

    def set_aside(self, build: UUID, lane: str) -> str | None:
        """Forget what is held until `put_back`: a command begins that should leave it as it is.

        What other lanes hold is not touched.

        Returns:
            What to put back.

        Raises:
            OSError: As in `clear`.
        """
        file = _file(self._machine, build, lane)
        kept = _text(file)
        if _read(_file(self._machine, build, self._remembered_for(build, lane))).step is not None:
            self._write(file, _Memory().as_text())
        return kept

    def put_back(self, build: UUID, lane: str, kept: str | None) -> None:
        """Note that the command that `set_aside` was called for has succeeded.

        What was held before is held still, unless the machine's files were touched.

        Raises:
            OSError: The workspace cannot be written.
        """
        file = _file(self._machine, build, lane)
        if kept is not None:
            self._write(file, kept)
        else:
            with suppress(NotADirectoryError):
                file.unlink(missing_ok=True)

    def can_begin_anew(self, build: UUID, lane: str) -> bool:
        """Return whether the machine is as the trunk left it, and only the lane's memory is not.

        That is so only if the lane has run nothing since: it may have changed what is not known.
        """
        if lane == TRUNK or self._remembered_for(build, lane) == TRUNK:
            return False
        trunk = _read(_file(self._machine, build, TRUNK))
        has_run_since = trunk.others.get(lane) != self._runs_of_others(build, TRUNK).get(lane)
        return bool(self.held(build, TRUNK)) and not has_run_since

    def begin_anew(self, build: UUID, lane: str) -> None:
        """Note that the machine of a lane is where the trunk's is again.

        Raises:
            OSError: The workspace cannot be written.
        """
        if lane != TRUNK:
            _file(self._machine, build, lane).unlink(missing_ok=True)

    def make_memory(self) -> None:
        """Make the folder that is ours, and keep it out of git.

        Raises:
            OSError: The workspace cannot be written.
        """
        self.memory.mkdir(parents=True, exist_ok=True)
        (self.memory / ".gitignore").write_text("*\n", encoding="ascii")

    def _remembered_for(self, build: UUID, lane: str) -> str:
        """Return the lane whose memory counts: a lane begins where the trunk is."""
        return lane if _file(self._machine, build, lane).exists() else TRUNK

    def _is_so(self, memory: "_Memory", build: UUID, lane: str) -> bool:
        """Whether nothing has touched the machine since, as far as anybody can tell."""
        seen = {each: signature(self.folder / each) for each in memory.files}
        if None in seen.values() or seen != memory.files:
            return False
        is_any_there = any(each != MISSING for each in seen.values())
        return is_any_there or memory.others == self._runs_of_others(build, lane)

    def _runs_of_others(self, build: UUID, lane: str) -> Mapping[str, str]:
        """Give, for each other lane that has run something here, what changes with each run."""
        own = lane or _TRUNK_FILE
        return {
            file.name: text
            for file in _files(self._runs / str(build))
            if file.name != own and (text := _text(file)) is not None
        }

    def _note_run(self, build: UUID, lane: str) -> None:
        self._write(_file(self._runs, build, lane), uuid4().hex)

    def _remembers_any(self, build: UUID) -> bool:
        found = _files(self._machine / str(build))
        return any(_read(each).step is not None for each in found)

    def _place(self, path: Path) -> str:
        """Return a path as it is kept: a workspace may be moved as a whole."""
        inside = path.is_relative_to(self.folder)
        return str(path.relative_to(self.folder) if inside else path)

    def _write(self, file: Path, content: str) -> None:
        self.make_memory()
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_name(f".{os.getpid()}")  # no lane begins with a dot
        draft.write_text(content, encoding="ascii")
        draft.replace(file)


@dataclass(frozen=True, kw_only=True)
class _Memory:
    """What is in a file.

    Attributes:
        step: The digest of the step that the machine holds; `None` for none.
        files: The signature of each of the machine's files that is known.
        others: What the other lanes had run here when that began.
        is_under_way: Whether a command has begun and not ended well.
    """

    step: str | None = None
    files: Mapping[str, str | None] = field(default_factory=dict)
    others: Mapping[str, str] = field(default_factory=dict)
    is_under_way: bool = False

    def as_text(self) -> str:
        return json.dumps(asdict(self))


def _read(file: Path) -> _Memory:
    """Read a memory; what makes no sense holds nothing, which is always safe to say."""
    try:
        return _memory(json.loads(_text(file) or ""))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return _Memory()


def _memory(data: Any) -> _Memory:
    return _Memory(
        step=None if data["step"] is None else _step(data["step"]),
        files=dict(data["files"]),
        others=dict(data["others"]),
        is_under_way=data["is_under_way"] is True,
    )


def _step(digest: Any) -> str:
    if not isinstance(digest, str) or not re.fullmatch(STEP_DIGEST, digest):
        raise ValueError
    return digest


def _text(file: Path) -> str | None:
    try:
        with file.open(encoding="ascii") as opened:
            return opened.read(_MAX_BYTES)
    except (OSError, ValueError):
        return None


def _files(folder: Path) -> Iterator[Path]:
    """Yield the lanes' files in a folder, and none of their drafts."""
    with suppress(OSError):
        yield from [each for each in folder.iterdir() if not each.name.startswith(".")]


def _file(folder: Path, build: UUID, lane: str) -> Path:
    return folder / str(build) / (lane or _TRUNK_FILE)
