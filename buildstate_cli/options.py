"""The options and arguments that several commands share."""

from enum import StrEnum
from typing import Annotated, Final, Literal

import typer

from buildstate_core.vocabulary import MAX_STATE, MIN_STATE


class Format(StrEnum):
    """How a result is printed."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


ReportedStatus = Literal["pending", "in_progress", "completed", "failed", "cancelled"]
"""What a plain report may say."""

ARTIFACT_PANEL: Final = "The artifact that it left (with --status completed)"

Output = Annotated[
    Format,
    typer.Option(
        "--output", "-o", help="Print a table for people, or the resource itself for scripts."
    ),
]
BuildRef = Annotated[
    str, typer.Argument(metavar="BUILD", help="The build: its number (123 or #123) or its id.")
]
ProjectArgument = Annotated[
    str, typer.Argument(metavar="PROJECT", help="The project's name.", show_default=False)
]
State = Annotated[
    int, typer.Option("--state", min=MIN_STATE, max=MAX_STATE, help="Where in the process.")
]
AnyState = Annotated[
    int | None,
    typer.Option("--state", min=MIN_STATE, max=MAX_STATE, help="Only this state.  [default: all]"),
]
Lane = Annotated[
    str, typer.Option("--lane", help="The lane.  [default: the trunk]", show_default=False)
]
AnyLane = Annotated[
    str | None,
    typer.Option("--lane", help='Only this lane; "" for the trunk.  [default: all]'),
]
Worker = Annotated[
    str | None,
    typer.Option("--worker", help="Who did it.  [default: BLDST_WORKER, then the host's name]"),
]
HappenedAt = Annotated[
    str | None,
    typer.Option(
        "--at",
        metavar="TIME",
        help="When it happened, RFC 3339 with a zone (2026-11-24T12:00:00Z).  [default: now]",
    ),
]
