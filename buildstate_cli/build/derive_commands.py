"""`bldst build derive` and `compare`: builds that start from a checkpoint of another one."""

from typing import Annotated

import typer

from buildstate_cli.options import (
    BuildKey,
    BuildLabels,
    BuildRef,
    Format,
    ImageType,
    Os,
    Output,
    Platform,
    Quiet,
    Version,
)
from buildstate_core.vocabulary import MAX_STATE, MIN_STATE


def register(build: typer.Typer) -> None:
    """Add the commands to `bldst build`."""
    build.command()(derive)
    build.command()(compare)


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
        typer.Option("--lane", help="The lane to start from.  [default: the trunk]"),
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
    """Start a build from a checkpoint of another; what is left out is as in that one."""
    from buildstate_cli.build import lineage

    lineage.derive(
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
