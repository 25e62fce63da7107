"""`bldst build`: builds, and where they stand."""

from typing import Annotated, Final

import typer

from buildstate_cli.build.options import (
    AnyLane,
    ArtifactFormat,
    ArtifactName,
    ArtifactSize,
    BuildKey,
    BuildLabels,
    Checksum,
    HappenedAt,
    ImageType,
    OnlyTrunk,
    Os,
    Platform,
    Quiet,
    ReportedStatus,
    StoragePath,
    StorageType,
    Version,
    Worker,
)
from buildstate_cli.help import Command, Group, Panel
from buildstate_cli.options import AnyState, BuildRef, Format, Lane, Output, State, given_lane
from buildstate_core.vocabulary import MAX_STATE, MIN_STATE, TRUNK, BuildStatus

_DERIVED_PANEL: Final = "A build that starts from another one"

commands = typer.Typer(cls=Group, help="Create builds, follow them, and report on them.")


def register(root: typer.Typer) -> None:
    """Add the commands to `bldst`."""
    root.add_typer(commands, name="build", rich_help_panel=Panel.BUILDS)


@commands.command(cls=Command)
def create(
    ctx: typer.Context,
    project: Annotated[str, typer.Option("--project", "-p", help="The project it belongs to.")],
    *,
    platform: Platform = None,
    version: Version = None,
    os: Os = None,
    image_type: ImageType = None,
    key: BuildKey = None,
    label: BuildLabels = None,
    restart: Annotated[
        bool,
        typer.Option("--restart", help="Begin a new build in place of the one with this key."),
    ] = False,
    derive_from: Annotated[
        str | None,
        typer.Option(
            "--derive-from",
            metavar="BUILD",
            help="Start from a checkpoint of this build: its number, its id or PROJECT/KEY.",
            rich_help_panel=_DERIVED_PANEL,
        ),
    ] = None,
    from_state: Annotated[
        int | None,
        typer.Option(
            "--from-state",
            min=MIN_STATE,
            max=MAX_STATE,
            help="The state to start from.  [default: its resume point]",
            rich_help_panel=_DERIVED_PANEL,
        ),
    ] = None,
    from_lane: Annotated[
        str | None,
        typer.Option(
            "--from-lane",
            callback=given_lane,
            help="The lane to start from.  [default: the trunk]",
            rich_help_panel=_DERIVED_PANEL,
        ),
    ] = None,
    quiet: Quiet = False,
    output: Output = Format.TABLE,
) -> None:
    """Create a build, or get the one that has this key already."""
    from buildstate_cli.build import actions

    actions.create(
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
        derived_from=derive_from,
        derived_state=from_state,
        derived_lane=from_lane,
    )


@commands.command("list")
def list_some(
    ctx: typer.Context,
    *,
    project: Annotated[
        str | None, typer.Option("--project", "-p", help="Only builds of this project.")
    ] = None,
    platform: Annotated[
        str | None, typer.Option("--platform", help="Only builds for this platform.")
    ] = None,
    status: Annotated[
        BuildStatus | None, typer.Option("--status", help="Only builds with this status.")
    ] = None,
    derived_from: Annotated[
        str | None,
        typer.Option(
            "--derived-from", metavar="BUILD", help="Only builds that start from this one."
        ),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most this many.")] = 50,
    output: Output = Format.TABLE,
) -> None:
    """List builds, newest first."""
    from buildstate_cli.build import actions

    actions.list_some(
        ctx.obj,
        output,
        project=project,
        platform=platform,
        status=status,
        derived_from=derived_from,
        limit=limit,
    )


@commands.command()
def get(ctx: typer.Context, build: BuildRef, output: Output = Format.TABLE) -> None:
    """Show where one build stands, where a rerun resumes from, and which builds derive from it."""
    from buildstate_cli.build import actions

    actions.get(ctx.obj, output, build)


@commands.command()
def history(
    ctx: typer.Context,
    build: BuildRef,
    *,
    state: AnyState = None,
    lane: AnyLane = None,
    trunk: OnlyTrunk = False,
    output: Output = Format.TABLE,
) -> None:
    """List every attempt of a build, oldest first, and why it ran."""
    from buildstate_cli.build import actions

    actions.history(ctx.obj, output, build, state=state, lane=lane, is_trunk=trunk)


@commands.command("add-state", cls=Command)
def add_state(
    ctx: typer.Context,
    build: BuildRef,
    state: State,
    status: Annotated[ReportedStatus, typer.Option("--status", help="How it went.")],
    *,
    lane: Lane = TRUNK,
    message: Annotated[
        str | None, typer.Option("--message", "-m", help="What to tell people about it.")
    ] = None,
    worker: Worker = None,
    at: HappenedAt = None,
    storage_type: StorageType = None,
    storage_path: StoragePath = None,
    artifact_size: ArtifactSize = None,
    checksum: Checksum = None,
    artifact_name: ArtifactName = None,
    artifact_format: ArtifactFormat = None,
    output: Output = Format.TABLE,
) -> None:
    """Report how a state of a build went, and what it left."""
    from buildstate_cli.artifact import storage_flags
    from buildstate_cli.build import reports

    reports.add(
        ctx.obj,
        output,
        build,
        artifact=storage_flags.ArtifactFlags(
            storage_type=storage_type,
            storage_path=storage_path,
            size_bytes=artifact_size,
            checksum=checksum,
            name=artifact_name,
            format=artifact_format,
        ),
        state=state,
        status=status,
        lane=lane,
        message=message,
        worker=worker,
        at=at,
    )


@commands.command("add-failure")
def add_failure(
    ctx: typer.Context,
    build: BuildRef,
    state: State,
    message: Annotated[str, typer.Option("--message", "-m", help="Why it failed.")],
    *,
    lane: Lane = TRUNK,
    worker: Worker = None,
    at: HappenedAt = None,
    output: Output = Format.TABLE,
) -> None:
    """Report that a state of a build failed, and why."""
    from buildstate_cli.build import reports

    reports.add(
        ctx.obj,
        output,
        build,
        state=state,
        status="failed",
        lane=lane,
        message=message,
        worker=worker,
        at=at,
    )


@commands.command()
def derive(
    ctx: typer.Context,
    build: BuildRef,
    *,
    from_state: Annotated[
        int | None,
        typer.Option(
            "--from-state",
            min=MIN_STATE,
            max=MAX_STATE,
            help="The state to start from.  [default: the resume point]",
        ),
    ] = None,
    lane: Annotated[
        str | None,
        typer.Option(
            "--lane",
            callback=given_lane,
            help="The lane to start from.  [default: the trunk]",
        ),
    ] = None,
    project: Annotated[
        str | None,
        typer.Option("--project", "-p", help="The new build's project.  [default: the same]"),
    ] = None,
    platform: Platform = None,
    version: Version = None,
    os: Os = None,
    image_type: ImageType = None,
    key: BuildKey = None,
    label: BuildLabels = None,
    quiet: Quiet = False,
    output: Output = Format.TABLE,
) -> None:
    """Start a build from a checkpoint of another; what is left out is taken from that one."""
    from buildstate_cli.build import actions

    actions.derive(
        ctx.obj,
        output,
        build,
        is_quiet=quiet,
        label_texts=label or [],
        from_state=from_state,
        lane=lane,
        project=project,
        platform=platform,
        version=version,
        os=os,
        image_type=image_type,
        key=key,
    )


@commands.command()
def compare(
    ctx: typer.Context,
    build: BuildRef,
    others: Annotated[
        list[str],
        typer.Argument(metavar="BUILD", help="What to compare it with: one build or several."),
    ],
    output: Output = Format.TABLE,
) -> None:
    """Compare builds state by state: how each went, how long it took, and what it made."""
    from buildstate_cli.build import compare as actions

    actions.compare(ctx.obj, output, [build, *others])
