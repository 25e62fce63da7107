"""`bldst run`: makes one step of any pipeline resumable."""

from typing import Annotated

import typer

from buildstate_cli.help import Command, Panel
from buildstate_cli.options import (
    ArtifactSensitivity,
    BuildRef,
    Compress,
    Format,
    Lane,
    State,
    StorageOverride,
)
from buildstate_core.vocabulary import TRUNK, Kind, Sensitivity


def register(root: typer.Typer) -> None:
    """Add the command to `bldst`."""
    root.command("run", cls=Command, rich_help_panel=Panel.BUILDS)(run)


def run(
    ctx: typer.Context,
    build: BuildRef,
    command: Annotated[
        list[str] | None,
        typer.Argument(metavar="-- COMMAND...", help="What to run, and its arguments."),
    ] = None,
    *,
    state: State,
    lane: Lane = TRUNK,
    artifact: Annotated[
        list[str] | None,
        typer.Option(
            "--artifact",
            metavar="[NAME=]PATH",
            help="A file or folder that the command makes; repeatable.",
        ),
    ] = None,
    input_file: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            metavar="FILE",
            help="A file or folder whose content decides whether it may be skipped; repeatable.",
        ),
    ] = None,
    param: Annotated[
        list[str] | None,
        typer.Option(
            "--param",
            metavar="KEY=VALUE",
            help="A value that decides the same; repeatable. Only its digest is kept.",
        ),
    ] = None,
    restore: Annotated[
        list[str] | None,
        typer.Option(
            "--restore",
            metavar="STATE[:NAME][=PATH]",
            help="What the command needs of an earlier state; repeatable.  [default: all of the"
            " checkpoint before it, each where it was made]",
        ),
    ] = None,
    storage: StorageOverride = None,
    compress: Compress = None,
    sensitivity: ArtifactSensitivity = Sensitivity.INTERNAL,
    kind: Annotated[
        Kind | None,
        typer.Option(
            "--kind",
            help="What it does.  [default: effect with --probe, checkpoint with --artifact, else"
            " step]",
        ),
    ] = None,
    probe: Annotated[
        str | None,
        typer.Option(
            "--probe",
            metavar="LINE",
            help="A shell command line that looks whether what it did still holds, before it is"
            " skipped. Ends with 0: it does; 1: it is gone, and is run again; anything else, or"
            " after 60 seconds: nobody can tell, and nothing is run.",
        ),
    ] = None,
    lease: Annotated[
        int | None,
        typer.Option(
            "--lease",
            min=1,
            max=86400,
            help="Seconds after which others may take over if this process stops answering."
            "  [default: BLDST_LEASE_SECONDS, then 60]",
        ),
    ] = None,
    wait: Annotated[
        float | None,
        typer.Option(
            "--wait",
            min=0,
            help="Seconds to wait for another worker that has it; 0: not at all, and exit with 7."
            "  [default: as long as it works]",
        ),
    ] = None,
    grace: Annotated[
        float,
        typer.Option(
            "--grace",
            min=0,
            max=86400,
            metavar="SECONDS",
            help="Seconds that the command has to end after a signal was passed on to it. Then it"
            " and all that it has started are terminated, and killed after as long again, 10"
            " seconds at most.",
        ),
    ] = 30.0,
    output: Annotated[
        Format,
        typer.Option(
            "--output",
            "-o",
            help="With json or yaml: print the attempt on stdout, or what kept it from being made,"
            " with a field error; and all that the command prints on stderr.",
        ),
    ] = Format.TABLE,
) -> int:
    """Run a command as one state of a build, or skip it if that state is done.

    What an earlier state made is put into the working directory first. What the command made is
    uploaded and recorded with its success. The command's own exit code is passed on. Scripts tell
    it from those of bldst by --output json: it is the command's if an attempt is printed.

    It sees BLDST_BUILD_ID, BLDST_STATE, BLDST_LANE, BLDST_ATTEMPT; BLDST_RESTORED, the restored
    paths, one per line; and BLDST_RESTORE_URI, the URIs of what only it can restore. A probe sees
    BLDST_ARTIFACT_URIS, the URIs of what was left, one per line; BLDST_ARTIFACT_URI if it is one.

    If an earlier state has to run on this machine first, and was called in this directory, it is
    called again with the words and options of that call, and the environment of this one.
    """
    from buildstate_cli.run import actions, flags
    from buildstate_worker.storage_options import StorageOptions

    code: int = actions.run(
        ctx.obj,
        output,
        build,
        command or [],
        flags.RunFlags(
            state=state,
            lane=lane,
            kind=kind,
            artifacts=artifact or [],
            inputs=input_file or [],
            params=param or [],
            restores=restore or [],
            probe=probe,
            lease_seconds=lease,
            wait_seconds=wait,
            grace_seconds=grace,
            storage_options=StorageOptions(
                storage=storage, compression=compress, sensitivity=sensitivity
            ),
        ),
    )
    return code
