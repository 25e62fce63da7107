"""Interventions in a build and what they lead to, for people."""

from collections.abc import Sequence

from buildstate_cli.output import formats
from buildstate_cli.output.page import Page, Table
from buildstate_core.models import Attempt, Intervention, Revocation

_COLUMNS = ("WHEN", "WHO", "WHAT", "STATE", "LANE", "WHY")

_REVOKED = ("BUILD", "STATE", "LANE", "NAME", "KIND", "SIZE", "ID")


def listing(interventions: Sequence[Intervention]) -> Page:
    """Return a table of interventions."""
    rows = [
        (
            formats.time(each.at),
            each.actor,
            each.kind,
            formats.state(each.state),
            each.lane or "",
            each.reason,
        )
        for each in interventions
    ]
    empty = "No interventions in this build."
    return [Table(columns=_COLUMNS, rows=rows, free_text=frozenset({"WHY"}), empty=empty)]


def forced(state: int, lane: str) -> str:
    """Return a sentence about what runs again."""
    return f"Everything from state {state} on{f' in lane {lane}' if lane else ''} runs again."


def adopted(attempt: Attempt) -> Page:
    """Return a sentence about what stands for a milestone now."""
    state = formats.state(attempt.state, attempt.state_name)
    places = formats.listed([each.uri or each.name for each in attempt.artifacts] or ["nothing"])
    where = f"Build #{attempt.build}{formats.lane(attempt.lane)}"
    return [f"{where}: state {state} {attempt.status}, by {places}."]


def revoked(revocation: Revocation) -> Page:
    """Return what was revoked, and in which builds."""
    rows = [
        (
            f"#{each.build}",
            str(each.state),
            each.lane,
            each.name,
            each.kind,
            formats.size(each.size_bytes),
            str(each.id),
        )
        for each in revocation.artifacts
    ]
    numbers = [f"#{number}" for number in revocation.builds]
    artifacts = formats.count(len(rows), "artifact")
    builds = f"{'build' if len(numbers) == 1 else 'builds'} {formats.listed(numbers or ['-'])}"
    return [
        Table(columns=_REVOKED, rows=rows, free_text=frozenset({"NAME"}), empty="No artifacts."),
        f"{artifacts} in {builds} {'is' if len(rows) == 1 else 'are'} not used again.",
    ]
