"""Artifacts on an SFTP server.

Whatever server it is, it has to write a file at any offset and rename it. What OpenSSH adds is used
where it is offered: a hard link and `fsync` make a commit that is atomic and on the disk,
`copy-data` makes a copy that does not pass by here.

What is not atomic: on a server without hard links, a file that appears in the same moment as ours
is overwritten if that server's rename does so. The standard says that it does not, and a URI is
unique to an attempt.
"""

import posixpath
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import asyncssh

from buildstate_worker.files.temp_names import is_temp_name
from buildstate_worker.storage.base import Listed, Unfinished
from buildstate_worker.storage.failures import not_listed, not_removed, not_stored, unreachable
from buildstate_worker.storage.sftp.client import sessions
from buildstate_worker.storage.sftp.connect import Server
from buildstate_worker.storage.sftp.failures import telling
from buildstate_worker.storage.sftp.files import (
    LOOK_PAUSES,
    MOVE_SECONDS,
    NOTHING,
    REQUEST_BYTES,
    Sftp,
    all_of,
    changed_at,
    look,
    missing,
    opened,
    piece_of,
    server_and_path,
    size_in,
)
from buildstate_worker.storage.sftp.upload import NO_COPY, SftpUpload


class SftpStorage:
    """Artifacts as files. See `Storage`."""

    parallel = 4
    range_bytes = 8 * 2**20
    keeps_holes = True
    writes_in_order = False

    def size_of(self, uri: str, *, root: str | None = None) -> int | None:
        """Return the file's size; `None` for a folder."""
        server, path = server_and_path(uri)

        async def found(sftp: Sftp) -> asyncssh.SFTPAttrs:
            try:
                return await sftp.stat(path)
            except NOTHING:
                raise await missing(sftp, uri, root) from None

        with telling(uri, unreachable):
            return size_in(look(server, found))

    def read(self, uri: str, start: int, size: int, *, root: str | None = None) -> bytes:
        """Return a part of the file's bytes, by several requests at once."""
        server, path = server_and_path(uri)

        async def read(sftp: Sftp) -> bytes:
            try:
                file = await opened(sftp, path, asyncssh.FXF_READ)
            except NOTHING:
                raise await missing(sftp, uri, root) from None
            async with file:
                step = min(REQUEST_BYTES, sftp.limits.max_read_len)
                spans = range(start, start + size, step)
                pieces = await all_of(
                    piece_of(file, at, min(step, start + size - at)) for at in spans
                )
            return b"".join(pieces)

        with telling(uri, unreachable):
            return sessions().ask(server, read, pauses=LOOK_PAUSES, within_seconds=MOVE_SECONDS)

    @contextmanager
    def create(self, uri: str, *, expected_bytes: int) -> Iterator["SftpUpload"]:
        """Write beside the target under a temporary name, then rename it in one step."""
        del expected_bytes
        upload = SftpUpload(uri)
        upload.begin()
        try:
            yield upload
            upload.publish()
        except BaseException:
            upload.discard()
            raise

    def copy(self, source: str, target: str) -> None:
        """Have the server copy a file, if it can."""
        server, path = server_and_path(source)
        if server != server_and_path(target)[0]:
            raise not_stored(target, f"{source} is on another server", hint=NO_COPY)
        with self.create(target, expected_bytes=0) as upload:
            upload.fill_from(source, path)

    def remove(self, uri: str) -> None:
        """Remove the file. Its folder stays."""
        server, path = server_and_path(uri)

        async def remove(sftp: Sftp) -> None:
            with suppress(*NOTHING):
                await sftp.remove(path)

        with telling(uri, not_removed):
            look(server, remove)

    def listing(self, prefix: str) -> Iterator[Listed]:
        """Yield the files under a folder."""
        for uri, found in _files(prefix):
            if not is_temp_name(uri):
                yield Listed(uri, found.size or 0, changed_at(found))

    def unfinished(self, prefix: str) -> Iterator[Unfinished]:
        """Yield the temporary files of uploads. Their sizes include holes: SFTP tells no more."""
        for uri, found in _files(prefix):
            if is_temp_name(uri):
                yield Unfinished(uri, uri, changed_at(found), found.size)

    def abandon(self, upload: Unfinished) -> None:
        """Remove the temporary file."""
        self.remove(upload.token)


def _files(prefix: str) -> Iterator[tuple[str, asyncssh.SFTPAttrs]]:
    """Yield the files under a folder, or those whose path begins with a prefix."""
    server, start = server_and_path(prefix)
    authority = prefix.removesuffix(start)
    with telling(prefix, not_listed):
        is_folder = start.endswith("/") or look(server, lambda sftp: sftp.isdir(start))
        top = start if is_folder else posixpath.dirname(start)
        folders = [top]
        while folders:
            folder = folders.pop()
            try:
                names = _names(server, folder)
            except NOTHING:
                # One that goes while this looks is no error.
                if folder == top:
                    raise
                continue
            for each in names:
                path = posixpath.join(folder, str(each.filename))
                mode = each.attrs.permissions or stat.S_IFREG
                if each.filename in {".", ".."} or not path.startswith(start):
                    continue
                if stat.S_ISDIR(mode):
                    folders.append(path)
                elif stat.S_ISREG(mode):
                    yield authority + path, each.attrs


def _names(server: Server, folder: str) -> Sequence[asyncssh.SFTPName]:
    # With the patience of a part: a folder may hold very many.
    return sessions().ask(
        server,
        lambda sftp: sftp.readdir(folder),
        pauses=LOOK_PAUSES,
        within_seconds=MOVE_SECONDS,
    )
