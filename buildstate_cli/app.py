"""All commands, put together."""

from typing import Annotated

import typer

from buildstate_cli.artifact import commands as artifact
from buildstate_cli.build import commands as build
from buildstate_cli.cache import commands as cache
from buildstate_cli.catalog import commands as catalog
from buildstate_cli.config import commands as config
from buildstate_cli.demo import commands as demo
from buildstate_cli.explain import commands as explain
from buildstate_cli.help import Group
from buildstate_cli.interventions import commands as interventions
from buildstate_cli.key import commands as key
from buildstate_cli.plan import commands as plan
from buildstate_cli.project import commands as project
from buildstate_cli.resume import commands as resume
from buildstate_cli.run import commands as run
from buildstate_cli.server import commands as server
from buildstate_cli.watch import commands as watch
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
interventions.register(app, build.commands)
