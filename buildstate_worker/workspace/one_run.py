"""What a workspace remembers of its machine while one command runs in it, and afterwards."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from uuid import UUID

from buildstate_core.vocabulary import MOVES_NO_MACHINE, Kind
from buildstate_worker.files.stat_signature import signatures
from buildstate_worker.workspace.machine_state import Workspace


class MachineDuringRun:
    """The memory of a workspace for one command: emptied before it, written after its success.

    What only looks at a machine, or is set-up for it, leaves it as it was: what was held before is
    then held again.

    Args:
        workspace: Where the command runs.
        build: The build's id.
        lane: Whose machine it is.
        kind: The command's kind, as far as that was said.
        is_in_place: Whether it goes on from what the machine holds.
        restored: The files that were restored for it.
    """

    def __init__(
        self,
        workspace: Workspace,
        build: UUID,
        lane: str,
        *,
        kind: Kind | None,
        is_in_place: bool,
        restored: Sequence[Path],
    ) -> None:
        self._workspace = workspace
        self._build = build
        self._lane = lane
        self._moves = kind not in MOVES_NO_MACHINE
        self._kept: str | None = None
        before = workspace.files(self._build, self._lane) if is_in_place else ()
        self._files = (*before, *restored)
        self._seen: Mapping[Path, str | None] = {}

    def begin(self) -> None:
        """Forget what is held, before the command starts.

        Raises:
            OSError: The workspace cannot be written, and remembers something else.
        """
        if self._moves:
            self._workspace.clear(self._build, self._lane)
        else:
            self._kept = self._workspace.set_aside(self._build, self._lane)

    def look(self, made: Sequence[Path]) -> None:
        """See how the command has left the machine.

        What it has made is still to be stored, which takes its time: others may touch it meanwhile.

        Args:
            made: The files that it has made.
        """
        if self._moves:
            self._seen = signatures([*self._files, *made])

    def end(self, step: str) -> None:
        """Note what is held now that the command's success is recorded.

        Args:
            step: The recorded attempt's digest.

        Raises:
            OSError: The workspace cannot be written.
        """
        if self._moves:
            self._workspace.hold(self._build, self._lane, step, self._seen)
        else:
            self._workspace.put_back(self._build, self._lane, self._kept)
