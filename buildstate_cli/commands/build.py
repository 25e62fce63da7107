"""`bldst build`: builds, and where they stand."""

from typing import Annotated

import typer

from buildstate_cli import actions
from buildstate_cli.helping import Group, Panel
from buildstate_cli.options import AnyLane, AnyState, BuildRef, Format, Output
from buildstate_core.vocabulary import BuildStatus

commands = typer.Typer(cls=Group, help="Create builds, follow them, and report on them.")


def register(root: typer.Typer) -> None:
    """Add the commands to `bldst`."""
    root.add_typer(commands, name="build", rich_help_panel=Panel.BUILDS)


@commands.command()
def create(
    ctx: typer.Context,
    project: Annotated[str, typer.Option("--project", "-p", help="The project it belongs to.")],
    *,
    platform: Annotated[
        str | None, typer.Option("--platform", help="The cloud or hypervisor (aws).")
    ] = None,
    version: Annotated[str | None, typer.Option("--version", help="The image's version.")] = None,
    os: Annotated[str | None, typer.Option("--os", help="The operating system (rhel-9).")] = None,
    image_type: Annotated[
        str | None, typer.Option("--image-type", help="The kind of image (base).")
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            "--key",
            help="What makes it the same build from any worker.  [default: version, platform, os"
            " and image type]",
        ),
    ] = None,
    label: Annotated[
        list[str] | None, typer.Option("--label", metavar="KEY=VALUE", help="A label; repeatable.")
    ] = None,
    restart: Annotated[
        bool,
        typer.Option("--restart", help="Begin a new build in place of the one with this key."),
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print the build's number and nothing else.")
    ] = False,
    output: Output = Format.TABLE,
) -> None:
    """Create a build, or get the one that has this key already."""
    actions.builds.create(
        ctx.obj,
        output,
        is_quiet=quiet,
        label_texts=label or [],
        project=project,
        platform=platform,
        version=version,
        os=os,
        image_type=image_type,
        key=key,
        restart=restart or None,
    )


@commands.command("list")
def list_some(
    ctx: typer.Context,
    *,
    project: Annotated[
        str | None, typer.Option("--project", "-p", help="Only of this one.")
    ] = None,
    platform: Annotated[str | None, typer.Option("--platform", help="Only for this one.")] = None,
    status: Annotated[BuildStatus | None, typer.Option("--status", help="Only with this.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many.")] = 50,
    output: Output = Format.TABLE,
) -> None:
    """List builds, newest first."""
    actions.builds.list_some(
        ctx.obj, output, project=project, platform=platform, status=status, limit=limit
    )


@commands.command()
def get(ctx: typer.Context, build: BuildRef, output: Output = Format.TABLE) -> None:
    """Show where one build stands, and where a rerun resumes from."""
    actions.builds.get(ctx.obj, output, build)


@commands.command()
def history(
    ctx: typer.Context,
    build: BuildRef,
    *,
    state: AnyState = None,
    lane: AnyLane = None,
    output: Output = Format.TABLE,
) -> None:
    """List every attempt of a build, oldest first."""
    actions.builds.history(ctx.obj, output, build, state=state, lane=lane)
