"""Uploads to an SFTP server."""

import asyncio
import posixpath
from collections.abc import Awaitable, Callable
from contextlib import suppress
from threading import Lock
from typing import Final, TypeVar

import asyncssh

from buildstate_worker.files.sinks import BLOCK_BYTES
from buildstate_worker.files.sparse import ZEROS, not_zero
from buildstate_worker.files.temp_names import temp_name
from buildstate_worker.storage.failures import not_stored, occupied, reason_of, unreachable
from buildstate_worker.storage.sftp.client import LOST, sessions
from buildstate_worker.storage.sftp.failures import CHECK_RIGHTS, FAILURES, telling
from buildstate_worker.storage.sftp.files import (
    MOVE_SECONDS,
    NOTHING,
    REQUEST_BYTES,
    Sftp,
    all_of,
    is_full,
    look,
    make_folder,
    missing,
    no_file,
    opened,
    server_and_path,
    size_in,
)

_T = TypeVar("_T")

NO_COPY: Final = "It is copied through this worker instead, if the caller can."

_COPY_BYTES: Final = 64 * 2**20
"""How much is copied by one request, so that its answer is not missed for too long."""

_TO_DISK_SECONDS: Final = 3600
"""How long a server may take to bring a whole file to its disk: some 100 GB at 30 MB/s."""

_MOVE_PAUSES: Final = (0.2, 1.0, 3.0, 10.0)
"""Before the second to fifth try: a network that is away for a moment must not cost an upload."""


class SftpUpload:
    """A temporary file, written in parts, over a new connection if one breaks. See `Upload`."""

    part_bytes = BLOCK_BYTES

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._server, self._path = server_and_path(uri)
        if self._path.endswith("/"):
            raise no_file(uri)
        self._folder = posixpath.dirname(self._path)
        self._temp_path = posixpath.join(self._folder, temp_name())
        self._files: dict[Sftp, asyncssh.SFTPClientFile] = {}
        self._opening = asyncio.Lock()
        self._lock = Lock()
        self._size_bytes = 0
        self._written_bytes = 0
        self._publishing = False

    def begin(self) -> None:
        """Open the temporary file.

        Raises:
            Conflict: There is something at the target.
            Unreachable: That did not work.
        """

        async def begin(sftp: Sftp) -> None:
            if await sftp.lexists(self._path):
                raise occupied(self._uri)
            await make_folder(sftp, self._folder)
            # Not exclusive: the name is ours alone, and the try before may have made it.
            self._files[sftp] = await opened(
                sftp, self._temp_path, asyncssh.FXF_WRITE | asyncssh.FXF_CREAT
            )

        with telling(self._uri, not_stored):
            look(self._server, begin)

    def put(self, number: int, part: bytes) -> None:
        """Write a part to its place, without its holes."""
        position = number * self.part_bytes
        with self._lock:
            self._size_bytes = max(self._size_bytes, position + len(part))
        data = [] if part is ZEROS else list(not_zero(part))
        if not data:
            return
        with self._lock:
            self._written_bytes = max(self._written_bytes, position + data[-1][1])

        async def write(sftp: Sftp) -> None:
            file = await self._file(sftp)
            step = min(REQUEST_BYTES, sftp.limits.max_write_len)
            try:
                await all_of(
                    file.write(part[at : min(at + step, end)], position + at)
                    for start, end in data
                    for at in range(start, end, step)
                )
            except asyncssh.SFTPFailure:
                # OpenSSH says no more than that it failed.
                if await is_full(sftp, self._folder):
                    why = "no space is left on the server's disk"
                    raise asyncssh.SFTPNoSpaceOnFilesystem(why) from None
                raise

        self._move(write, within_seconds=MOVE_SECONDS)

    def fill_from(self, source: str, path: str) -> None:
        """Have the server write this file from another one of its own."""

        async def copy(sftp: Sftp) -> int:
            if not sftp.supports_remote_copy:
                why = f"{self._server} does not copy files by itself (it lacks copy-data)"
                raise not_stored(self._uri, why, hint=NO_COPY)
            try:
                original = await opened(sftp, path, asyncssh.FXF_READ)
            except NOTHING:
                raise await missing(sftp, source, None) from None
            except asyncssh.SFTPPermissionDenied as error:
                raise unreachable(source, reason_of(error), hint=CHECK_RIGHTS) from error
            async with original:
                size = size_in(await original.stat()) or 0
                file = await self._file(sftp)
                async for start, length in original.request_ranges(0, size):
                    for at in range(start, start + length, _COPY_BYTES):
                        count = min(_COPY_BYTES, start + length - at)
                        await sftp.remote_copy(original, file, at, count, at)
            return size

        self._size_bytes = self._move(copy)

    def publish(self) -> None:
        """Set its length, have the server write it to its disk, and rename it."""

        async def complete(sftp: Sftp) -> None:
            file = await self._file(sftp)
            if self._written_bytes < self._size_bytes:
                # The last bytes are a hole.
                await file.truncate(self._size_bytes)
            with suppress(asyncssh.SFTPOpUnsupported):
                await file.fsync()
            found = (await file.stat()).size
            if found != self._size_bytes:
                raise asyncssh.SFTPFailure(
                    f"it has {found} bytes there, and {self._size_bytes} were written"
                )
            await file.close()
            self._files.clear()

        async def name(sftp: Sftp) -> None:
            again, self._publishing = self._publishing, True
            if again and await self._is_named(sftp):
                await self._drop_temp_name(sftp)
            else:
                await self._name(sftp)

        self._move(complete, within_seconds=_TO_DISK_SECONDS)
        self._move(name, within_seconds=MOVE_SECONDS)

    def discard(self) -> None:
        """Leave nothing. Quiet: the error that led here is the one to be told."""

        async def discard(sftp: Sftp) -> None:
            if self._publishing and await self._is_named(sftp):
                # The answer may have been lost after the server had done it.
                await sftp.remove(self._path)
            file = self._files.get(sftp)
            if file is not None:
                with suppress(*FAILURES):
                    await file.close()
            with suppress(*NOTHING):
                await sftp.remove(self._temp_path)

        with suppress(*FAILURES):
            look(self._server, discard)

    async def _name(self, sftp: Sftp) -> None:
        try:
            # A link, unlike the renames of some servers, never overwrites.
            await sftp.link(self._temp_path, self._path)
        except asyncssh.SFTPError as error:
            if isinstance(error, LOST):
                raise
            await self._rename(sftp)
        else:
            await self._drop_temp_name(sftp)

    async def _drop_temp_name(self, sftp: Sftp) -> None:
        # It has its name. If the temporary one stays, it is an orphan like any other.
        with suppress(asyncssh.SFTPError):
            await sftp.remove(self._temp_path)

    async def _rename(self, sftp: Sftp) -> None:
        if await sftp.lexists(self._path):
            self._publishing = False
            raise occupied(self._uri)
        try:
            await sftp.rename(self._temp_path, self._path)
        except asyncssh.SFTPError:
            # Most servers say of this no more than that it failed.
            if await sftp.lexists(self._path) and await sftp.lexists(self._temp_path):
                self._publishing = False
                raise occupied(self._uri) from None
            raise

    async def _is_named(self, sftp: Sftp) -> bool:
        """Return whether the file at the target is this one, after a lost answer."""
        try:
            target = await sftp.lstat(self._path)
        except NOTHING:
            return False
        try:
            temp = await sftp.lstat(self._temp_path)
        except NOTHING:
            return True
        return (target.size, target.mtime) == (temp.size, temp.mtime)

    async def _file(self, sftp: Sftp) -> asyncssh.SFTPClientFile:
        async with self._opening:
            if sftp not in self._files:
                self._files = {sftp: await opened(sftp, self._temp_path, asyncssh.FXF_WRITE)}
            return self._files[sftp]

    def _move(
        self, work: Callable[[Sftp], Awaitable[_T]], *, within_seconds: float | None = None
    ) -> _T:
        with telling(self._uri, not_stored):
            return sessions().ask(
                self._server,
                work,
                pauses=_MOVE_PAUSES,
                within_seconds=within_seconds,
                reconnects=True,
            )
