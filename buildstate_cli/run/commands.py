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
from buildstate_core.vocabulary import TRUNK, CommandCode, Kind, Sensitivity


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
            help="A file or folder that the command makes, or a glob that matches one; repeatable.",
        ),
    ] = None,
    input_file: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            metavar="FILE",
            help="A file, a folder or a glob whose content decides whether it may be skipped;"
            " repeatable. Files that the command names count by themselves.",
        ),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(
            "--exclude",
            metavar="GLOB",
            help="Files that do not count, as in a .gitignore; repeatable. A .bldstignore in the"
            " working directory holds more.",
        ),
    ] = None,
    auto_input: Annotated[
        bool,
        typer.Option(
            "--auto-input/--no-auto-input",
            help="Whether files that the command names, and those that a known tool reads without"
            " being told, count.",
        ),
    ] = True,
    param: Annotated[
        list[str] | None,
        typer.Option(
            "--param",
            metavar="KEY=VALUE",
            help="A value that decides the same; repeatable. Only its digest is kept.",
        ),
    ] = None,
    param_env: Annotated[
        list[str] | None,
        typer.Option(
            "--param-env",
            metavar="NAME",
            help="A variable of the environment whose value decides the same; repeatable.",
        ),
    ] = None,
    tool: Annotated[
        list[str] | None,
        typer.Option(
            "--tool",
            metavar="LINE",
            help="A command that prints a tool's version, which decides the same; repeatable:"
            " --tool 'packer --version'.",
        ),
    ] = None,
    stdin: Annotated[
        bool,
        typer.Option(
            "--stdin",
            help="Read standard input to its end first: it decides the same. Without this a file"
            " counts, and a pipe is passed on and not compared.",
        ),
    ] = False,
    version: Annotated[
        str | None,
        typer.Option(
            "--version",
            metavar="TEXT",
            help="Stands for the words of the command, which are not compared then.",
        ),
    ] = None,
    code: Annotated[
        CommandCode,
        typer.Option(
            "--code",
            help="Whether the words of the command decide. Use ignore where they hold a build"
            " number or a secret.",
        ),
    ] = CommandCode.OWN,
    trace: Annotated[
        bool | None,
        typer.Option(
            "--trace/--no-trace",
            help="Whether what the command and all that it starts are seen to read decides the"
            " same, by strace.  [default: as the project says]",
            show_default=False,
        ),
    ] = None,
    max_age: Annotated[
        int | None,
        typer.Option(
            "--max-age",
            metavar="DAYS",
            min=0,
            max=36_500,
            help="Run it again if it was done longer ago: for what it takes from mirrors, branches"
            " and the like.",
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
    from buildstate_cli.run import actions
    from buildstate_cli.run.call import flags
    from buildstate_worker.storage_options import StorageOptions

    status: int = actions.run(
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
            counting=flags.Counting(
                excludes=exclude or [],
                finds_inputs=auto_input,
                environment=param_env or [],
                tools=tool or [],
                version=version,
                code=code,
                takes_stdin=stdin,
                trace=trace,
                max_age_days=max_age,
            ),
            storage_options=StorageOptions(
                storage=storage, compression=compress, sensitivity=sensitivity
            ),
        ),
    )
    return status
