"""Connecting to an SFTP server: as whom, with which keys, and what can go wrong.

Who a worker is, is its own affair: the agent, `~/.ssh/config` and the keys beside it, as with
`sftp` itself; or the files that `BLDST_SFTP_KEY` and `BLDST_SFTP_KNOWN_HOSTS` name. A server whose
key is not known is never talked to, whatever the config says.
"""

import asyncio
import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import asyncssh

from buildstate_worker.settings import sftp_files
from buildstate_worker.storage.failures import reason_of

_CONNECT_SECONDS: Final = 10
_KEEPALIVE_SECONDS: Final = 10
"""Three of these without an answer, and the connection is lost."""

_DEFAULT_PORT: Final = 22
_WINDOW_BYTES: Final = 16 * 2**20
_PACKET_BYTES: Final = 128 * 2**10
_CIPHERS: Final = "^aes128-gcm@openssh.com"
"""Preferred over the rest: half the work of chacha20 on processors that know AES."""

_EMPTY: Final = b"# none\n"
_ALL_KNOWN_HOSTS: Final = "/etc/ssh/ssh_known_hosts"
_CHECK_NETWORK: Final = "Check the host, the port, and the network of this worker."
_CHECK_KEYS: Final = (
    "Check this worker's key (BLDST_SFTP_KEY, ssh-agent, ~/.ssh) and authorized_keys on the server."
)
_CHECK_SUBSYSTEM: Final = "Turn on its SFTP subsystem, and check how many sessions it allows."
_CHECK_FILES: Final = "Check ~/.ssh/config, BLDST_SFTP_KEY and BLDST_SFTP_KNOWN_HOSTS here."


@dataclass(frozen=True)
class Server:
    """A server, and as whom to use it.

    Attributes:
        user: `None`: whoever `~/.ssh/config` says, or this process' user.
        port: `None`: what `~/.ssh/config` says, or 22.
    """

    user: str | None
    host: str
    port: int | None

    def __str__(self) -> str:
        return self.host if self.port is None else f"{self.host}:{self.port}"


class Trouble(Exception):
    """There is no connection.

    Args:
        why: A few words.
        hint: The next step, as a sentence.
        may_pass: Whether the same may work in a moment.
    """

    def __init__(self, why: str, *, hint: str, may_pass: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.hint = hint
        self.may_pass = may_pass


async def connect(server: Server) -> tuple[asyncssh.SSHClientConnection, asyncssh.SFTPClient]:
    """Log in, and begin a session.

    Raises:
        Trouble: That did not work.
    """
    known_hosts = _EMPTY
    try:
        options, known_hosts = _options(server)
        async with asyncio.timeout(_CONNECT_SECONDS):
            connection = await asyncssh.connect(
                server.host, () if server.port is None else server.port, options=options
            )
            try:
                # Names that are no UTF-8 must not spoil a listing.
                return connection, await connection.start_sftp_client(path_errors="surrogateescape")
            except BaseException:
                connection.abort()
                raise
    except (OSError, ValueError, asyncssh.Error) as error:
        raise _trouble(server, known_hosts, error) from error


def _options(server: Server) -> tuple[asyncssh.SSHClientConnectionOptions, bytes]:
    """Return the options that are not the default, and the content of known_hosts."""
    key_file, known_hosts_file = sftp_files(os.environ)
    asked: dict[str, Any] = {"host": server.host}
    if server.user is not None:
        asked["username"] = server.user
    if server.port is not None:
        asked["port"] = server.port
    if key_file is not None:
        # With the agent's keys before it, a server may have enough before its turn.
        asked |= {"client_keys": [str(key_file)], "agent_path": None}
    usual = asyncssh.SSHClientConnectionOptions(**asked)
    if known_hosts_file is not None:
        known_hosts = known_hosts_file.read_bytes()
    else:
        known_hosts = _known_hosts(usual.known_hosts)
    if usual.config.get("Ciphers") is None:
        asked["encryption_algs"] = _CIPHERS
    options = asyncssh.SSHClientConnectionOptions(
        **asked,
        known_hosts=known_hosts,
        window=_WINDOW_BYTES,
        max_pktsize=_PACKET_BYTES,
        keepalive_interval=_KEEPALIVE_SECONDS,
    )
    return options, known_hosts


def _known_hosts(configured: Any) -> bytes:
    """Read what is known of servers' keys. `UserKnownHostsFile none` does not mean all of them."""
    files = list(configured or ()) or ["~/.ssh/known_hosts", _ALL_KNOWN_HOSTS]
    content = _EMPTY
    for each in files:
        with suppress(FileNotFoundError):
            content += Path(each).expanduser().read_bytes() + b"\n"
    return content


def _trouble(server: Server, known_hosts: bytes, error: Exception) -> Trouble:
    if isinstance(error, asyncssh.HostKeyNotVerifiable):
        return _host_key(server, known_hosts)
    if isinstance(error, asyncssh.PermissionDenied):
        who = "this worker" if server.user is None else server.user
        return Trouble(f"{server} does not let {who} in", hint=_CHECK_KEYS)
    if isinstance(error, asyncssh.ChannelOpenError):
        why = f"{server} offers no SFTP: {reason_of(error)}"
        return Trouble(why, hint=_CHECK_SUBSYSTEM)
    file = getattr(error, "filename", None)
    if file is not None or isinstance(error, ValueError):
        why = f"this worker's SSH files are wrong: {reason_of(error)}"
        return Trouble(f"{why} ({file})" if file else why, hint=_CHECK_FILES)
    passing = isinstance(error, TimeoutError | asyncssh.ConnectionLost | ConnectionError)
    why = f"{server} cannot be connected to: {_said(error)}"
    return Trouble(why, hint=_CHECK_NETWORK, may_pass=passing)


def _said(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it does not answer"
    if isinstance(error, OSError) and not isinstance(error, socket.gaierror) and error.errno:
        # In place of asyncio's text, which repeats the address.
        return os.strerror(error.errno)
    return reason_of(error)


def _host_key(server: Server, known_hosts: bytes) -> Trouble:
    """Return the error for a host key that is not accepted: never seen, or changed."""
    port = server.port or _DEFAULT_PORT
    name = server.host if port == _DEFAULT_PORT else f"[{server.host}]:{port}"
    found = asyncssh.match_known_hosts(known_hosts, server.host, "", server.port)
    if any(found[:2]):
        return Trouble(
            f"the host key of {server} is not the one that is known here, so that it may not be"
            " the server that it was",
            hint="Ask whoever runs it. If it has a new key, remove the old one"
            f" (ssh-keygen -R '{name}') and add the new one to known_hosts.",
        )
    return Trouble(
        f"the host key of {server} is not known here",
        hint=f"Add it to known_hosts (ssh-keyscan -p {port} {server.host}), after you have compared"
        " it with the server's own.",
    )
