"""`bldst artifact`: what milestones produced, and where it is."""

from typing import Annotated

import typer

from buildstate_cli import actions
from buildstate_cli.helping import Group, Panel
from buildstate_cli.options import AnyState, BuildRef, Format, Lane, Output, State
from buildstate_core.vocabulary import TRUNK

commands = typer.Typer(cls=Group, help="Find what the states of a build produced.")


def register(root: typer.Typer) -> None:
    """Add the commands to `bldst`."""
    root.add_typer(commands, name="artifact", rich_help_panel=Panel.BUILDS)


@commands.command("list")
def list_some(
    ctx: typer.Context, build: BuildRef, state: AnyState = None, output: Output = Format.TABLE
) -> None:
    """List the artifacts of a build, oldest first."""
    actions.artifacts.list_some(ctx.obj, output, build, state)


@commands.command()
def show(
    ctx: typer.Context,
    artifact: Annotated[str, typer.Argument(metavar="ARTIFACT", help="The artifact's id.")],
    output: Output = Format.TABLE,
) -> None:
    """Show one artifact: where it is, its size and its digest."""
    actions.artifacts.show_one(ctx.obj, output, artifact)


@commands.command()
def pull(
    ctx: typer.Context,
    build: BuildRef,
    state: State,
    *,
    lane: Lane = TRUNK,
    name: Annotated[
        str | None, typer.Option("--name", help="Only the one of this name.  [default: all]")
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(
            "--to", metavar="PATH", help="Where to put it.  [default: the path it was made at]"
        ),
    ] = None,
    output: Output = Format.TABLE,
) -> None:
    """Download what a state left, verify it, and put it in its place."""
    actions.artifacts.pull(ctx.obj, output, build, state=state, lane=lane, name=name, to=to)
