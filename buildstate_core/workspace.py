"""What a workspace remembers between two calls: which attempt's result its machine holds.

A step leaves nothing behind but a changed working machine. Whether this machine is the one that a
step has changed, and was not touched since, is known only here: in a small file in the workspace.
It is cleared before a command runs and written again after it has succeeded, so that a command
that failed half-way leaves a machine that holds nothing.
"""

import json
import os
from pathlib import Path
from typing import Final
from uuid import UUID

from buildstate_core.vocabulary import TRUNK

FOLDER: Final = ".bldst"


class Workspace:
    """The memory of one working directory.

    Args:
        folder: The working directory. Nothing is written before `hold`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = folder / FOLDER / "machine.json"

    def held(self, build: UUID, lane: str) -> tuple[UUID, ...]:
        """Give the attempts whose results the machine holds, as far as this workspace knows."""
        by_lane = self._read().get(str(build), {})
        # A lane begins where the trunk is.
        attempt = by_lane.get(lane, by_lane.get(TRUNK))
        return () if attempt is None else (UUID(attempt),)

    def hold(self, build: UUID, lane: str, attempt: UUID) -> None:
        """Note that the machine is now as this attempt has left it."""
        self._write(build, lane, str(attempt))

    def clear(self, build: UUID, lane: str) -> None:
        """Note that the machine may have been changed half-way."""
        if self._read():
            self._write(build, lane, None)

    def _read(self) -> dict[str, dict[str, str | None]]:
        try:
            content = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}  # no memory is the safe answer: the machine holds nothing
        return content if isinstance(content, dict) else {}

    def _write(self, build: UUID, lane: str, attempt: str | None) -> None:
        content = self._read()
        content.setdefault(str(build), {})[lane] = attempt
        self._file.parent.mkdir(exist_ok=True)
        (self._file.parent / ".gitignore").write_text("*\n", encoding="utf-8")
        draft = self._file.with_name(f"{self._file.name}.{os.getpid()}")
        draft.write_text(json.dumps(content), encoding="utf-8")
        draft.replace(self._file)
