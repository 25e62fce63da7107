"""`bldst explain`: why one state runs or not."""

from typing import Annotated

import typer

from buildstate_cli.help import Panel
from buildstate_cli.options import BuildRef, Format, Lane, Output, StateArgument
from buildstate_core.vocabulary import TRUNK


def register(root: typer.Typer) -> None:
    """Add the command to `bldst`."""
    root.command(rich_help_panel=Panel.BUILDS)(explain)


def explain(
    ctx: typer.Context,
    build: BuildRef,
    state: StateArgument,
    *,
    lane: Lane = TRUNK,
    attempt: Annotated[
        int | None,
        typer.Option(
            "--attempt", min=1, help="Why this attempt was run.  [default: what a rerun would do]"
        ),
    ] = None,
    output: Output = Format.TABLE,
) -> None:
    """Explain why a state would run again or be skipped, part by part."""
    from buildstate_cli.explain import actions

    actions.explain(ctx.obj, output, build, state=state, lane=lane, attempt=attempt)
