"""What a flow run shows of its build in Prefect: a table in markdown, and how far it is.

Two artifacts of the flow run. They are for people: they are written in a thread beside the flow,
and whatever goes wrong with them is logged, and neither stops nor delays a build.
"""

import threading
from collections.abc import Callable, Mapping
from contextvars import copy_context
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from prefect.artifacts import MarkdownArtifact, ProgressArtifact, update_progress_artifact
from prefect.context import FlowRunContext
from prefect.logging import get_logger

from buildstate_core.models import Attempt, Build, PlannedMilestone
from buildstate_core.rules import reasons
from buildstate_core.vocabulary import Decision
from buildstate_worker.client import Client

_EVERY_SECONDS: Final = 1.0
"""A flow that skips a hundred milestones at once is not shown at each."""
_END_SECONDS: Final = 20.0
"""How long the end of a build waits for what is shown last."""
_MAX_MESSAGE: Final = 300


@dataclass(frozen=True, kw_only=True)
class Row:
    """What came of one call of a milestone.

    Attributes:
        outcome: In a word: `skipped`, `restored`, `completed`, `failed`, `cancelled`.
        attempt: The attempt, which another session made if it was skipped.
        why: Why it was skipped or run.
        seconds: How long it ran.
        message: Why it failed.
    """

    name: str
    outcome: str
    attempt: Attempt
    why: str
    seconds: float | None = None
    message: str = ""


class FlowRunReport:
    """Shows one build in one flow run. Threads may share it.

    Args:
        client: The service.
        build: The build, as it was when the flow run opened it.
        url: It in the service.
        flow_run: The flow run.
    """

    def __init__(self, client: Client, build: Build, *, url: str, flow_run: UUID) -> None:
        self._client = client
        self._build = build
        self._url = url
        self._flow_run = flow_run
        self._lock = threading.Lock()
        self._rows: list[Row] = []
        self._plan: Mapping[tuple[int, str], PlannedMilestone] = {}
        self._progress: UUID | None = None
        self._news = threading.Event()
        self._end = threading.Event()
        # Prefect's settings and runs are in the context.
        self._thread = threading.Thread(
            target=copy_context().run, args=(self._run,), name="bldst-report", daemon=True
        )

    @classmethod
    def here(cls, client: Client, build: Build, *, url: str) -> "FlowRunReport | None":
        """Return the report of the flow run that this is in; `None` outside of one."""
        context = FlowRunContext.get()
        if context is None or context.flow_run is None:
            return None
        report = cls(client, build, url=url, flow_run=context.flow_run.id)
        _quietly(report._read_plan)  # before anything runs
        report._thread.start()
        return report

    def note(self, row: Row) -> None:
        """Show what came of a milestone."""
        with self._lock:
            self._rows.append(row)
        self._news.set()

    def close(self) -> None:
        """Show the whole, now that the flow is through with the build."""
        self._end.set()
        self._news.set()
        self._thread.join(_END_SECONDS)

    def _run(self) -> None:
        _quietly(self._open)
        while self._news.wait() and not self._end.is_set():
            self._news.clear()
            _quietly(self._show_progress)
            self._end.wait(_EVERY_SECONDS)
        _quietly(self._show_end)

    def _read_plan(self) -> None:
        if self._build.started_at is not None:
            plan = self._client.plan(self._build.number)
            self._plan = {(each.state, each.lane): each for each in plan.milestones}

    def _open(self) -> None:
        artifact = ProgressArtifact(
            key=f"bldst-progress-{self._build.number}",
            description=self._title(self._build),
            progress=float(self._build.progress),
            flow_run_id=self._flow_run,
        )
        self._progress = artifact.create(_sync=True).id  # type: ignore[call-arg, union-attr]

    def _show_progress(self) -> None:
        self._show(self._client.get_build(self._build.number))

    def _show(self, build: Build) -> None:
        if self._progress is not None:
            update_progress_artifact(
                self._progress,
                float(build.progress),
                self._title(build),
                _sync=True,  # type: ignore[call-arg]
            )

    def _show_end(self) -> None:
        build = self._client.get_build(self._build.number)
        self._show(build)
        MarkdownArtifact(
            key=f"bldst-build-{build.number}",
            description=self._title(build),
            markdown=self._markdown(build),
            flow_run_id=self._flow_run,
        ).create(_sync=True)  # type: ignore[call-arg]

    def _title(self, build: Build) -> str:
        return f"{build.project} {build.key}: {build.status}"

    def _markdown(self, build: Build) -> str:
        history, plan = f"{self._url}/history", f"{self._url}/plan"
        lines = [
            f"# Build [{build.number}]({self._url}): {build.status}",
            "",
            f"{build.project} `{build.key}`, at state {build.frontier}.",
            f"[Every attempt]({history}), [what a rerun would do]({plan}).",
            "",
            "| State | Lane | Milestone | Planned | Outcome | Attempt | Seconds | Why |",
            "|---:|---|---|---|---|---:|---:|---|",
        ]
        rows = sorted(self._all_rows(), key=lambda each: (each.attempt.state, each.attempt.lane))
        done = {(each.attempt.state, each.attempt.lane) for each in rows}
        lines += [self._line(each) for each in rows]
        lines += [
            _cells(each.state, each.lane, each.state_name, each.decision, "", "", "", each.text)
            for key, each in sorted(self._plan.items())
            if key not in done
        ]
        return "\n".join(lines)

    def _all_rows(self) -> list[Row]:
        """Return the rows, with those of milestones that ran in other processes."""
        with self._lock:
            rows = list(self._rows)
        known = {each.attempt.id for each in rows}
        runs = {self._flow_run}
        runs |= {
            each.attempt.orchestrator.flow_run_id for each in rows if each.attempt.orchestrator
        }
        for attempt in self._client.history(self._build.number):
            by = attempt.orchestrator
            if by is not None and by.flow_run_id in runs and attempt.id not in known:
                rows.append(
                    Row(
                        name=attempt.state_name or "",
                        outcome=attempt.status,
                        attempt=attempt,
                        why=reasons.describe(attempt.reason or ""),
                        seconds=attempt.duration_seconds,
                        message=attempt.message or "",
                    )
                )
        return rows

    def _line(self, row: Row) -> str:
        attempt = row.attempt
        planned = self._plan.get((attempt.state, attempt.lane))
        return _cells(
            attempt.state,
            attempt.lane,
            row.name,
            Decision.RUN if planned is None else planned.decision,
            row.outcome,
            attempt.attempt,
            "" if row.seconds is None else f"{row.seconds:.1f}",
            f"{row.why}. {row.message[:_MAX_MESSAGE]}" if row.message else row.why,
        )


def _cells(*cells: object) -> str:
    shown = ("" if each is None else str(each) for each in cells)
    return "| " + " | ".join(" ".join(each.replace("|", "\\|").split()) for each in shown) + " |"


def _quietly(show: Callable[[], None]) -> None:
    try:
        show()
    except Exception as error:  # noqa: BLE001 - whatever it is, the build matters more
        get_logger("bldst").debug("Not shown in Prefect: %s", error)
