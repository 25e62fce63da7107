"""Attempts at milestones, for people."""

from collections.abc import Sequence

from buildstate_cli.output import formats
from buildstate_cli.output.page import Page, Table
from buildstate_core.models import Artifact, Attempt
from buildstate_core.rules.reasons import describe

_COLUMNS = (
    "STATE",
    "LANE",
    "ATTEMPT",
    "STATUS",
    "STARTED",
    "DURATION",
    "WORKER",
    "WHY",
    "ARTIFACT",
    "MESSAGE",
)
_FREE_TEXT = frozenset({"STATE", "WHY", "ARTIFACT", "MESSAGE"})


def listing(attempts: Sequence[Attempt]) -> Page:
    """Return a table of attempts, each with why it ran."""
    rows = [
        (
            formats.state(each.state, each.state_name),
            each.lane,
            str(each.attempt),
            each.status,
            formats.time(each.started_at),
            formats.duration(each.duration_seconds),
            each.worker or "",
            describe(each.reason) if each.reason else "",
            ", ".join(map(_place, each.artifacts)),
            each.message or "",
        )
        for each in attempts
    ]
    return [Table(columns=_COLUMNS, rows=rows, free_text=_FREE_TEXT, empty="No attempts.")]


def reported(attempt: Attempt | None) -> Page:
    """Return what a report led to; nothing if it could not be delivered."""
    if attempt is None:
        return []
    state = formats.state(attempt.state, attempt.state_name)
    return [f"Build #{attempt.build}{formats.lane(attempt.lane)}: state {state} {attempt.status}."]


def _place(artifact: Artifact) -> str:
    return artifact.uri or artifact.name
