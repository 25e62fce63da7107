"""`bldst catalog`: a project's states."""

from typing import Annotated

import typer

from buildstate_cli.help import Group, Panel
from buildstate_cli.options import Format, Output, ProjectArgument, State

ApplyToOpen = Annotated[
    bool,
    typer.Option("--apply-to-open", help="Builds in flight take over the new version, too."),
]

commands = typer.Typer(cls=Group, help="Show and change the states of a project.")


def register(root: typer.Typer) -> None:
    """Add the commands to `bldst`."""
    root.add_typer(commands, name="catalog", rich_help_panel=Panel.PROJECTS)


@commands.command()
def show(
    ctx: typer.Context,
    project: ProjectArgument,
    version: Annotated[
        int | None, typer.Option("--version", min=1, help="Which version.  [default: the newest]")
    ] = None,
    output: Output = Format.TABLE,
) -> None:
    """Show a project's states."""
    from buildstate_cli.catalog import actions

    actions.show_one(ctx.obj, output, project, version)


@commands.command()
def history(ctx: typer.Context, project: ProjectArgument, output: Output = Format.TABLE) -> None:
    """List the versions of a project's catalogue, newest first, and what each one changed."""
    from buildstate_cli.catalog import actions

    actions.history(ctx.obj, output, project)


@commands.command("set")
def set_all(
    ctx: typer.Context,
    project: ProjectArgument,
    file: Annotated[
        str,
        typer.Option(
            "--file",
            "-f",
            metavar="FILE",
            help="JSON or YAML with a list of states, or with one under `states`; - for stdin.",
        ),
    ],
    *,
    apply_to_open: ApplyToOpen = False,
    output: Output = Format.TABLE,
) -> None:
    """Give a project a new catalogue; builds in flight keep theirs unless told otherwise."""
    from buildstate_cli.catalog import actions

    actions.set_all(ctx.obj, output, project, file, apply_to_open=apply_to_open)


@commands.command()
def insert(
    ctx: typer.Context,
    project: ProjectArgument,
    state: State,
    name: Annotated[str, typer.Option("--name", help="A short name for people.")],
    *,
    description: Annotated[
        str | None, typer.Option("--description", help="What is true of an image that reached it.")
    ] = None,
    color: Annotated[
        str | None, typer.Option("--color", metavar="#RRGGBB", help="Its colour on dashboards.")
    ] = None,
    required: Annotated[
        bool, typer.Option("--required", help="A build is not complete while it is missing.")
    ] = False,
    requires: Annotated[
        list[int] | None,
        typer.Option("--requires", min=0, max=100, help="A state that has to be completed before."),
    ] = None,
    expected_seconds: Annotated[
        int | None,
        typer.Option("--expected-seconds", min=0, help="How long it usually takes, in seconds."),
    ] = None,
    apply_to_open: ApplyToOpen = False,
    output: Output = Format.TABLE,
) -> None:
    """Add one state to a project; builds in flight keep their catalogue unless told otherwise."""
    from buildstate_cli.catalog import actions

    actions.insert(
        ctx.obj,
        output,
        project,
        apply_to_open=apply_to_open,
        code=state,
        name=name,
        description=description,
        color=color,
        required=required or None,
        requires=requires or None,
        expected_seconds=expected_seconds,
    )
