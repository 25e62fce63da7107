"""OpenSSH's own SFTP server, where it is installed: it needs no root, and lets in who runs it."""

import getpass
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from support.programs import running
from support.sftp import Sftp, prepare

SSHD: Final = Path("/usr/sbin/sshd")
_PRIVILEGE_SEPARATION: Final = Path("/run/sshd")
"""A folder that sshd wants when root starts it, and that a service manager makes."""

WHY_NOT: Final = "OpenSSH's server is not installed: apt-get install openssh-server"


@dataclass(frozen=True)
class OpenSsh(Sftp):
    """A running server, whose clients see the whole machine."""

    def uri(self, path: str, *, user: str = "", port: int | None = None) -> str:
        """Name a file below `files`; `port` is that of a proxy."""
        who = user or getpass.getuser()
        return f"sftp://{who}@127.0.0.1:{port or self.port}{self.files}/{path}"


@contextmanager
def openssh_server(folder: Path, *, port: int) -> Iterator[OpenSsh]:
    """Run a server with an SFTP subsystem.

    Args:
        folder: Where its keys, its files and the client's home go. It is empty.
        port: One that nothing listens on.
    """
    prepare(folder)
    (folder / "host_key").chmod(0o600)
    config = {
        "ListenAddress": "127.0.0.1",
        "Port": port,
        "HostKey": folder / "host_key",
        "AuthorizedKeysFile": folder / "authorized_keys",
        # A folder of the tests has parents that others may write to.
        "StrictModes": "no",
        "UsePAM": "no",
        "PasswordAuthentication": "no",
        "KbdInteractiveAuthentication": "no",
        "PidFile": "none",
        "Subsystem": "sftp internal-sftp",
    }
    lines = [f"{name} {value}\n" for name, value in config.items()]
    (folder / "sshd_config").write_text("".join(lines))
    if os.geteuid() == 0:
        _PRIVILEGE_SEPARATION.mkdir(exist_ok=True)
    # Like the other servers it must not outlive the tests, however they end.
    command = ["setpriv", "--pdeathsig", "KILL", SSHD, "-D", "-e", "-f", folder / "sshd_config"]
    with running(command, announces=r"listening on 127\.0\.0\.1 port (\d+)") as found:
        server = OpenSsh(found, folder)
        server.restore_host_key()
        server.allow_key()
        yield server
