"""`bldst key`: access to the service."""

from typing import Annotated

import typer

from buildstate_cli.help import Group, Panel
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
    from buildstate_cli.key import actions

    actions.create(ctx.obj, output, name)


@commands.command("list")
def list_all(ctx: typer.Context, output: Output = Format.TABLE) -> None:
    """List all keys, without their secrets."""
    from buildstate_cli.key import actions

    actions.list_all(ctx.obj, output)


@commands.command()
def revoke(
    ctx: typer.Context,
    key: Annotated[str, typer.Argument(metavar="KEY", help="The key's name or id.")],
    output: Output = Format.TABLE,
) -> None:
    """Revoke a key: it no longer works."""
    from buildstate_cli.key import actions

    actions.revoke(ctx.obj, output, key)
