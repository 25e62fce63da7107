"""`bldst watch`: a build while it is worked on."""

from typing import Annotated

import typer

from buildstate_cli.help import Panel
from buildstate_cli.options import BuildRef, Format


def register(root: typer.Typer) -> None:
    """Add the command to `bldst`."""
    root.command("watch", rich_help_panel=Panel.BUILDS)(watch)


def watch(
    ctx: typer.Context,
    build: BuildRef,
    *,
    interval: Annotated[
        float, typer.Option("--interval", min=0.1, max=3600, help="Seconds between two looks.")
    ] = 2.0,
    once: Annotated[bool, typer.Option("--once", help="Look once, and do not wait.")] = False,
    output: Annotated[
        Format,
        typer.Option(
            "--output",
            "-o",
            help="For people; or an object for each change, each in a line (json) or as a document"
            " of its own (yaml).",
        ),
    ] = Format.TABLE,
) -> int:
    """Follow a build until it is over: what is done, who works on what, and what moves.

    Redrawn in place on a terminal; elsewhere a line for each change. Exit code 0: it was
    completed; 1: it failed or was cancelled.
    """
    from buildstate_cli.watch import actions

    return actions.watch(ctx.obj, output, build, is_once=once, wait=actions.every(interval))
