"""`bldst project`: lines of images."""

from typing import Annotated

import typer

from buildstate_cli.help import Command, Group, Panel
from buildstate_cli.options import Format, Output, ProjectArgument
from buildstate_cli.project.options import (
    GraceHours,
    KeepDays,
    KeepDelivered,
    KeepDeliveredBuilds,
    MaxAutoResumes,
    NoRetention,
    ProjectAllow,
    ProjectAutoResume,
    ProjectCompression,
    ProjectDeduplicate,
    ProjectDescription,
    ProjectStorage,
    ProjectTrace,
)

commands = typer.Typer(cls=Group, help="Create, change and show projects: lines of images.")


def register(root: typer.Typer) -> None:
    """Add the commands to `bldst`."""
    root.add_typer(commands, name="project", rich_help_panel=Panel.PROJECTS)


@commands.command(cls=Command)
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
    auto_resume: ProjectAutoResume = None,
    max_auto_resumes: MaxAutoResumes = None,
    trace: ProjectTrace = None,
    storage_url: ProjectStorage = None,
    compression: ProjectCompression = None,
    deduplicate: ProjectDeduplicate = None,
    allow: ProjectAllow = None,
    keep_delivered_builds: KeepDeliveredBuilds = None,
    keep_days: KeepDays = None,
    keep_delivered: KeepDelivered = None,
    grace_hours: GraceHours = None,
    output: Output = Format.TABLE,
) -> None:
    """Create a project with the default catalogue."""
    from buildstate_cli.project import actions

    actions.create(
        ctx.obj,
        output,
        allow=allow or [],
        retention=actions.RetentionFlags(
            keep_delivered_builds=keep_delivered_builds,
            keep_delivered=keep_delivered,
            keep_days=keep_days,
            grace_hours=grace_hours,
        ),
        name=name,
        description=description,
        storage_url=storage_url,
        auto_resume=auto_resume,
        max_auto_resumes=max_auto_resumes,
        compression=compression,
        deduplicate=deduplicate,
        trace=trace,
    )


@commands.command(cls=Command)
def update(
    ctx: typer.Context,
    project: ProjectArgument,
    *,
    description: ProjectDescription = None,
    auto_resume: ProjectAutoResume = None,
    max_auto_resumes: MaxAutoResumes = None,
    trace: ProjectTrace = None,
    storage_url: ProjectStorage = None,
    compression: ProjectCompression = None,
    deduplicate: ProjectDeduplicate = None,
    allow: ProjectAllow = None,
    keep_delivered_builds: KeepDeliveredBuilds = None,
    keep_days: KeepDays = None,
    keep_delivered: KeepDelivered = None,
    grace_hours: GraceHours = None,
    no_retention: NoRetention = False,
    output: Output = Format.TABLE,
) -> None:
    """Change a project; what is left out stays as it is."""
    from buildstate_cli.project import actions

    actions.update(
        ctx.obj,
        output,
        project,
        allow=allow or [],
        retention=actions.RetentionFlags(
            keep_delivered_builds=keep_delivered_builds,
            keep_delivered=keep_delivered,
            keep_days=keep_days,
            grace_hours=grace_hours,
        ),
        is_kept_for_ever=no_retention,
        description=description,
        storage_url=storage_url,
        auto_resume=auto_resume,
        max_auto_resumes=max_auto_resumes,
        compression=compression,
        deduplicate=deduplicate,
        trace=trace,
    )


@commands.command("list")
def list_all(ctx: typer.Context, output: Output = Format.TABLE) -> None:
    """List all projects by name."""
    from buildstate_cli.project import actions

    actions.list_all(ctx.obj, output)


@commands.command()
def show(ctx: typer.Context, project: ProjectArgument, output: Output = Format.TABLE) -> None:
    """Show one project."""
    from buildstate_cli.project import actions

    actions.show_one(ctx.obj, output, project)
