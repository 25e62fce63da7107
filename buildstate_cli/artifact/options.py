"""The options and arguments of `bldst artifact` that are shared, or that `create` alone has."""

from typing import Annotated, Final

import typer

WHERE_PANEL: Final = "Where it is, and what"

ArtifactArgument = Annotated[str, typer.Argument(metavar="ARTIFACT", help="The artifact's id.")]
AnyProject = Annotated[
    str | None, typer.Option("--project", "-p", help="Only this project.  [default: all]")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]
ArtifactExpires = Annotated[
    str | None,
    typer.Option(
        "--expires",
        metavar="AGE|TIME",
        help="When it is no longer needed: 12h, 30d, 2w, or a time with a zone"
        " (2027-01-31T12:00:00Z).  [default: never]",
    ),
]
ClaimToken = Annotated[
    str | None,
    typer.Option("--token", help="The token of the live claim on the state, if there is one."),
]
Metadata = Annotated[
    list[str] | None,
    typer.Option(
        "--metadata",
        metavar="KEY=VALUE",
        help="What else is to be recorded of it; repeatable.",
        rich_help_panel=WHERE_PANEL,
    ),
]
