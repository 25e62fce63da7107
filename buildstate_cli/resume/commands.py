"""`bldst resume`: ask a build's orchestrator to go on."""

from typing import Annotated

import typer

from buildstate_cli.help import Panel
from buildstate_cli.options import BuildRef, Format, Output, given_lane
from buildstate_core.vocabulary import TRUNK


def register(root: typer.Typer) -> None:
    """Add the command to `bldst`."""
    root.command(rich_help_panel=Panel.BUILDS)(resume)


def resume(
    ctx: typer.Context,
    build: BuildRef,
    *,
    lane: Annotated[
        str,
        typer.Option(
            "--lane",
            callback=given_lane,
            help="The lane that stopped.  [default: the build]",
            show_default=False,
        ),
    ] = TRUNK,
    reason: Annotated[
        str, typer.Option("--reason", help="Why, for whoever reads it later.", show_default=False)
    ] = "",
    wait: Annotated[
        bool,
        typer.Option(
            "--wait", help="Wait until the resumed run has ended; exit code 1 if it failed."
        ),
    ] = False,
    is_list: Annotated[
        bool,
        typer.Option("--list", help="List the build's requests, newest first, and make none."),
    ] = False,
    output: Output = Format.TABLE,
) -> None:
    """Have a build's Prefect deployment started again, with the same parameters.

    What is done is skipped. A build that Prefect never ran has to be run again where it usually
    runs.
    """
    from buildstate_cli.resume import actions

    if is_list:
        actions.list_all(ctx.obj, output, build)
    else:
        actions.ask(ctx.obj, output, build, lane=lane, reason=reason, wait=wait)
