"""`bldst config`: which service and which folders this machine uses."""

import typer

from buildstate_cli.help import Group, Panel
from buildstate_cli.options import Format, Output

commands = typer.Typer(cls=Group, help="Show the settings.")


def register(root: typer.Typer) -> None:
    """Add the commands to `bldst`."""
    root.add_typer(commands, name="config", rich_help_panel=Panel.SERVICE)


@commands.command()
def show(ctx: typer.Context, output: Output = Format.TABLE) -> None:
    """Show the settings in force; of the key, its beginning only."""
    from buildstate_cli.config import actions

    actions.show_all(ctx.obj, output)
