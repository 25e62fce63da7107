"""`bldst build add-state` and `add-failure`: plain reports about a milestone, without a claim."""

from typing import Annotated

import typer

from buildstate_cli import actions
from buildstate_cli.helping import Command
from buildstate_cli.options import (
    ARTIFACT_PANEL,
    BuildRef,
    Format,
    HappenedAt,
    Lane,
    Output,
    ReportedStatus,
    State,
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
    storage_type: Annotated[
        str | None,
        typer.Option(
            "--storage-type",
            help="s3, nfs, file, ebs, ami, ceph, azure, gcs, …  [default: from the path]",
            rich_help_panel=ARTIFACT_PANEL,
        ),
    ] = None,
    storage_path: Annotated[
        str | None,
        typer.Option(
            "--storage-path",
            metavar="URI",
            help="Where it is: a URI, an absolute path, or an id such as snap-0abc.",
            rich_help_panel=ARTIFACT_PANEL,
        ),
    ] = None,
    artifact_size: Annotated[
        int | None,
        typer.Option(
            "--artifact-size", min=0, help="Its size in bytes.", rich_help_panel=ARTIFACT_PANEL
        ),
    ] = None,
    checksum: Annotated[
        str | None,
        typer.Option(
            "--checksum",
            metavar="sha256:HEX",
            help="Its digest.  [default: unverified until the first pull]",
            rich_help_panel=ARTIFACT_PANEL,
        ),
    ] = None,
    artifact_name: Annotated[
        str | None,
        typer.Option(
            "--artifact-name",
            help="Its name in the milestone.  [default: the file's name]",
            rich_help_panel=ARTIFACT_PANEL,
        ),
    ] = None,
    artifact_format: Annotated[
        str | None,
        typer.Option("--format", help="qcow2, vhd, raw, tar, …", rich_help_panel=ARTIFACT_PANEL),
    ] = None,
    output: Output = Format.TABLE,
) -> None:
    """Report how a state of a build went, and what it left."""
    actions.reports.add(
        ctx.obj,
        output,
        build,
        artifact=actions.storage_flags.ArtifactFlags(
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
    actions.reports.add(
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
