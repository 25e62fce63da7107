"""`bldst demo`: the whole story in a minute."""

from typing import Annotated

import typer

from buildstate_cli.help import Panel
from buildstate_cli.options import Format, Output


def register(root: typer.Typer) -> None:
    """Add the command to `bldst`."""
    root.command("demo", rich_help_panel=Panel.SERVICE)(demo)


def demo(
    ctx: typer.Context,
    *,
    keep: Annotated[
        bool,
        typer.Option(
            "--keep", help="Keep the folder with everything that was made, and print where it is."
        ),
    ] = False,
    output: Output = Format.TABLE,
) -> None:
    """Watch a real build being killed half-way and resumed by another worker, in about a minute.

    Everything happens in a throw-away folder with a throw-away service; nothing is left behind.
    """
    from buildstate_cli.demo import story

    story.run(ctx.obj, output, keep=keep)
