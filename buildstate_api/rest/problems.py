"""The one place where errors become RFC 9457 problem documents."""

import logging
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic_core import ErrorDetails
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from buildstate_core.errors import (
    ANSWERED,
    BuildStateError,
    Conflict,
    Held,
    InvalidInput,
    NotAllowed,
    NotFound,
    Refused,
    Unreachable,
)
from buildstate_core.models import Problem
from buildstate_core.models.refusals import refusal

_log = logging.getLogger(__name__)

TYPE_PREFIX: Final = "/problems/"
MEDIA_TYPE: Final = "application/problem+json"

_STATUS: Final[Sequence[tuple[type[BuildStateError], HTTPStatus]]] = (
    (InvalidInput, HTTPStatus.UNPROCESSABLE_ENTITY),
    (NotFound, HTTPStatus.NOT_FOUND),
    (NotAllowed, HTTPStatus.UNAUTHORIZED),
    (Conflict, HTTPStatus.CONFLICT),
    (Unreachable, HTTPStatus.SERVICE_UNAVAILABLE),
)
_STATUS_BY_CODE: Final = {
    "malformed-json": HTTPStatus.BAD_REQUEST,
    "not-json": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "body-too-large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "precondition-failed": HTTPStatus.PRECONDITION_FAILED,
}


def install(app: FastAPI) -> None:
    """Make an app answer every error with a problem document."""
    app.add_exception_handler(BuildStateError, _on_error)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(DBAPIError, _on_database)
    app.add_exception_handler(PoolTimeoutError, _on_database)
    app.add_exception_handler(Exception, _on_bug)


def problem_response(error: BuildStateError) -> JSONResponse:
    """Make the answer for an error."""
    status = _STATUS_BY_CODE.get(error.code) or next(
        (status for cls, status in _STATUS if isinstance(error, cls)),
        HTTPStatus.INTERNAL_SERVER_ERROR,
    )
    problem = Problem(
        type=TYPE_PREFIX + error.code,
        error=_name(error),
        title=error.code.replace("-", " ").capitalize(),
        status=status,
        detail=error.message,
        field=error.field,
        hint=error.hint,
        state=error.state if isinstance(error, Refused) else None,
        reason=error.reason if isinstance(error, Refused) else None,
        holder=error.holder if isinstance(error, Held) else None,
        until=error.until if isinstance(error, Held) else None,
    )
    headers = {"WWW-Authenticate": "Bearer"} if status is HTTPStatus.UNAUTHORIZED else {}
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = "1"
    return JSONResponse(
        problem.model_dump(mode="json", exclude_none=True),
        status_code=status,
        media_type=MEDIA_TYPE,
        headers=headers,
    )


def _name(error: BuildStateError) -> str:
    """Name the class of an error; of one that only a worker knows, the class above it."""
    return next(name for name, cls in reversed([*ANSWERED.items()]) if isinstance(error, cls))


async def _on_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, BuildStateError)  # noqa: S101 - registered for it alone
    return problem_response(error)


async def _on_invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it alone
    return problem_response(_refused(error.errors()[0]))


async def _on_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it alone
    status = HTTPStatus(error.status_code)
    headers = {}
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        # Starlette names only the methods of the first route at this path.
        headers["Allow"] = ", ".join(_taken(request))
    problem = Problem(
        type=TYPE_PREFIX + status.phrase.lower().replace(" ", "-"),
        error=_HTTP_ERROR.get(status, BuildStateError).default_code,
        title=status.phrase,
        status=status,
        detail=_HTTP_DETAIL.get(status, str(error.detail)),
    )
    return JSONResponse(
        problem.model_dump(mode="json", exclude_none=True),
        status_code=status,
        media_type=MEDIA_TYPE,
        headers=headers,
    )


def _taken(request: Request) -> Iterator[str]:
    """Return the methods that a path takes; HEAD is taken where GET is."""
    for method in _METHODS:
        scope = {**request.scope, "method": method}
        if any(route.matches(scope)[0] is Match.FULL for route in request.app.routes):
            yield from ("GET", "HEAD") if method == "GET" else (method,)


async def _on_database(request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, DBAPIError) and not _is_outage(error):
        return await _on_bug(request, error)
    _log.warning("The database cannot be used: %s", error)
    return problem_response(
        Unreachable(
            "The service cannot reach its database at the moment.",
            code="database-unreachable",
            hint="Try again in a moment.",
        )
    )


async def _on_bug(_: Request, error: Exception) -> JSONResponse:
    _log.error("A request failed in a way nobody thought of", exc_info=error)
    return problem_response(
        BuildStateError(
            "The service failed in a way nobody thought of; nothing was changed.",
            code="internal-error",
            hint="Its log has the details. Please report them.",
        )
    )


def _is_outage(error: DBAPIError) -> bool:
    """Whether trying again may help: after a lost connection, a lock timeout or a deadlock."""
    return error.connection_invalidated or isinstance(error, OperationalError | InterfaceError)


_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
_HTTP_ERROR: Final = {
    HTTPStatus.NOT_FOUND: NotFound,
    HTTPStatus.METHOD_NOT_ALLOWED: InvalidInput,
}
_HTTP_DETAIL: Final = {
    HTTPStatus.NOT_FOUND: "There is nothing at this path; see /openapi.json for what there is.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This path does not take this method; see /openapi.json.",
}


def _refused(refused: ErrorDetails) -> InvalidInput:
    """Return the error for what FastAPI refused of a request."""
    where, *path = refused["loc"]
    name = ".".join(map(str, path)) or str(where)
    return refusal(refused, name)
