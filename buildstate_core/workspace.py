"""What a workspace remembers between two calls: which attempt's result its machine holds.

A step leaves nothing behind but a changed working machine. Whether this machine is the one that a
step has changed, and was not touched since, is known only here: in a small file for each build and
lane, in the workspace. It is emptied before a command runs and written again after it has
succeeded, so that a command that failed half-way leaves a machine that holds nothing.
"""

import os
from pathlib import Path
from typing import Final
from uuid import UUID

from buildstate_core.vocabulary import TRUNK

FOLDER: Final = ".bldst"
_TRUNK_FILE: Final = "_"  # no lane has this name
_MAX_BYTES: Final = 100


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

    def held(self, build: UUID, lane: str) -> tuple[UUID, ...]:
        """Give the attempts whose results the machine holds, as far as this workspace knows."""
        # A lane begins where the trunk is.
        own = _file(self._machine, build, lane)
        file = own if own.exists() else _file(self._machine, build, TRUNK)
        try:
            with file.open(encoding="ascii") as opened:
                return (UUID(opened.read(_MAX_BYTES)),)
        except (OSError, ValueError):
            return ()  # no memory is the safe answer: the machine holds nothing

    def hold(self, build: UUID, lane: str, attempt: UUID) -> None:
        """Note that the machine is now as this attempt has left it.

        Raises:
            OSError: The workspace cannot be written.
        """
        self._write(_file(self._machine, build, lane), str(attempt))

    def clear(self, build: UUID, lane: str) -> None:
        """Note that the machine may have been changed half-way.

        Raises:
            OSError: The workspace cannot be written, and remembers something else.
        """
        if self.held(build, lane):
            self._write(_file(self._machine, build, lane), "")

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

    def _write(self, file: Path, content: str) -> None:
        self.make_memory()
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_name(f".{os.getpid()}")  # no lane begins with a dot
        draft.write_text(content, encoding="ascii")
        draft.replace(file)


def _file(folder: Path, build: UUID, lane: str) -> Path:
    return folder / str(build) / (lane or _TRUNK_FILE)
