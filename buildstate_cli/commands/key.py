"""`bldst key`: access to the service."""

from typing import Annotated

import typer

from buildstate_cli import actions
from buildstate_cli.helping import Group, Panel
from buildstate_cli.options import Format, Output

commands = typer.Typer(cls=Group, help="Make and revoke API keys.")


def register(root: typer.Typer) -> None:
    """Add the commands to `bldst`."""
    root.add_typer(commands, name="key", rich_help_panel=Panel.SERVICE)


@commands.command()
def create(
    ctx: typer.Context,
    name: Annotated[str, typer.Option("--name", help="Who or what will use it.")],
    output: Output = Format.TABLE,
) -> None:
    """Make a key and print it, this once: KEY=$(bldst key create --name ci)."""
    actions.keys.create(ctx.obj, output, name)


@commands.command("list")
def list_all(ctx: typer.Context, output: Output = Format.TABLE) -> None:
    """List all keys, without their secrets."""
    actions.keys.list_all(ctx.obj, output)


@commands.command()
def revoke(
    ctx: typer.Context,
    key: Annotated[str, typer.Argument(metavar="KEY", help="The key's name or id.")],
    output: Output = Format.TABLE,
) -> None:
    """Make a key useless."""
    actions.keys.revoke(ctx.obj, output, key)
