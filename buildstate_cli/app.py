"""All commands, put together."""

from typing import Annotated

import typer

from buildstate_cli.commands import (
    artifact,
    build,
    cache,
    catalog,
    config,
    decide,
    demo,
    derive,
    explain,
    key,
    plan,
    project,
    report,
    resume,
    run,
    server,
    watch,
)
from buildstate_cli.helping import Group
from buildstate_core import __version__

app = typer.Typer(
    name="bldst",
    cls=Group,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=(
        "Exit codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 conflict or refused, 5 not allowed,"
        " 6 service unreachable, 7 held by another worker."
    ),
)


def _print_version(is_wanted: bool) -> None:  # noqa: FBT001 - typer's callbacks are called so
    if is_wanted:
        typer.echo(f"bldst {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Follow machine image builds from state 0 to 100, and resume them where they stopped."""


for each in (
    build,
    run,
    watch,
    resume,
    plan,
    explain,
    artifact,
    project,
    catalog,
    server,
    key,
    config,
    cache,
    demo,
):
    each.register(app)
report.register(build.commands)
derive.register(build.commands)
decide.register(app, build.commands)
