"""Answers HEAD as GET is answered, without the body."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class HeadAsGet:
    """ASGI middleware: routes are written for GET, and HEAD is what they say of the answer.

    It stands around all routes, so that none declares HEAD, and the OpenAPI document has each of
    them once.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        await self._app({**scope, "method": "GET"}, receive, _only_headers(send))


def _only_headers(send: Send) -> Send:
    """Return what ends the answer with its headers: a body may be long in coming, or endless."""

    async def send_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            await send(message)
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    return send_headers
