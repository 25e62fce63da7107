"""An S3 server's front: passes requests on, and changes the answers that it is told to."""

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import urlsplit

_HOP: Final = {"connection", "expect", "transfer-encoding", "content-length"}

Which = Callable[[BaseHTTPRequestHandler], bool]


@dataclass
class Front:
    """What happens to which requests; the latest rule counts.

    Attributes:
        url: Where clients connect to.
        requests: What came, as `VERB /path?query`.
    """

    server: str
    url: str = ""
    requests: list[str] = field(default_factory=list)
    rules: list[tuple[Which, Callable[[Any], None] | None]] = field(default_factory=list)

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def refuse(self, which: Which, status: int, code: str, body: str | None = None) -> None:
        """Answer with an S3 error, without asking the server."""
        text = f"<Error><Code>{code}</Code><Message>so it is</Message></Error>"
        content = (text if body is None else body).encode()
        self.rules.append((which, lambda to: to.answer(status, {}, content)))

    def lose_answer(self, which: Which) -> None:
        """Ask the server, and break the connection in place of its answer."""
        self.rules.append((which, None))


def verb(name: str, having: str = "") -> Which:
    """Requests of a verb whose path and query have something in them."""
    return lambda request: request.command == name and having in request.path


def always(_: BaseHTTPRequestHandler) -> bool:
    return True


@contextmanager
def fronted(server_url: str) -> Iterator[Front]:
    """Run a front until the end of the block."""
    front = Front(urlsplit(server_url).netloc)
    with ThreadingHTTPServer(
        ("127.0.0.1", 0), type("Handler", (_Handler,), {"front": front})
    ) as server:
        server.daemon_threads = True
        server.block_on_close = False
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        front.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield front
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    front: Front
    protocol_version = "HTTP/1.1"

    def handle_one(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.front.requests.append(f"{self.command} {self.path}")
        for which, act in reversed(self.front.rules):
            if which(self):
                if act is not None:
                    act(self)
                    return
                self.pass_on(body)
                self.close_connection = True
                return
        self.answer(*self.pass_on(body))

    do_HEAD = do_GET = do_PUT = do_POST = do_DELETE = handle_one  # noqa: N815 - HTTP names them

    def pass_on(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        server = http.client.HTTPConnection(self.front.server, timeout=60)
        headers = {k: v for k, v in self.headers.items() if k.lower() not in _HOP}
        server.request(self.command, self.path, body, headers)
        answer = server.getresponse()
        content = answer.read()
        given = {k: v for k, v in answer.getheaders() if k.lower() not in _HOP}
        if self.command == "HEAD":
            given["Content-Length"] = answer.getheader("Content-Length", "0")
        server.close()
        return answer.status, given, content

    def answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing: pytest's output is for people."""
