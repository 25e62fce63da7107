"""The few calls of Prefect's HTTP API that a resume takes. Prefect itself is not imported."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self
from uuid import UUID

import httpx

from buildstate_api.settings import PrefectSettings

_TIMEOUT: Final = httpx.Timeout(10, connect=5)
_PAUSES_SECONDS: Final = (0.5, 1.0)
"""On SQLite, Prefect answers 503 while something else writes."""
_PAGE: Final = 100
_MAX_SAID: Final = 300
_LIVE: Final = ("RUNNING", "PENDING", "CANCELLING")
_TERMINAL: Final = frozenset({"COMPLETED", "FAILED", "CRASHED", "CANCELLED"})
_RETRIED: Final = frozenset({401, 403, 408, 425, 429})
"""Answers of a proxy or of a key being changed, after which asking again may help."""


class PrefectError(Exception):
    """Prefect gave no answer, or none that can be used. Its text is a sentence for people."""


class Unanswered(PrefectError):
    """There was no answer that means anything; asking again later may help."""


class Declined(PrefectError):
    """Prefect said no, and would say so again."""


class Unknown(Declined):
    """Prefect has nothing of this id any more."""


@dataclass(frozen=True)
class FlowRun:
    """A flow run, as far as it matters here.

    Attributes:
        deployment_id: What it was started from; `None` if from nothing that can be started again.
        state: The type of its state: `RUNNING`; `""` before it has one.
        said: Its state's name, and its message if it has one.
    """

    id: UUID
    name: str
    deployment_id: UUID | None
    parameters: Mapping[str, Any]
    job_variables: Mapping[str, Any]
    tags: Sequence[str]
    state: str
    said: str

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.state in _TERMINAL


class Prefect:
    """A Prefect server, or Prefect Cloud.

    Every method raises `Unanswered` or `Declined` when it does not get what it is for.
    """

    def __init__(self, settings: PrefectSettings) -> None:
        self.url = settings.api_url.rstrip("/")
        headers = {"Accept": "application/json"}
        if settings.api_key is not None:
            headers["Authorization"] = f"Bearer {settings.api_key}"
        self._http = httpx.AsyncClient(headers=headers, timeout=_TIMEOUT)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._http.aclose()

    async def flow_run(self, run_id: UUID) -> FlowRun:
        """Get a flow run; `Unknown` if it was deleted."""
        return _flow_run(await self._ask("GET", f"/flow_runs/{run_id}"))

    async def start_again(self, run: FlowRun, *, name: str, tag: str, key: str) -> FlowRun:
        """Start a flow run's deployment again as it was started. The same key is the same run."""
        body = {
            "name": name,
            "parameters": run.parameters,
            "tags": sorted({*run.tags, tag}),
            "idempotency_key": key,
        }
        if run.job_variables:
            body["job_variables"] = run.job_variables
        path = f"/deployments/{run.deployment_id}/create_flow_run"
        return _flow_run(await self._ask("POST", path, body))

    async def crash(self, run: FlowRun, message: str) -> None:
        """Mark a flow run as crashed, with its subflows and the tasks that it was running."""
        if not run.is_over:
            await self._set_crashed(f"/flow_runs/{run.id}", message)
        dead, last = [str(run.id)], [str(run.id)]
        while last:
            found = await self._live("/flow_runs", {"parent_flow_run_id": {"any_": last}})
            # What has a deployment of its own runs elsewhere, and may well be alive.
            last = [each["id"] for each in found if each.get("deployment_id") is None]
            for each in last:
                await self._set_crashed(f"/flow_runs/{each}", message)
            dead += last
        for task in await self._live("/task_runs", {"flow_run_id": {"any_": dead}}):
            await self._set_crashed(f"/task_runs/{task['id']}", message)

    async def _live(self, path: str, which: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """List the runs that say that they are at work, page by page."""
        what = path.removeprefix("/")
        wanted = {what: {**which, "state": {"type": {"any_": list(_LIVE)}}}}
        found: list[Mapping[str, Any]] = []
        while True:
            page = await self._ask(
                "POST", f"{path}/filter", {**wanted, "limit": _PAGE, "offset": len(found)}
            )
            if not isinstance(page, list):
                raise self._not_prefect("no list")
            found += page
            if len(page) < _PAGE:
                return found

    async def _set_crashed(self, path: str, message: str) -> None:
        state = {"type": "CRASHED", "name": "Crashed", "message": message}
        await self._ask("POST", f"{path}/set_state", {"state": state, "force": True})

    async def _ask(self, method: str, path: str, body: object = None) -> Any:
        """Ask, and again if Prefect is busy; everything that is asked here may be asked twice."""
        answer = await self._send(method, path, body)
        for pause_seconds in _PAUSES_SECONDS:
            if answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR:
                break
            await asyncio.sleep(pause_seconds)
            answer = await self._send(method, path, body)
        if answer.status_code >= httpx.codes.BAD_REQUEST:
            raise self._refused(path, answer.status_code, answer)
        try:
            return answer.json()
        except ValueError as error:
            raise self._not_prefect("no JSON") from error

    async def _send(self, method: str, path: str, body: object) -> httpx.Response:
        try:
            return await self._http.request(method, self.url + path, json=body)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            why = str(error) or type(error).__name__
            raise Unanswered(f"Prefect at {self.url} cannot be reached: {why}.") from error

    def _refused(self, path: str, status: int, answer: httpx.Response) -> PrefectError:
        said = _said(answer)
        if status in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
            return Unanswered(
                f"Prefect at {self.url} does not let the service in (HTTP {status}{said}):"
                " is BLDST_PREFECT_API_KEY right?"
            )
        if status >= httpx.codes.INTERNAL_SERVER_ERROR or status in _RETRIED:
            return Unanswered(f"Prefect at {self.url} answered {path} with HTTP {status}{said}.")
        if status == httpx.codes.NOT_FOUND:
            # Prefect says what it has not found. Otherwise it is something else, or another path.
            if not said.endswith(" not found"):
                return self._not_prefect("HTTP 404")
            return Unknown(f"Prefect no longer has {path}{said}.")
        return Declined(f"Prefect at {self.url} refused {path} with HTTP {status}{said}.")

    def _not_prefect(self, what: str) -> Unanswered:
        return Unanswered(
            f"What {self.url} answers is not Prefect's API ({what}): is BLDST_PREFECT_API_URL"
            " right? It ends in /api."
        )


def _flow_run(data: Any) -> FlowRun:
    try:
        state = data.get("state") or {}
        said = ": ".join(str(each) for each in (state.get("name"), state.get("message")) if each)
        deployment = data["deployment_id"]
        return FlowRun(
            id=UUID(data["id"]),
            name=data["name"],
            deployment_id=None if deployment is None else UUID(deployment),
            parameters=data.get("parameters") or {},
            job_variables=data.get("job_variables") or {},
            tags=tuple(data.get("tags") or ()),
            state=state.get("type") or "",
            said=said[:_MAX_SAID],
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Unanswered("Prefect answered with something that is no flow run.") from error


def _said(answer: httpx.Response) -> str:
    """Return what Prefect says about an error, behind a colon; nothing if it says nothing."""
    try:
        content = answer.json()
    except ValueError:
        return ""
    if not isinstance(content, dict):
        return ""
    parts: Iterable[object] = (
        content.get(name) for name in ("detail", "exception_message", "exception_detail")
    )
    said = "; ".join(str(each) for each in parts if each)[:_MAX_SAID]
    return f": {said.rstrip('.')}" if said else ""
