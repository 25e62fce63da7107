"""`bldst build add-state` and `add-failure`: plain reports about a milestone, without a claim."""

from typing import Annotated

import typer

from buildstate_cli.helping import Command
from buildstate_cli.options import (
    ArtifactFormat,
    ArtifactName,
    ArtifactSize,
    BuildRef,
    Checksum,
    Format,
    HappenedAt,
    Lane,
    Output,
    ReportedStatus,
    State,
    StoragePath,
    StorageType,
    Worker,
)
from buildstate_core.vocabulary import TRUNK


def register(build: typer.Typer) -> None:
    """Add the commands to `bldst build`."""
    build.command("add-state", cls=Command)(add_state)
    build.command("add-failure")(add_failure)


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
