"""The one place where errors become RFC 9457 problem documents."""

import logging
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import InterfaceError, OperationalError
from starlette.exceptions import HTTPException

from buildstate_core.errors import (
    BuildStateError,
    Conflict,
    Held,
    InvalidInput,
    NotAllowed,
    NotFound,
    Unreachable,
)
from buildstate_core.models import Problem
from buildstate_core.vocabulary import MAX_STATE, MIN_STATE

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
    "body-too-large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "precondition-failed": HTTPStatus.PRECONDITION_FAILED,
}

RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    status: {
        "model": Problem,
        "description": description,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for status, description in (
        (400, "The body is not JSON."),
        (401, "The API key is missing, unknown or revoked."),
        (404, "There is no such thing."),
        (409, "It does not fit what is recorded."),
        (412, "It was changed in the meantime."),
        (413, "The body is too large."),
        (422, "A value is wrong; `field` names it."),
        (503, "The database cannot be reached; try again."),
    )
}
"""What every route may answer besides success, for the OpenAPI document."""


def install(app: FastAPI) -> None:
    """Make an app answer every error with a problem document."""
    app.add_exception_handler(BuildStateError, _on_error)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(OperationalError, _on_database)
    app.add_exception_handler(InterfaceError, _on_database)
    app.add_exception_handler(Exception, _on_bug)


def problem_response(error: BuildStateError) -> JSONResponse:
    """Make the answer for an error."""
    status = _STATUS_BY_CODE.get(error.code) or next(
        (status for cls, status in _STATUS if isinstance(error, cls)),
        HTTPStatus.INTERNAL_SERVER_ERROR,
    )
    problem = Problem(
        type=TYPE_PREFIX + error.code,
        title=error.code.replace("-", " ").capitalize(),
        status=status,
        detail=error.message,
        field=error.field,
        hint=error.hint,
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


async def _on_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, BuildStateError)  # noqa: S101 - registered for it alone
    return problem_response(error)


async def _on_invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it alone
    return problem_response(_explain(error.errors()[0]))


async def _on_http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it alone
    status = HTTPStatus(error.status_code)
    problem = Problem(
        type=TYPE_PREFIX + status.phrase.lower().replace(" ", "-"),
        title=status.phrase,
        status=status,
        detail=_HTTP_DETAIL.get(status, str(error.detail)),
    )
    return JSONResponse(
        problem.model_dump(mode="json", exclude_none=True),
        status_code=status,
        media_type=MEDIA_TYPE,
        headers=dict(error.headers or {}),
    )


async def _on_database(_: Request, error: Exception) -> JSONResponse:
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


_NOT_IN_RANGE: Final = {"greater_than_equal", "less_than_equal", "int_type", "int_parsing"}

_HTTP_DETAIL: Final = {
    HTTPStatus.NOT_FOUND: "There is nothing at this path; see /openapi.json for what there is.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This path does not take this method; see /openapi.json.",
    HTTPStatus.BAD_REQUEST: "The body cannot be read; send JSON in UTF-8.",
}


def _explain(error: dict[str, Any]) -> InvalidInput:
    """Say in one sentence what is wrong with which field."""
    where, *path = error["loc"]
    names = [str(part) for part in path]
    field = ".".join(names) or str(where)
    value = _shown(error.get("input"))
    match error["type"]:
        case "json_invalid":
            code, message, field = "malformed-json", "The body is not valid JSON.", "body"
        case "missing":
            code, message = "missing-field", f"{field} is missing."
        case "extra_forbidden":
            code, message = "unknown-field", f"{field} is not a field of this request."
        case kind if kind in _NOT_IN_RANGE and _is_state(names):
            code = "state-out-of-range"
            message = f"{field} is {value}; use an integer from {MIN_STATE} to {MAX_STATE}."
        case "value_error":
            code, message = "invalid-value", f"{field}: {error['ctx']['error']}."
        case _:
            code, message = "invalid-value", f"{field} is {value}: {_lowered(error['msg'])}."
    return InvalidInput(message, code=code, field=field)


def _is_state(names: list[str]) -> bool:
    named = [name for name in names if not name.isdigit()]
    return bool(named) and named[-1] in {"state", "code", "requires", "consumes"}


def _shown(value: object) -> str:
    text = repr(value) if isinstance(value, str) else str(value)
    text = text.encode("ascii", "backslashreplace").decode()
    limit = 80
    return text if len(text) <= limit else f"{text[:limit]}…"


def _lowered(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
