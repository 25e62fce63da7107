"""How the client speaks HTTP: retries, pages, and problems turned back into exceptions.

It retries what failed on the way: every write carries an idempotency key made once per call, so
that a repeated request has one effect. It never retries an answer: a problem document comes back
as the exception that it stands for (see `buildstate_core.errors`).
"""

from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Final, Self, TypeVar
from urllib.parse import urlencode
from uuid import uuid4

import urllib3
from pydantic import BaseModel, ValidationError

from buildstate_core import __version__
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
from buildstate_core.models import Page, Problem
from buildstate_core.models.refusals import refusal
from buildstate_worker.network import DIRECT, Network
from buildstate_worker.route import Retry, Route
from buildstate_worker.settings import Settings

Model = TypeVar("Model", bound=BaseModel)

PATIENT: Final = Retry(
    total=18,
    backoff_factor=0.2,
    backoff_max=5,
    status_forcelist=(502, 503, 504),
    allowed_methods=None,
    raise_on_status=False,
    # A proxy may ask for an hour.
    respect_retry_after_header=False,
)
"""For work that must not be lost: goes on for about a minute."""

STEADY: Final = PATIENT.new(total=7)
"""For a pipeline that is about to begin something: goes on for about a quarter of a minute."""

QUICK: Final = PATIENT.new(total=4)
"""For a person who waits: goes on for about three seconds."""

ONCE: Final = PATIENT.new(total=0)
"""For a caller that does the retrying."""

_BY_STATUS: Final = {
    400: InvalidInput,
    401: NotAllowed,
    403: NotAllowed,
    404: NotFound,
    405: InvalidInput,
    409: Conflict,
    412: Conflict,
    413: InvalidInput,
    415: InvalidInput,
    422: InvalidInput,
    503: Unreachable,
}
"""For a problem that names no error: it came from a proxy."""


class Connection:
    """Speaks to one service with one key. Safe to share between threads.

    Args:
        api_url: The service's base URL.
        api_key: The key; `None` sends none, and the service will refuse.
        network: How servers are reached from here. Default: directly.
        retries: How often to try again when the service cannot be reached.

    Raises:
        InvalidInput: The proxy or the certificates that the network names cannot be used.

    Every method raises `Unreachable` when there is no answer, `NotAllowed` when the key is not
    good, and otherwise what the problem document says.
    """

    def __init__(
        self,
        api_url: str,
        api_key: str | None,
        *,
        network: Network = DIRECT,
        retries: urllib3.Retry = QUICK,
    ) -> None:
        self.api_url = api_url.rstrip("/")
        self._route = Route.to(self.api_url, network)
        self._http = self._route.pool()
        self._retries = retries
        self._headers = {
            "User-Agent": f"buildstate/{__version__}",
            "Accept": "application/json",
        }
        if api_key is not None:
            self._headers["Authorization"] = f"Bearer {api_key}"

    @classmethod
    def of_worker(cls, settings: Settings, *, retries: urllib3.Retry = QUICK) -> Self:
        """Return one for the service that a worker's settings name."""
        return cls(settings.api_url, settings.api_key, network=settings.network, retries=retries)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.clear()

    def _read(self, path: str, model: type[Model]) -> Model:
        return self._parse(self._send("GET", path), model)

    def _pages(
        self, path: str, item: type[Model], query: Mapping[str, object] | None = None
    ) -> Iterator[Model]:
        wanted = {name: value for name, value in (query or {}).items() if value is not None}
        cursor: str | None = None
        while True:
            asked = urlencode(wanted if cursor is None else {**wanted, "cursor": cursor})
            page = self._parse(self._send("GET", f"{path}?{asked}"), Page[item])  # type: ignore[valid-type]
            yield from page.items
            cursor = page.next_cursor
            if cursor is None:
                return

    def _write(
        self,
        method: str,
        path: str,
        body: BaseModel,
        model: type[Model],
        *,
        idempotency_key: str | None = None,
        retries: urllib3.Retry | None = None,
    ) -> Model:
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": idempotency_key or str(uuid4()),
        }
        content = body.model_dump_json(exclude_unset=True).encode()
        return self._parse(self._send(method, path, content, headers, retries=retries), model)

    def _send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        retries: urllib3.Retry | None = None,
    ) -> bytes:
        try:
            response = self._http.request(
                method,
                self.api_url + path,
                body=body,
                headers={**self._headers, **(headers or {})},
                retries=retries or self._retries,
            )
        except urllib3.exceptions.HTTPError as error:
            raise self._route.failed(error) from error
        if response.status >= 400:  # noqa: PLR2004 - HTTP's own line between answers and errors
            raise _error(response.status, response.data, self._route)
        return response.data

    def _parse(self, content: bytes, model: type[Model]) -> Model:
        try:
            return model.model_validate_json(content)
        except ValidationError as error:
            refused = error.errors()[0]
            name = ".".join(map(str, refused["loc"])) or "the answer"
            raise Unreachable(
                f"What {self.api_url} answered is not from a BuildState service this client knows:"
                f" {refusal(refused, name).message}",
                code="bad-answer",
                hint="Check BLDST_API_URL, and that client and service are of the same release.",
            ) from error


def _error(status: int, content: bytes, route: Route) -> BuildStateError:
    """Turn a problem document back into the exception that it was made from."""
    try:
        problem = Problem.model_validate_json(content)
    except ValidationError:
        return route.no_problem(status)
    cls = ANSWERED.get(problem.error or "") or _BY_STATUS.get(status, BuildStateError)
    code = problem.type.rpartition("/")[2]
    error = cls(problem.detail, code=code, field=problem.field, hint=problem.hint)
    if isinstance(error, Held):
        error.holder, error.until = problem.holder, problem.until
    if isinstance(error, Refused):
        error.state, error.reason = problem.state, problem.reason
    return error
