"""An SFTP server on a folder: `sftp.py HOME [--plain]`.

HOME holds `host_key`, `authorized_keys` (read at every login, so that a key can be taken away)
and `files`, beyond which no client gets. Any user with a key may write, except `reader`. While
there is a file `denied` in HOME, nobody may do anything.
`--plain` offers none of OpenSSH's extensions, as the servers of some appliances do.

It prints its port, and ends when its standard input does: with the process that started it.
"""

import asyncio
import sys
from pathlib import Path
from typing import Any

import asyncssh
from asyncssh.sftp import SFTPServerHandler

READER = "reader"
WRITES = (
    asyncssh.FXF_WRITE | asyncssh.FXF_APPEND | asyncssh.FXF_CREAT | asyncssh.FXF_TRUNC
)  # fmt: skip


class Login(asyncssh.SSHServer):
    """Who may come in."""

    def __init__(self, home: Path) -> None:
        self._keys = home / "authorized_keys"

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn

    def begin_auth(self, username: str) -> bool:
        assert username
        if self._keys.read_text().strip():
            self._connection.set_authorized_keys(str(self._keys))
        return True


class Files(asyncssh.SFTPServer):
    """The files, as the logged-in user may use them."""

    def __init__(self, channel: Any, home: Path) -> None:
        super().__init__(channel, chroot=str(home / "files").encode())
        self._is_reader = channel.get_extra_info("username") == READER
        self._denied = home / "denied"

    def map_path(self, path: bytes) -> bytes:
        # Whatever names a file comes by here.
        if self._denied.exists():
            raise asyncssh.SFTPPermissionDenied("Permission denied")
        return super().map_path(path)

    def open(self, path: bytes, pflags: int, attrs: Any) -> Any:
        if pflags & WRITES:
            self._refuse_reader()
        return super().open(path, pflags, attrs)

    def setstat(self, path: bytes, attrs: Any) -> Any:
        self._refuse_reader()
        return super().setstat(path, attrs)

    def remove(self, path: bytes) -> Any:
        self._refuse_reader()
        return super().remove(path)

    def mkdir(self, path: bytes, attrs: Any) -> Any:
        self._refuse_reader()
        return super().mkdir(path, attrs)

    def rmdir(self, path: bytes) -> Any:
        self._refuse_reader()
        return super().rmdir(path)

    def rename(self, oldpath: bytes, newpath: bytes) -> Any:
        self._refuse_reader()
        return super().rename(oldpath, newpath)

    def posix_rename(self, oldpath: bytes, newpath: bytes) -> Any:
        self._refuse_reader()
        return super().posix_rename(oldpath, newpath)

    def link(self, oldpath: bytes, newpath: bytes) -> Any:
        self._refuse_reader()
        return super().link(oldpath, newpath)

    def symlink(self, oldpath: bytes, newpath: bytes) -> Any:
        self._refuse_reader()
        return super().symlink(oldpath, newpath)

    def _refuse_reader(self) -> None:
        if self._is_reader:
            raise asyncssh.SFTPPermissionDenied("Permission denied")


async def serve(home: Path) -> None:
    listener = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=lambda: Login(home),
        server_host_keys=[str(home / "host_key")],
        sftp_factory=lambda channel: Files(channel, home),
        allow_scp=False,
    )
    print(f"listening on port {listener.get_port()}", flush=True)  # noqa: T201
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    if "--plain" in sys.argv:
        SFTPServerHandler._extensions = []
    asyncio.run(serve(Path(sys.argv[1])))
