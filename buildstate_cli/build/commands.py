"""`bldst build`: builds, and where they stand."""

from typing import Annotated, Final

import typer

from buildstate_cli.helping import Command, Group, Panel
from buildstate_cli.options import (
    AnyLane,
    AnyState,
    BuildKey,
    BuildLabels,
    BuildRef,
    Format,
    ImageType,
    Os,
    Output,
    Platform,
    Quiet,
    Version,
)
from buildstate_core.vocabulary import MAX_STATE, MIN_STATE, BuildStatus

_DERIVED_PANEL: Final = "A build that starts from another one"

commands = typer.Typer(cls=Group, help="Create builds, follow them, and report on them.")


def register(root: typer.Typer) -> None:
    """Add the commands to `bldst`."""
    root.add_typer(commands, name="build", rich_help_panel=Panel.BUILDS)


@commands.command(cls=Command)
def create(
    ctx: typer.Context,
    project: Annotated[str, typer.Option("--project", "-p", help="The project it belongs to.")],
    *,
    platform: Platform = None,
    version: Version = None,
    os: Os = None,
    image_type: ImageType = None,
    key: BuildKey = None,
    label: BuildLabels = None,
    restart: Annotated[
        bool,
        typer.Option("--restart", help="Begin a new build in place of the one with this key."),
    ] = False,
    derive_from: Annotated[
        str | None,
        typer.Option(
            "--derive-from",
            metavar="BUILD",
            help="Start from a checkpoint of this build: its number, its id or PROJECT/KEY.",
            rich_help_panel=_DERIVED_PANEL,
        ),
    ] = None,
    from_state: Annotated[
        int | None,
        typer.Option(
            "--from-state",
            min=MIN_STATE,
            max=MAX_STATE,
            help="The state to start from.  [default: its resume point]",
            rich_help_panel=_DERIVED_PANEL,
        ),
    ] = None,
    from_lane: Annotated[
        str | None,
        typer.Option(
            "--from-lane",
            help="The lane to start from.  [default: the trunk]",
            rich_help_panel=_DERIVED_PANEL,
        ),
    ] = None,
    quiet: Quiet = False,
    output: Output = Format.TABLE,
) -> None:
    """Create a build, or get the one that has this key already."""
    from buildstate_cli.build import actions

    actions.create(
        ctx.obj,
        output,
        is_quiet=quiet,
        label_texts=label or [],
        project=project,
        platform=platform,
        version=version,
        os=os,
        image_type=image_type,
        key=key,
        restart=restart or None,
        derived_from=derive_from,
        derived_state=from_state,
        derived_lane=from_lane,
    )


@commands.command("list")
def list_some(
    ctx: typer.Context,
    *,
    project: Annotated[
        str | None, typer.Option("--project", "-p", help="Only of this one.")
    ] = None,
    platform: Annotated[str | None, typer.Option("--platform", help="Only for this one.")] = None,
    status: Annotated[BuildStatus | None, typer.Option("--status", help="Only with this.")] = None,
    derived_from: Annotated[
        str | None,
        typer.Option("--derived-from", metavar="BUILD", help="Only those that start from it."),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many.")] = 50,
    output: Output = Format.TABLE,
) -> None:
    """List builds, newest first."""
    from buildstate_cli.build import actions

    actions.list_some(
        ctx.obj,
        output,
        project=project,
        platform=platform,
        status=status,
        derived_from=derived_from,
        limit=limit,
    )


@commands.command()
def get(ctx: typer.Context, build: BuildRef, output: Output = Format.TABLE) -> None:
    """Show where one build stands, where a rerun resumes from, and which builds derive from it."""
    from buildstate_cli.build import actions

    actions.get(ctx.obj, output, build)


@commands.command()
def history(
    ctx: typer.Context,
    build: BuildRef,
    *,
    state: AnyState = None,
    lane: AnyLane = None,
    output: Output = Format.TABLE,
) -> None:
    """List every attempt of a build, oldest first, and why it ran."""
    from buildstate_cli.build import actions

    actions.history(ctx.obj, output, build, state=state, lane=lane)
