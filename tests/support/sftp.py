"""An SFTP server, and what an administrator puts on a worker so that it can log in."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from support.programs import SERVERS, running

USER = "builder"
READER = "reader"
"""A user who may read and not write."""


@dataclass(frozen=True)
class Sftp:
    """A running server.

    Attributes:
        files: What clients see as `/`.
        home: A home folder for a client. Its `.ssh` has the key (`id_ed25519`), `known_hosts`
            and a `config` that names both: for `HOME`, or to be passed on file by file.
    """

    port: int
    folder: Path

    @property
    def files(self) -> Path:
        return self.folder / "files"

    @property
    def home(self) -> Path:
        return self.folder / "client"

    @property
    def key_file(self) -> Path:
        return self.home / ".ssh" / "id_ed25519"

    @property
    def known_hosts_file(self) -> Path:
        return self.home / ".ssh" / "known_hosts"

    def uri(self, path: str, *, user: str = USER, port: int | None = None) -> str:
        """Name a file below `files`; `port` is that of a proxy."""
        return f"sftp://{user}@127.0.0.1:{port or self.port}/{path}"

    def revoke_key(self) -> None:
        """Let nobody log in any more; who is in stays in."""
        (self.folder / "authorized_keys").write_text("")

    def allow_key(self) -> None:
        public_key = self.key_file.with_suffix(".pub").read_text()
        (self.folder / "authorized_keys").write_text(public_key)

    def deny(self) -> None:
        """Let nobody do anything with the files; who is in stays in."""
        (self.folder / "denied").touch()

    def allow(self) -> None:
        (self.folder / "denied").unlink()

    def change_host_key(self) -> None:
        """Have the client expect another host key, as when somebody sits in between."""
        self._expect_host_key(asyncssh.generate_private_key("ssh-ed25519"))

    def restore_host_key(self) -> None:
        self._expect_host_key(asyncssh.read_private_key(self.folder / "host_key"))

    def _expect_host_key(self, key: asyncssh.SSHKey) -> None:
        # Any port, since a proxy has another one.
        line = f"[127.0.0.1]:* {key.export_public_key().decode()}"
        self.known_hosts_file.write_text(line)


@contextmanager
def sftp_server(folder: Path, *, is_plain: bool = False) -> Iterator[Sftp]:
    """Run a server.

    Args:
        folder: Where its keys, its files and the client's home go. It is empty, but for `files`
            if that is to be a disk of its own.
        is_plain: Whether it lacks OpenSSH's extensions: rename over a file, fsync, hard links.
    """
    prepare(folder)
    command = [sys.executable, SERVERS / "sftp.py", folder, *(["--plain"] if is_plain else [])]
    with running(command, announces=r"listening on port (\d+)") as port:
        server = Sftp(port, folder)
        server.restore_host_key()
        server.allow_key()
        yield server


def prepare(folder: Path) -> None:
    """Make the keys, the folders and the client's home."""
    ssh = folder / "client" / ".ssh"
    ssh.mkdir(parents=True)
    ssh.chmod(0o700)
    (folder / "files").mkdir(exist_ok=True)
    (folder / "authorized_keys").write_text("")
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(folder / "host_key")
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(ssh / "id_ed25519")
    key.write_public_key(ssh / "id_ed25519.pub")
    (ssh / "config").write_text(
        f"Host *\n  User {USER}\n  IdentityFile {ssh}/id_ed25519\n"
        f"  UserKnownHostsFile {ssh}/known_hosts\n"
    )
