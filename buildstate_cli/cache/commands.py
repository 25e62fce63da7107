"""`bldst cache`: the pulled artifacts that this machine keeps."""

from typing import Annotated

import typer

from buildstate_cli.help import Group, Panel
from buildstate_cli.options import Format, Output

commands = typer.Typer(cls=Group, help="Look after the pulled artifacts that this machine keeps.")


def register(root: typer.Typer) -> None:
    """Add the commands to `bldst`."""
    root.add_typer(commands, name="cache", rich_help_panel=Panel.SERVICE)


@commands.command()
def show(ctx: typer.Context, output: Output = Format.TABLE) -> None:
    """Show where the cache is, what it takes up, and what it may."""
    from buildstate_cli.cache import actions

    actions.show_usage(ctx.obj, output)


@commands.command()
def prune(
    ctx: typer.Context,
    *,
    max_size: Annotated[
        str | None,
        typer.Option(
            "--max-size",
            metavar="SIZE",
            help="How much may stay: 10G, 500M, a number of bytes."
            "  [default: BLDST_CACHE_MAX_BYTES]",
        ),
    ] = None,
    all_: Annotated[
        bool, typer.Option("--all", help="Remove everything that is not in use.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be removed.")
    ] = False,
    output: Output = Format.TABLE,
) -> None:
    """Remove the artifacts not used for longest, and broken downloads; nothing that is in use."""
    from buildstate_cli.cache import actions

    actions.prune(ctx.obj, output, max_size=max_size, is_all=all_, dry_run=dry_run)


@commands.command()
def verify(ctx: typer.Context, output: Output = Format.TABLE) -> None:
    """Hash every artifact in the cache again, and remove the damaged ones (exit code 1)."""
    from buildstate_cli.cache import actions

    actions.verify(ctx.obj, output)
