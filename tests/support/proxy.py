"""An HTTP proxy on loopback: it tunnels (CONNECT) and forwards, and remembers what for."""

import base64
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


@dataclass
class HttpProxy:
    """A running proxy.

    Attributes:
        url: Where it listens.
        leads_to: The port of this machine to which every host leads: there is no DNS here.
        credentials: `USER:PASSWORD` that it wants, if any.
        refuses_with: The status with which it refuses everything, if it does.
        asked: What it was asked for, in order: `CONNECT host:port`, `GET http://…`.
    """

    url: str
    leads_to: int
    credentials: str | None = None
    refuses_with: int | None = None
    asked: list[str] = field(default_factory=list)

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or 0


@contextmanager
def proxying(leads_to: int, *, tls: ssl.SSLContext | None = None) -> Iterator[HttpProxy]:
    """Run a proxy until the end of the block; with `tls`, it is spoken to over TLS itself."""
    proxy = HttpProxy("", leads_to)

    class Handler(_Handler):
        state = proxy

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        scheme = "http" if tls is None else "https"
        proxy.url = f"{scheme}://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield proxy
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    state: HttpProxy

    def do_CONNECT(self) -> None:
        if self._is_refused():
            return
        with socket.create_connection(("127.0.0.1", self.state.leads_to)) as server:
            self.send_response(200)
            self.end_headers()
            back = threading.Thread(target=_copy, args=(server, self.connection))
            back.start()
            _copy(self.connection, server)
            back.join()
        self.close_connection = True

    def forward(self) -> None:
        if self._is_refused():
            return
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        target = urlsplit(self.path)
        path = f"{target.path}?{target.query}".removesuffix("?")
        with closing(HTTPConnection("127.0.0.1", self.state.leads_to, timeout=60)) as server:
            server.request(self.command, path, body, dict(self.headers))
            answer = server.getresponse()
            content = answer.read()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.headers["Content-Type"] or "")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = forward  # noqa: N815 - named by http.server

    def _is_refused(self) -> bool:
        self.state.asked.append(f"{self.command} {self.path}")
        status = self.state.refuses_with
        if status is None and self.state.credentials is not None:
            wanted = base64.b64encode(self.state.credentials.encode()).decode()
            if self.headers.get("Proxy-Authorization") != f"Basic {wanted}":
                status = 407
        if status is None:
            return False
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.close_connection = True
        return True

    def log_message(self, *_: object) -> None:
        pass


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
