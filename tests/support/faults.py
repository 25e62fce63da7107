"""A TCP proxy that counts what passes, and breaks what it is told to break."""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Literal

CHUNK_BYTES: Final = 256 * 1024
_ON_CLOSE: Final = struct.pack("ii", 1, 0)
_HOST: Final = "127.0.0.1"


@dataclass
class _Fault:
    act: Literal["cut", "stall", "flip"]
    after: int
    every: bool
    seen: int = 0


class Direction:
    """The bytes of all connections that go one way, and what happens to them.

    A fault happens after so many bytes: counted from now on, over all connections, and once; or
    with `every` on each connection, whose first byte is number 0. The latest fault replaces the
    one before.

    Attributes:
        count: How many bytes were passed on.
    """

    def __init__(self) -> None:
        self.count = 0
        self._fault: _Fault | None = None
        self._rate = 0
        self._flowing = asyncio.Event()
        self._flowing.set()

    def cut(self, *, after: int = 0, every: bool = False) -> None:
        """Reset the connection."""
        self._fault = _Fault("cut", after, every)

    def stall(self, *, after: int = 0) -> None:
        """Pass nothing on, on any connection, until all is healed."""
        self._fault = _Fault("stall", after, every=False)

    def flip_bit(self, *, after: int, every: bool = False) -> None:
        """Change one bit of the byte that follows; it has to be beyond the answer's headers."""
        self._fault = _Fault("flip", after, every)

    def limit(self, bytes_per_second: int) -> None:
        """Pass on no more than this on each connection."""
        self._rate = bytes_per_second

    def heal(self) -> None:
        self._fault = None
        self._rate = 0
        self._flowing.set()

    async def pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        """Pass on one connection's bytes until their end or their fault."""
        passed = 0
        while chunk := await source.read(self._rate // 20 or CHUNK_BYTES):
            await self._flowing.wait()
            act, left = self._due(chunk, passed)
            passed += len(chunk)
            await self._send(chunk[:left], sink)
            if act == "cut":
                raise ConnectionResetError
            if act == "stall":
                self._flowing.clear()
                await self._flowing.wait()
            if act == "flip":
                chunk = chunk[:left] + bytes([chunk[left] ^ 1]) + chunk[left + 1 :]
            await self._send(chunk[left:], sink)
            if self._rate:
                await asyncio.sleep(len(chunk) / self._rate)
        sink.write_eof()

    def _due(self, chunk: bytes, passed: int) -> tuple[str, int]:
        """What happens within this chunk, and after how many of its bytes."""
        fault = self._fault
        if fault is None:
            return "", len(chunk)
        left = fault.after - (passed if fault.every else fault.seen)
        fault.seen += len(chunk)
        if not 0 <= left < len(chunk):
            return "", len(chunk)
        if not fault.every:
            self._fault = None
        return fault.act, left

    async def _send(self, chunk: bytes, sink: asyncio.StreamWriter) -> None:
        if chunk:
            sink.write(chunk)
            await sink.drain()
            self.count += len(chunk)


class Proxy:
    """A proxy in front of a server of this machine, in a thread of the tests.

    Attributes:
        port: Where clients connect to, on 127.0.0.1.
        download: What goes to the client.
        upload: What goes to the server.
        connections: How many were made.
    """

    def __init__(self, server_port: int) -> None:
        self.download = Direction()
        self.upload = Direction()
        self.connections = 0
        self._server_port = server_port
        self._listening: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()
        # It never listens: it keeps the port while the proxy does not.
        self._reserved = socket.socket()
        self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._reserved.bind((_HOST, 0))
        self.port: int = self._reserved.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._run(self._heal())

    @property
    def url(self) -> str:
        return f"http://{_HOST}:{self.port}"

    def refuse(self) -> None:
        """Refuse new connections and cut those that there are: the server is down."""
        self._run(self._refuse())

    def drop(self) -> None:
        """Cut the connections that there are: the server has started again."""
        self._run(self._drop())

    def lead_to(self, server_port: int) -> None:
        """Be in front of another server from now on, and cut the connections to this one."""
        self._server_port = server_port
        self.drop()

    def heal(self) -> None:
        """Let everything pass from now on; the counts go on."""
        self._run(self._heal())

    def close(self) -> None:
        self.refuse()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._reserved.close()

    def _run(self, change: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(change, self._loop).result()

    async def _refuse(self) -> None:
        if self._listening is not None:
            self._listening.close()
            self._listening = None
        await self._drop()

    async def _drop(self) -> None:
        ending = list(self._open)
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)

    async def _heal(self) -> None:
        self.download.heal()
        self.upload.heal()
        if self._listening is None:
            self._listening = await asyncio.start_server(
                self._serve, _HOST, self.port, limit=CHUNK_BYTES
            )

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        ends = [writer]
        try:
            server = await asyncio.open_connection(_HOST, self._server_port, limit=CHUNK_BYTES)
            ends.append(server[1])
            async with asyncio.TaskGroup() as both:
                both.create_task(self.upload.pump(reader, server[1]))
                both.create_task(self.download.pump(server[0], writer))
        except (OSError, ExceptionGroup, asyncio.CancelledError):
            for end in ends:
                _reset(end)
        finally:
            for end in ends:
                end.close()
            self._open.discard(task)


def _reset(end: asyncio.StreamWriter) -> None:
    """Close it so that its other side sees a broken connection, not an end."""
    with contextlib.suppress(OSError):  # it is closed
        end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ON_CLOSE)
    end.transport.abort()


@contextmanager
def proxied(server_port: int) -> Iterator[Proxy]:
    """Run a proxy until the end of the block."""
    proxy = Proxy(server_port)
    try:
        yield proxy
    finally:
        proxy.close()
