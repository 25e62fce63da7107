"""Requests to resume, for people."""

from collections.abc import Sequence

from buildstate_cli.output import formats
from buildstate_cli.output.page import Page, Table
from buildstate_core.models import ResumeRequest
from buildstate_core.vocabulary import ResumeStatus

_COLUMNS = ("ASKED", "LANE", "STATE", "STATUS", "REASON", "GOES ON IN", "TRIES", "MESSAGE")
_FREE_TEXT = frozenset({"REASON", "MESSAGE"})
_SENTENCE = {
    ResumeStatus.PENDING: "The service asks Prefect to go on with build #{}.",
    ResumeStatus.SENT: "Prefect was asked to go on with build #{}.",
    ResumeStatus.RUNNING: "Build #{} goes on.",
    ResumeStatus.DONE: "Build #{} was resumed.",
    ResumeStatus.FAILED: "Build #{} was not resumed.",
}


def one(request: ResumeRequest) -> Page:
    """Return how far a request has come, and what to do next."""
    sentence = _SENTENCE[request.status].format(request.build)
    after = request.message or f"To see what becomes of it: bldst resume {request.build} --list"
    return [sentence, after]


def listing(requests: Sequence[ResumeRequest]) -> Page:
    """Return a table of requests."""
    rows = [
        (
            formats.time(each.created_at),
            each.lane,
            formats.state(each.state),
            each.status,
            each.reason,
            each.successor_name or "",
            str(each.tries or ""),
            each.message or "",
        )
        for each in requests
    ]
    empty = "No requests to resume this build."
    return [Table(columns=_COLUMNS, rows=rows, free_text=_FREE_TEXT, empty=empty)]
