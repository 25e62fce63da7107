"""`bldst plan`: what a rerun would do."""

import typer

from buildstate_cli.help import Panel
from buildstate_cli.options import BuildRef, Format, Output


def register(root: typer.Typer) -> None:
    """Add the command to `bldst`."""
    root.command(rich_help_panel=Panel.BUILDS)(plan)


def plan(ctx: typer.Context, build: BuildRef, output: Output = Format.TABLE) -> None:
    """Show what a rerun of a build would do with each state, and why."""
    from buildstate_cli.plan import actions

    actions.plan(ctx.obj, output, build)
