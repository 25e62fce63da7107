"""`bldst project`: lines of images."""

from typing import Annotated

import typer

from buildstate_cli import actions
from buildstate_cli.helping import Group, Panel
from buildstate_cli.options import Format, Output, ProjectArgument

commands = typer.Typer(cls=Group, help="Create and show projects: lines of images.")


def register(root: typer.Typer) -> None:
    """Add the commands to `bldst`."""
    root.add_typer(commands, name="project", rich_help_panel=Panel.PROJECTS)


@commands.command()
def create(
    ctx: typer.Context,
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="Lower case letters, digits, dot, dash, underscore; at most 63."
        ),
    ],
    description: Annotated[
        str | None, typer.Option("--description", help="What it is, in a line.")
    ] = None,
    storage_url: Annotated[
        str | None,
        typer.Option(
            "--storage-url",
            metavar="URL",
            help="Where its artifacts go (s3://bucket/prefix).  [default: each worker's"
            " BLDST_STORAGE_URL]",
        ),
    ] = None,
    output: Output = Format.TABLE,
) -> None:
    """Create a project with the default catalogue."""
    actions.projects.create(
        ctx.obj, output, name=name, description=description, storage_url=storage_url
    )


@commands.command("list")
def list_all(ctx: typer.Context, output: Output = Format.TABLE) -> None:
    """List all projects by name."""
    actions.projects.list_all(ctx.obj, output)


@commands.command()
def show(ctx: typer.Context, project: ProjectArgument, output: Output = Format.TABLE) -> None:
    """Show one project."""
    actions.projects.show_one(ctx.obj, output, project)
