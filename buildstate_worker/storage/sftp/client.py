"""Sessions with SFTP servers: one to each, on an event loop in a thread of its own."""

import asyncio
import atexit
import os
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from functools import cache
from threading import Thread
from typing import Any, Final, TypeVar

import asyncssh

from buildstate_worker.storage.sftp.connect import Server, Trouble, connect

_T = TypeVar("_T")

LOST: Final = (
    asyncssh.DisconnectError,
    asyncssh.SFTPConnectionLost,
    asyncssh.SFTPNoConnection,
    ConnectionError,
)
"""What is raised when a connection broke that there was."""

LOOK_SECONDS: Final = 12
"""How long a question may take, with everything that it needs."""

_END_SECONDS: Final = 2


class Sessions:
    """All connections of this process. Threads share it."""

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._loop = asyncio.new_event_loop()
        # An error reaches the caller that waits; no one waits for the requests beside it.
        self._loop.set_exception_handler(lambda _loop, _context: None)
        self._open: dict[Server, tuple[asyncssh.SSHClientConnection, asyncssh.SFTPClient]] = {}
        self._locks: dict[Server, asyncio.Lock] = {}
        self._thread = Thread(target=self._loop.run_forever, name="bldst-sftp", daemon=True)
        self._thread.start()
        atexit.register(self._close)

    def ask(
        self,
        server: Server,
        work: Callable[[asyncssh.SFTPClient], Awaitable[_T]],
        *,
        pauses: Sequence[float] = (),
        within_seconds: float | None = None,
        reconnects: bool = False,
    ) -> _T:
        """Have something done on a server, again from its beginning if the connection broke.

        Args:
            server: Where.
            work: What. Doing it twice must do no harm if there are pauses.
            pauses: How long to wait before each further try, in seconds.
            within_seconds: How long all of it may take.
            reconnects: Whether to try again also if no new connection can be made, as while a
                network is away.

        Raises:
            Trouble: There is no connection.
            TimeoutError: It took too long.
        """

        async def persist() -> _T:
            for pause in pauses:
                try:
                    return await self._once(server, work)
                except LOST:
                    pass
                except Trouble as trouble:
                    if not (reconnects and trouble.may_pass):
                        raise
                await asyncio.sleep(pause)
            return await self._once(server, work)

        async def in_time() -> _T:
            async with asyncio.timeout(within_seconds):
                return await persist()

        return self._run(in_time())

    async def _once(
        self, server: Server, work: Callable[[asyncssh.SFTPClient], Awaitable[_T]]
    ) -> _T:
        sftp = await self._session(server)
        try:
            return await work(sftp)
        except LOST:
            self._forget(server, sftp)
            raise

    async def _session(self, server: Server) -> asyncssh.SFTPClient:
        # So that threads that come at the same time share one.
        async with self._locks.setdefault(server, asyncio.Lock()):
            found = self._open.get(server)
            if found is None or found[0].is_closed():
                found = await connect(server)
                self._open[server] = found
            return found[1]

    def _forget(self, server: Server, sftp: asyncssh.SFTPClient) -> None:
        found = self._open.get(server)
        if found is not None and found[1] is sftp:
            del self._open[server]
            found[0].abort()

    def _run(self, work: Coroutine[Any, Any, _T]) -> _T:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            # Ctrl-C comes to the thread that waits.
            future.cancel()
            raise

    def _close(self) -> None:
        if os.getpid() != self._pid:
            return
        with suppress(Exception):
            asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(_END_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_END_SECONDS)

    async def _end(self) -> None:
        for connection, _ in self._open.values():
            connection.abort()
            await connection.wait_closed()


def sessions() -> Sessions:
    """Return this process' sessions; those from before a fork cannot be used."""
    return _sessions_of(os.getpid())


@cache
def _sessions_of(_pid: int) -> Sessions:
    return Sessions()
