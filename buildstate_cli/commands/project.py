"""`bldst project`: lines of images."""

from typing import Annotated

import typer

from buildstate_cli import actions
from buildstate_cli.helping import Group, Panel
from buildstate_cli.options import (
    Format,
    MaxAutoResumes,
    Output,
    ProjectArgument,
    ProjectAutoResume,
    ProjectDescription,
    ProjectStorage,
)

commands = typer.Typer(cls=Group, help="Create, change and show projects: lines of images.")


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
    *,
    description: ProjectDescription = None,
    storage_url: ProjectStorage = None,
    auto_resume: ProjectAutoResume = None,
    max_auto_resumes: MaxAutoResumes = None,
    output: Output = Format.TABLE,
) -> None:
    """Create a project with the default catalogue."""
    actions.projects.create(
        ctx.obj,
        output,
        name=name,
        description=description,
        storage_url=storage_url,
        auto_resume=auto_resume,
        max_auto_resumes=max_auto_resumes,
    )


@commands.command()
def update(
    ctx: typer.Context,
    project: ProjectArgument,
    *,
    description: ProjectDescription = None,
    storage_url: ProjectStorage = None,
    auto_resume: ProjectAutoResume = None,
    max_auto_resumes: MaxAutoResumes = None,
    output: Output = Format.TABLE,
) -> None:
    """Change what is said of a project; what is left out stays as it is."""
    actions.projects.update(
        ctx.obj,
        output,
        project,
        description=description,
        storage_url=storage_url,
        auto_resume=auto_resume,
        max_auto_resumes=max_auto_resumes,
    )


@commands.command("list")
def list_all(ctx: typer.Context, output: Output = Format.TABLE) -> None:
    """List all projects by name."""
    actions.projects.list_all(ctx.obj, output)


@commands.command()
def show(ctx: typer.Context, project: ProjectArgument, output: Output = Format.TABLE) -> None:
    """Show one project."""
    actions.projects.show_one(ctx.obj, output, project)
