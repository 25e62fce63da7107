"""`bldst artifact`: what milestones produced, and where it is."""

from typing import Annotated

import typer

from buildstate_cli.artifact.options import (
    AnyProject,
    ArtifactArgument,
    ArtifactChecksum,
    ArtifactExpires,
    ArtifactFileCompression,
    ArtifactFileFormat,
    ArtifactMetadata,
    ArtifactName,
    ArtifactSize,
    ArtifactStorageType,
    ArtifactUri,
    ClaimToken,
    DryRun,
    KindOfArtifact,
)
from buildstate_cli.help import Command, Group, Panel
from buildstate_cli.options import (
    AnyState,
    ArtifactSensitivity,
    BuildRef,
    Compress,
    Format,
    Lane,
    Output,
    Reason,
    StateArgument,
    StorageOverride,
)
from buildstate_core.vocabulary import (
    MAX_STATE,
    MIN_STATE,
    TRUNK,
    ArtifactStatus,
    Sensitivity,
)

commands = typer.Typer(cls=Group, help="Store, find and fetch what the states of builds produced.")


def register(root: typer.Typer) -> None:
    """Add the commands to `bldst`."""
    root.add_typer(commands, name="artifact", rich_help_panel=Panel.BUILDS)


@commands.command(cls=Command)
def push(
    ctx: typer.Context,
    build: BuildRef,
    state: StateArgument,
    path: Annotated[
        list[str], typer.Argument(metavar="PATH...", help="Files and folders to store.")
    ],
    *,
    name: Annotated[
        str | None,
        typer.Option("--name", help="Its name in the milestone.  [default: the file's name]"),
    ] = None,
    lane: Lane = TRUNK,
    storage: StorageOverride = None,
    compress: Compress = None,
    sensitivity: ArtifactSensitivity = Sensitivity.INTERNAL,
    expires: ArtifactExpires = None,
    token: ClaimToken = None,
    output: Output = Format.TABLE,
) -> None:
    """Upload files or folders, hashed on the way, and record each as what a state left."""
    from buildstate_cli.artifact import push as actions
    from buildstate_cli.artifact.create import Target
    from buildstate_worker.storage_options import StorageOptions

    actions.push(
        ctx.obj,
        output,
        Target(build=build, state=state, lane=lane, token=token),
        path,
        name=name,
        options=StorageOptions(storage=storage, compression=compress, sensitivity=sensitivity),
        expires=expires,
    )


@commands.command(cls=Command)
def create(
    ctx: typer.Context,
    build: BuildRef,
    state: StateArgument,
    *,
    uri: ArtifactUri = None,
    name: ArtifactName = None,
    kind: KindOfArtifact = None,
    storage_type: ArtifactStorageType = None,
    size: ArtifactSize = None,
    checksum: ArtifactChecksum = None,
    format_: ArtifactFileFormat = None,
    compression: ArtifactFileCompression = None,
    metadata: ArtifactMetadata = None,
    lane: Lane = TRUNK,
    sensitivity: ArtifactSensitivity = Sensitivity.INTERNAL,
    expires: ArtifactExpires = None,
    token: ClaimToken = None,
    output: Output = Format.TABLE,
) -> None:
    """Record what a pipeline has put somewhere by itself as what a state left."""
    from buildstate_cli.artifact import create as actions

    actions.create(
        ctx.obj,
        output,
        actions.Target(build=build, state=state, lane=lane, token=token),
        uri=uri,
        metadata=metadata or [],
        expires=expires,
        name=name,
        kind=kind,
        storage_type=storage_type,
        size_bytes=size,
        checksum=checksum,
        format=format_,
        compression=compression,
        sensitivity=sensitivity,
    )


@commands.command()
def pull(
    ctx: typer.Context,
    wanted: Annotated[
        str,
        typer.Argument(
            metavar="BUILD|ARTIFACT",
            help="The build: its number (123 or #123) or its id; without a state an artifact's id.",
        ),
    ],
    state: Annotated[
        int | None,
        typer.Argument(
            metavar="[STATE]",
            min=MIN_STATE,
            max=MAX_STATE,
            help="The state whose artifacts to download.",
        ),
    ] = None,
    *,
    state_option: Annotated[
        int | None,
        typer.Option("--state", min=MIN_STATE, max=MAX_STATE, help="The same, as an option."),
    ] = None,
    lane: Lane = TRUNK,
    name: Annotated[
        str | None, typer.Option("--name", help="Only the one of this name.  [default: all]")
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="PATH",
            help="Where to put it; into PATH if that ends in a slash, or is a folder and the"
            " artifact a file.  [default: the path it was made at]",
        ),
    ] = None,
    output: Output = Format.TABLE,
) -> None:
    """Download what a state left, or one artifact, verify it, and put it in its place."""
    from buildstate_cli.artifact import pull as actions

    actions.pull(
        ctx.obj,
        output,
        wanted,
        state=state if state_option is None else state_option,
        lane=lane,
        name=name,
        to=to,
    )


@commands.command("list")
def list_some(
    ctx: typer.Context,
    build: Annotated[
        str | None,
        typer.Argument(
            metavar="[BUILD]",
            help="The build: its number (123 or #123) or its id.  [default: all builds]",
        ),
    ] = None,
    *,
    state: AnyState = None,
    project: AnyProject = None,
    status: Annotated[
        ArtifactStatus | None, typer.Option("--status", help="Only artifacts with this status.")
    ] = None,
    checksum: Annotated[
        str | None,
        typer.Option("--checksum", metavar="sha256:HEX", help="Only artifacts with this digest."),
    ] = None,
    removable: Annotated[
        bool,
        typer.Option("--removable", help="Only artifacts whose bytes `gc` may remove now."),
    ] = False,
    output: Output = Format.TABLE,
) -> None:
    """List the artifacts of a build, or of all builds, oldest first."""
    from buildstate_cli.artifact import actions

    actions.list_some(
        ctx.obj,
        output,
        build,
        state,
        project=project,
        status=status,
        checksum=checksum,
        removable=removable or None,
    )


@commands.command()
def show(ctx: typer.Context, artifact: ArtifactArgument, output: Output = Format.TABLE) -> None:
    """Show one artifact: where it is, its size, its digest, and how long it is kept."""
    from buildstate_cli.artifact import actions

    actions.show_one(ctx.obj, output, artifact)


@commands.command()
def verify(
    ctx: typer.Context,
    wanted: Annotated[
        str,
        typer.Argument(
            metavar="BUILD|ARTIFACT",
            help="A build: its number (123 or #123) or its id; or an artifact's id.",
        ),
    ],
    *,
    state: AnyState = None,
    output: Output = Format.TABLE,
) -> None:
    """Read artifacts from their storage and compare their digests; probe handles.

    What is gone or corrupt is quarantined, and the exit code is 1. Exit code 6: nothing is, but
    some could not be reached.
    """
    from buildstate_cli.artifact import verify as actions

    actions.verify(ctx.obj, output, wanted, state=state)


@commands.command()
def copy(
    ctx: typer.Context,
    artifact: ArtifactArgument,
    uri: Annotated[
        str,
        typer.Argument(
            metavar="URI",
            help="Where to: a URI or an absolute path; if it ends in a slash, the name is added.",
        ),
    ],
    *,
    output: Output = Format.TABLE,
) -> None:
    """Copy an artifact to another storage, verified on the way; nothing is overwritten."""
    from buildstate_cli.artifact import actions

    actions.copy(ctx.obj, output, artifact, uri)


@commands.command()
def hold(
    ctx: typer.Context,
    artifact: ArtifactArgument,
    *,
    reason: Annotated[
        str | None, typer.Option("--reason", help="Why, for whoever reads it later.")
    ] = None,
    release: Annotated[bool, typer.Option("--release", help="End the hold.")] = False,
    output: Output = Format.TABLE,
) -> None:
    """Keep an artifact whatever the project's policy says, until it is released."""
    from buildstate_cli.artifact import actions

    actions.hold(ctx.obj, output, artifact, reason=reason, is_release=release)


@commands.command()
def delete(
    ctx: typer.Context,
    artifact: ArtifactArgument,
    *,
    reason: Reason,
    output: Output = Format.TABLE,
) -> None:
    """Give an artifact up: it is not used again, and `gc` removes its bytes when that is due."""
    from buildstate_cli.artifact import actions

    actions.delete(ctx.obj, output, artifact, reason=reason)


@commands.command()
def gc(
    ctx: typer.Context,
    *,
    project: AnyProject = None,
    dry_run: DryRun = False,
    older_than: Annotated[
        str,
        typer.Option(
            "--older-than",
            metavar="AGE",
            help="How old an orphan has to be: 24h, 3d, 2w; at least 1h.",
        ),
    ] = "24h",
    orphans: Annotated[
        bool,
        typer.Option(
            "--orphans/--no-orphans", help="Also look for what killed uploads left behind."
        ),
    ] = True,
    output: Output = Format.TABLE,
) -> None:
    """Mark what the projects' policies do not keep, and remove the bytes that are due.

    Run it regularly, where the credentials of the storages are. Exit code 6: something could not be
    removed; the next run tries it again.
    """
    from buildstate_cli.artifact import gc as actions

    actions.collect_garbage(
        ctx.obj,
        output,
        project=project,
        is_dry_run=dry_run,
        older_than=older_than,
        with_orphans=orphans,
    )
