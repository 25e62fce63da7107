"""The options and arguments that several groups of commands share."""

from enum import StrEnum
from typing import Annotated

import typer

from buildstate_core.vocabulary import MAX_STATE, MIN_STATE, Compression, Sensitivity


class Format(StrEnum):
    """How a result is printed."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


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
StateArgument = Annotated[
    int,
    typer.Argument(
        metavar="STATE", min=MIN_STATE, max=MAX_STATE, help="Where in the process, 0 to 100."
    ),
]
Reason = Annotated[
    str,
    typer.Option("--reason", help="Why, for whoever reads it later.", show_default=False),
]
State = Annotated[
    int, typer.Option("--state", min=MIN_STATE, max=MAX_STATE, help="Where in the process.")
]
AnyState = Annotated[
    int | None,
    typer.Option("--state", min=MIN_STATE, max=MAX_STATE, help="Only this state.  [default: all]"),
]


def given_lane(ctx: typer.Context, param: typer.CallbackParam, lane: str | None) -> str | None:
    """Return the lane of an option, if it was typed: then it has to be one.

    Raises:
        InvalidInput: It is empty, or names no lane.
    """
    source = ctx.get_parameter_source(param.name or "")
    if source is None or source.name == "DEFAULT":
        return lane
    # Only now: the wire models are not imported to show a help.
    from buildstate_core.models import names  # noqa: PLC0415

    return names.given_lane(lane, param.opts[0])


Lane = Annotated[
    str,
    typer.Option(
        "--lane", callback=given_lane, help="The lane.  [default: the trunk]", show_default=False
    ),
]
StorageOverride = Annotated[
    str | None,
    typer.Option(
        "--storage",
        metavar="URL",
        help="Where to put it: a folder or a template.  [default: the project's storage]",
    ),
]
Compress = Annotated[
    Compression | None,
    typer.Option(
        "--compress",
        help="How to store it: as it is, compressed, or as a quick look says.  [default: what the"
        " project says]",
    ),
]
ArtifactSensitivity = Annotated[
    Sensitivity,
    typer.Option("--sensitivity", help="Who may see it; a project says where each may be stored."),
]
