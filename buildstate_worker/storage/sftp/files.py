"""What is done on an SFTP server in several places, with one file or one folder."""

import asyncio
import posixpath
import re
import stat
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Final, TypeVar, cast

import asyncssh

from buildstate_core.credentials import refuse_credentials
from buildstate_core.errors import BuildStateError, InvalidInput
from buildstate_worker.files.sinks import BLOCK_BYTES
from buildstate_worker.storage.failures import gone, unreachable
from buildstate_worker.storage.mount_check import MountCheck
from buildstate_worker.storage.sftp.client import LOOK_SECONDS, sessions
from buildstate_worker.storage.sftp.connect import Server
from buildstate_worker.storage.uris import storage_type_of

_T = TypeVar("_T")
Sftp = asyncssh.SFTPClient

REQUEST_BYTES: Final = 2**20
"""How much one request moves, if the server takes that much."""

LOOK_PAUSES: Final = (0.2,)
"""Before a second try."""

MOVE_SECONDS: Final = 300
"""How long one part or range may take: of a server that hangs, the network says nothing."""

NOTHING: Final = (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath)

_CHECK_ROOT: Final = "Check the path, and that the server's disk is mounted."


def server_and_path(uri: str) -> tuple[Server, str]:
    """Split an `sftp://` URI. Its path is taken letter by letter.

    >>> server_and_path("sftp://builder@nas:2222/images/a b.raw")
    (Server(user='builder', host='nas', port=2222), '/images/a b.raw')

    Raises:
        InvalidInput: It names no file on a server, or holds a password.
    """
    refuse_credentials(uri)
    authority, slash, rest = uri.partition("://")[2].partition("/")
    user, at, place = authority.rpartition("@")
    found = re.fullmatch(r"(\[[^\[\]]+\]|[^\[\]:]+)(?::([0-9]{1,5}))?", place)
    if found is None or not slash or bool(at) != bool(user) or "\0" in rest:
        raise no_file(uri)
    port = int(found[2]) if found[2] else None
    return Server(user or None, found[1].strip("[]"), port), f"/{rest}"


def no_file(uri: str) -> InvalidInput:
    """Return the error for a URI that does not name a file."""
    return InvalidInput(
        f"{uri} does not name a file on a server.",
        field="uri",
        code="bad-uri",
        hint="Use sftp://user@host/absolute/path.",
    )


def look(server: Server, work: Callable[[Sftp], Awaitable[_T]]) -> _T:
    """Have a question answered, or fail within some 12 seconds."""
    return sessions().ask(server, work, pauses=LOOK_PAUSES, within_seconds=LOOK_SECONDS)


async def opened(sftp: Sftp, path: str, flags: int) -> asyncssh.SFTPClientFile:
    """Open a file, for requests of our own size."""
    # Without asyncssh's own cutting into blocks: here it is known what is a hole.
    return await sftp.open(path, flags, encoding=None, block_size=0)


async def all_of(works: Iterable[Awaitable[_T]]) -> list[_T]:
    """Do several things at once. Nothing is under way any more when one of them has failed."""
    results = await asyncio.gather(*works, return_exceptions=True)
    for each in results:
        if isinstance(each, BaseException):
            raise each
    return [each for each in results if not isinstance(each, BaseException)]


async def piece_of(file: asyncssh.SFTPClientFile, start: int, size: int) -> bytes:
    """Read what one request was meant to give; a server may give less."""
    pieces: list[bytes] = []
    while size and (piece := cast("bytes", await file.read(size, start))):
        pieces.append(piece)
        start += len(piece)
        size -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


async def make_folder(sftp: Sftp, folder: str) -> None:
    """Make a folder, and those above it."""
    if folder == "/" or await sftp.isdir(folder):
        return
    await make_folder(sftp, posixpath.dirname(folder))
    try:
        await sftp.mkdir(folder)
    except asyncssh.SFTPError:
        # Somebody else may have been faster.
        if not await sftp.isdir(folder):
            raise


async def is_full(sftp: Sftp, folder: str) -> bool:
    """Return whether a folder's disk is full, if the server tells."""
    try:
        found = await sftp.statvfs(folder)
    except asyncssh.SFTPError:
        return False
    return found.bavail * found.frsize < BLOCK_BYTES


async def missing(sftp: Sftp, uri: str, root: str | None) -> BuildStateError:
    """Return the error for a missing file: gone, or its folder is missing or not mounted."""
    server, path = server_and_path(uri)
    start = None
    if root is not None and storage_type_of(root) == "sftp":
        other, folder = server_and_path(root)
        start = PurePosixPath(folder) if other == server else None
    mount = MountCheck.of(PurePosixPath(path), start)
    if mount.own is not None and await sftp.isdir(str(mount.own)):
        return gone(uri)
    why = f"the folder {mount.used} on {server} is empty, as if it were not mounted"
    try:
        if set(await sftp.listdir(str(mount.used))) - {".", ".."}:
            return gone(uri)
    except NOTHING:
        why = f"the folder {mount.used} does not exist on {server}"
    return unreachable(uri, why, hint=mount.next_step(_CHECK_ROOT))


def size_in(found: asyncssh.SFTPAttrs) -> int | None:
    """Return a file's size; `None` for anything else."""
    mode = found.permissions or stat.S_IFREG
    return found.size if stat.S_ISREG(mode) else None


def changed_at(found: asyncssh.SFTPAttrs) -> datetime:
    """Return when a file was last written to."""
    # One of an unknown age is taken for a young one, since the old are removed.
    return datetime.now(UTC) if found.mtime is None else datetime.fromtimestamp(found.mtime, UTC)
