"""moto's server (S3, EC2, IAM), which also knows of session tokens that expire: `s3.py HOME`.

A request with a session token that is a line of `HOME/expired_tokens` is answered as S3 does. It
prints its port, and ends when its standard input does.
"""

import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wsgi import get_input_stream

EXPIRED = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>ExpiredToken</Code>'
    b"<Message>The provided token has expired.</Message></Error>"
)

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class QuietHandler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_request(self, *_: object) -> None:
        pass


def expiring(application: Application, expired_tokens: Path) -> Application:
    """Let the application see only requests whose token is still good."""

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        environ["wsgi.input"] = body = get_input_stream(environ)
        environ["wsgi.input_terminated"] = True
        token = environ.get("HTTP_X_AMZ_SECURITY_TOKEN")
        if token is not None and token in expired_tokens.read_text().splitlines():
            headers = [("Content-Type", "application/xml"), ("Content-Length", str(len(EXPIRED)))]
            start_response("400 Bad Request", headers)
            content: Iterable[bytes] = [b"" if environ["REQUEST_METHOD"] == "HEAD" else EXPIRED]
        else:
            content = application(environ, start_response)
        # All of a refused upload, or the client would see a broken connection, not the answer.
        while body.read(1024 * 1024):
            pass
        return content

    return answer


def main(home: Path) -> None:
    application = expiring(DomainDispatcherApplication(create_backend_app), home / "expired_tokens")
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=QuietHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"listening on port {server.server_port}", flush=True)  # noqa: T201
    sys.stdin.read()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
