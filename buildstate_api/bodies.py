"""Refuses bodies that are too large before they are read."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from buildstate_api.problems import problem_response
from buildstate_core.errors import InvalidInput


class BodyLimit:
    """ASGI middleware: answers 413 when a body says that it is, or turns out, too large."""

    def __init__(self, app: ASGIApp, max_body_bytes: int) -> None:
        self._app = app
        self._max = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = Headers(scope=scope).get("content-length", "0")
        if declared.isdigit() and int(declared) > self._max:
            await problem_response(self._too_large())(scope, receive, send)
            return
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._max:
                raise self._too_large()
            return message

        await self._app(scope, counted, send)

    def _too_large(self) -> InvalidInput:
        return InvalidInput(
            f"The body is larger than {self._max} bytes.",
            code="body-too-large",
            field="body",
            hint="Artifacts are recorded by their location; their bytes never come here.",
        )
