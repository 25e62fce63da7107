"""What a workspace remembers between two calls: which attempt's result its machine holds.

A step leaves nothing behind but a changed working machine. Whether this machine is the one that a
step has changed, and was not touched since, is known only here: in a small file for each build and
lane, in the workspace. It is emptied before a command runs and written again after it has
succeeded, so that a command that failed half-way leaves a machine that holds nothing.

A skip may prove wrong later: a milestone whose recipe has changed needs steps that a checkpoint
stood in for. The workspace remembers which, so that they run when the pipeline is run again.
"""

import contextlib
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
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._memory = folder / FOLDER / "machine"
        self._rewinds = folder / FOLDER / "rewind"

    def held(self, build: UUID, lane: str) -> tuple[UUID, ...]:
        """Give the attempts whose results the machine holds, as far as this workspace knows."""
        # A lane begins where the trunk is.
        own = _file(self._memory, build, lane)
        file = own if own.exists() else _file(self._memory, build, TRUNK)
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
        self._write(_file(self._memory, build, lane), str(attempt))

    def clear(self, build: UUID, lane: str) -> None:
        """Note that the machine may have been changed half-way.

        Raises:
            OSError: The workspace cannot be written, and remembers something else.
        """
        if self.held(build, lane):
            self._write(_file(self._memory, build, lane), "")

    def rewind(self, build: UUID, lane: str, *, first: int, below: int) -> None:
        """Note that the steps from `first` up to `below` have to run here, whatever covers them.

        Raises:
            OSError: The workspace cannot be written.
        """
        self._write(_file(self._rewinds, build, lane), f"{first} {below}")

    def is_rewound(self, build: UUID, lane: str, state: int) -> bool:
        """Whether this state is among those that have to run here."""
        try:
            first, below = _file(self._rewinds, build, lane).read_text(encoding="ascii").split()
            return int(first) <= state < int(below)
        except (OSError, ValueError):
            return False

    def end_rewind(self, build: UUID, lane: str, state: int) -> None:
        """Note that the state for which the others had to run has what it needs.

        Where that cannot be noted, more than necessary runs again.
        """
        file = _file(self._rewinds, build, lane)
        with contextlib.suppress(OSError, ValueError):
            if file.read_text(encoding="ascii").endswith(f" {state}"):
                file.unlink()

    def _write(self, file: Path, content: str) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        (self.folder / FOLDER / ".gitignore").write_text("*\n", encoding="ascii")
        draft = file.with_name(f".{os.getpid()}")  # no lane begins with a dot
        draft.write_text(content, encoding="ascii")
        draft.replace(file)


def _file(folder: Path, build: UUID, lane: str) -> Path:
    return folder / str(build) / (lane or _TRUNK_FILE)
