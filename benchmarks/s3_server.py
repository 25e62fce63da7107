"""The least that S3's clients need to move bytes at full speed: `s3_server.py FOLDER`.

Real servers in one process of Python take longer than what is measured here. This one answers
`GET` and `HEAD` from the files of a folder, and forgets what is put: the disk would be measured
twice. It prints its port, and ends when its standard input does.
"""

import re
import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

_ETAG: Final = '"00000000000000000000000000000000"'
_BEGUN: Final = (
    b"<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>"
)
_DONE: Final = (
    b"<CompleteMultipartUploadResult><ETag>%s</ETag></CompleteMultipartUploadResult>"
    % _ETAG.encode()
)
_RANGE: Final = re.compile(r"bytes=(\d+)-(\d*)")
_PIECE_BYTES: Final = 2**20


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    folder: Path

    def handle_expect_100(self) -> bool:
        super().handle_expect_100()
        self.wfile.flush()
        return True

    def do_HEAD(self) -> None:
        path = self._path()
        if path.is_file():
            self._head(HTTPStatus.OK, path.stat().st_size)
        else:
            self._head(HTTPStatus.NOT_FOUND, 0)

    def do_GET(self) -> None:
        path = self._path()
        if not path.is_file():
            self._head(HTTPStatus.NOT_FOUND, 0)
            return
        size = path.stat().st_size
        asked = _RANGE.match(self.headers.get("Range", ""))
        start = int(asked[1]) if asked else 0
        end = min(int(asked[2]), size - 1) if asked and asked[2] else size - 1
        status = HTTPStatus.PARTIAL_CONTENT if asked else HTTPStatus.OK
        self._head(status, end + 1 - start, f"bytes {start}-{end}/{size}")
        self.wfile.flush()
        with path.open("rb") as file:
            self.connection.sendfile(file, start, end + 1 - start)

    def do_PUT(self) -> None:
        self._forget_body()
        self._head(HTTPStatus.OK, 0)

    def do_POST(self) -> None:
        self._forget_body()
        content = _BEGUN if urlsplit(self.path).query.startswith("uploads") else _DONE
        self._head(HTTPStatus.OK, len(content))
        self.wfile.write(content)

    def do_DELETE(self) -> None:
        self._head(HTTPStatus.NO_CONTENT, 0)

    def _path(self) -> Path:
        return self.folder / unquote(urlsplit(self.path).path).rpartition("/")[2]

    def _forget_body(self) -> None:
        left = int(self.headers.get("Content-Length") or 0)
        piece = memoryview(bytearray(_PIECE_BYTES))
        while left:
            left -= self.rfile.readinto(piece[:left])

    def _head(self, status: HTTPStatus, size: int, content_range: str | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(size))
        self.send_header("ETag", _ETAG)
        self.send_header("Last-Modified", "Sun, 01 Nov 2026 00:00:00 GMT")
        if content_range is not None:
            self.send_header("Content-Range", content_range)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing: it would take time."""


def main(folder: Path) -> None:
    handler = type("Handler", (_Handler,), {"folder": folder})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
