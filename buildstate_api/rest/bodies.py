"""Reads bodies before routes do: not too large, and JSON that can be kept."""

import json
import math
from typing import Final, NoReturn

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from buildstate_api.rest.problems import problem_response
from buildstate_core.errors import InvalidInput

_MAX_DRAINED_BYTES: Final = 64 * 1024 * 1024
_WITH_BODY: Final = {"POST", "PUT", "PATCH"}


class JsonBodies:
    """ASGI middleware: answers 413, 415 or 400 when a body is not one that a route could take."""

    def __init__(self, app: ASGIApp, max_body_bytes: int) -> None:
        self._app = app
        self._max = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] not in _WITH_BODY:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            body = await self._read(headers, receive)
            if body:
                _check(body, headers.get("content-type", ""))
        except InvalidInput as error:
            await problem_response(error)(scope, receive, send)
            return
        if body is not None:
            await self._app(scope, _Replay(body, receive), send)

    async def _read(self, headers: Headers, receive: Receive) -> bytes | None:
        """Read the whole body; `None` if the client has gone away."""
        declared = headers.get("content-length", "0")
        is_too_large = declared.isdigit() and int(declared) > self._max
        chunks: list[bytes] = []
        read = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            chunk = message.get("body", b"")
            read += len(chunk)
            is_too_large = is_too_large or read > self._max
            if is_too_large:
                chunks.clear()
            else:
                chunks.append(chunk)
            # Many clients look for an answer only when they have sent all that they had to say.
            if not message.get("more_body", False) or read > _MAX_DRAINED_BYTES:
                if is_too_large:
                    raise self._too_large()
                return b"".join(chunks)

    def _too_large(self) -> InvalidInput:
        return InvalidInput(
            f"The body is larger than {self._max} bytes.",
            code="body-too-large",
            field="body",
            hint="Artifacts are recorded by their location; their bytes never come here.",
        )


class _Replay:
    """Returns a body that was read already, then whatever else the client sends."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive = receive

    async def __call__(self) -> Message:
        if self._body is None:
            return await self._receive()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}


def _check(body: bytes, content_type: str) -> None:
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise InvalidInput(
            f"The body's type is {media_type!r}; this service reads JSON only."
            if media_type
            else "The body's type is not said.",
            code="not-json",
            field="Content-Type",
            hint="Send it with the header Content-Type: application/json.",
        )
    try:
        json.loads(body, parse_constant=_refused, parse_float=_finite)
    except RecursionError as error:
        raise _malformed("it is nested too deeply") from error
    except UnicodeDecodeError as error:
        raise _malformed(f"byte {error.start} is not UTF-8") from error
    except json.JSONDecodeError as error:
        said = error.msg[:1].lower() + error.msg[1:]
        raise _malformed(f"{said} at line {error.lineno}, column {error.colno}") from error
    except ValueError as error:
        raise _malformed("it contains a number that is too large, or none") from error


def _malformed(why: str) -> InvalidInput:
    return InvalidInput(
        f"The body is not valid JSON: {why}.",
        code="malformed-json",
        field="body",
        hint="Send JSON in UTF-8.",
    )


def _refused(constant: str) -> NoReturn:
    raise ValueError(constant)


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise ValueError(number)
    return value
