"""The running server, as its `postmaster.pid` tells of it, and whether to believe that file.

After a kill or a power cut the file stays. Its process number may by then be another program's,
as happens at every restart of a container, or a zombie's; PostgreSQL would take either for a live
server and refuse to start.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from buildstate_api.embedded.folders import SOCKET_NAME

_PROC = Path("/proc")
_SOCKET_LINE = 4


@dataclass(frozen=True)
class Postmaster:
    """What a cluster's `postmaster.pid` says.

    Attributes:
        folder: The cluster.
        pid: The server's process; 0 when the file was not written to its end.
        socket_folder: Where it listens; `None` until it does.
    """

    folder: Path
    pid: int
    socket_folder: Path | None

    @classmethod
    def find(cls, folder: Path) -> "Postmaster | None":
        """Read the file, or return `None` if there is none."""
        try:
            lines = (folder / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return None
        pid = lines[0].strip() if lines else ""
        socket = lines[_SOCKET_LINE] if len(lines) > _SOCKET_LINE else ""
        return cls(folder, int(pid) if pid.isdigit() else 0, Path(socket) if socket else None)

    def is_alive(self) -> bool:
        """Whether that process is the server of this cluster, and not a zombie or a stranger."""
        if not self._process_exists():
            return False
        if not _PROC.joinpath("self", "cmdline").exists():
            return True  # not Linux: as PostgreSQL itself decides it
        try:
            words = _PROC.joinpath(str(self.pid), "cmdline").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            return False
        return words[0].endswith(b"postgres") and os.fsencode(self.folder) in words

    def misleads(self) -> bool:
        """Whether PostgreSQL would take a stranger, or an empty file, for the live server."""
        return not self.is_alive() and (self.pid == 0 or self._process_exists())

    def _process_exists(self) -> bool:
        if self.pid == 0:
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass
        return True


def clear_remains(folder: Path, socket_folder: Path) -> None:
    """Remove what a dead server left behind, as far as it would stop the next one.

    `postmaster.pid` stays if PostgreSQL can judge it by itself. Old backends that still run are
    found by PostgreSQL in either case: it names its shared memory for the cluster's inode, and
    does not start while that is in use. The socket's own lock guards nothing here, since no other
    cluster uses that folder.
    """
    (socket_folder / f"{SOCKET_NAME}.lock").unlink(missing_ok=True)
    left = Postmaster.find(folder)
    if left is not None and left.misleads():
        (folder / "postmaster.pid").unlink(missing_ok=True)
