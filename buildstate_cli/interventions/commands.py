"""`bldst waive`, `force`, `revoke`, `adopt` and `bldst build cancel`: interventions.

Each is recorded with who, when and why; `bldst build interventions` lists them.
"""

from typing import Annotated

import typer

from buildstate_cli.help import Panel
from buildstate_cli.options import BuildRef, Format, Lane, Output, Reason, StateArgument
from buildstate_core.vocabulary import TRUNK


def register(root: typer.Typer, build: typer.Typer) -> None:
    """Add the commands to `bldst`, and to `bldst build` those that are about it as a whole."""
    for each in (waive, force, revoke, adopt):
        root.command(rich_help_panel=Panel.INTERVENTIONS)(each)
    build.command()(cancel)
    build.command()(interventions)


def waive(
    ctx: typer.Context,
    build: BuildRef,
    state: StateArgument,
    reason: Reason,
    *,
    lane: Lane = TRUNK,
    output: Output = Format.TABLE,
) -> None:
    """Waive a state of a build: it is not needed, and nothing waits for it."""
    from buildstate_cli.interventions import actions

    actions.waive(ctx.obj, output, build, state=state, lane=lane, reason=reason)


def force(
    ctx: typer.Context,
    build: BuildRef,
    state: StateArgument,
    reason: Reason,
    *,
    lane: Lane = TRUNK,
    output: Output = Format.TABLE,
) -> None:
    """Have everything from a state on run again, and show what a rerun then does."""
    from buildstate_cli.interventions import actions

    actions.force(ctx.obj, output, build, state=state, lane=lane, reason=reason)


def revoke(
    ctx: typer.Context,
    build: BuildRef,
    state: StateArgument,
    reason: Reason,
    *,
    lane: Lane = TRUNK,
    name: Annotated[
        str | None,
        typer.Option("--name", help="Only the artifact of this name.  [default: all of them]"),
    ] = None,
    output: Output = Format.TABLE,
) -> None:
    """Take what a state left, and all that was made from it, out of use for good.

    That includes the builds that derive from this one. It cannot be undone, and does not ask
    for confirmation.
    """
    from buildstate_cli.interventions import actions

    actions.revoke(ctx.obj, output, build, state=state, lane=lane, name=name, reason=reason)


def adopt(
    ctx: typer.Context,
    build: BuildRef,
    state: StateArgument,
    what: Annotated[
        str,
        typer.Argument(
            metavar="[NAME=]PATH_OR_URI",
            help="A file or folder here, which is uploaded; a URI; or with --handle an id.",
        ),
    ],
    reason: Reason,
    *,
    lane: Lane = TRUNK,
    handle: Annotated[
        str | None,
        typer.Option(
            "--handle",
            metavar="KIND",
            help="It is the id of something that is not bytes: ami, ebs-snapshot, …",
        ),
    ] = None,
    checksum: Annotated[
        str | None,
        typer.Option(
            "--checksum",
            metavar="sha256:HEX",
            help="Of a URI: its digest.  [default: unverified until the first pull]",
        ),
    ] = None,
    size: Annotated[
        int | None, typer.Option("--size", min=0, help="Of a URI: its size in bytes.")
    ] = None,
    output: Output = Format.TABLE,
) -> None:
    """Record something that exists already as what a state of a build left."""
    from buildstate_cli.interventions import adopt as actions

    actions.adopt(
        ctx.obj,
        output,
        build,
        actions.Found(text=what, handle=handle, checksum=checksum, size_bytes=size),
        state=state,
        lane=lane,
        reason=reason,
    )


def cancel(
    ctx: typer.Context, build: BuildRef, reason: Reason, output: Output = Format.TABLE
) -> None:
    """Cancel a build; a worker that is busy with it stops at its next heartbeat."""
    from buildstate_cli.interventions import actions

    actions.cancel(ctx.obj, output, build, reason=reason)


def interventions(ctx: typer.Context, build: BuildRef, output: Output = Format.TABLE) -> None:
    """List what people decided about a build, oldest first: who, when and why."""
    from buildstate_cli.interventions import actions

    actions.list_all(ctx.obj, output, build)
