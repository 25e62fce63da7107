"""`bldst server`: the service on this machine."""

from typing import Annotated

import typer

from buildstate_cli.help import Group, Panel
from buildstate_cli.options import Format, Output

commands = typer.Typer(cls=Group, help="Run the service on this machine.")

DatabaseUrl = Annotated[
    str | None,
    typer.Option(
        "--database-url",
        metavar="URL",
        envvar="BLDST_DATABASE_URL",
        show_envvar=True,
        help="A PostgreSQL of your own (postgresql://…).  [default: an embedded one]",
    ),
]
PrefectApiUrl = Annotated[
    str | None,
    typer.Option(
        "--prefect-api-url",
        metavar="URL",
        envvar="BLDST_PREFECT_API_URL",
        show_envvar=True,
        help="The Prefect that resumes builds (http://127.0.0.1:4200/api).  [default: none]",
    ),
]


def register(root: typer.Typer) -> None:
    """Add the commands to `bldst`."""
    root.add_typer(commands, name="server", rich_help_panel=Panel.SERVICE)


@commands.command()
def start(
    ctx: typer.Context,
    *,
    host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option(
            "--port",
            min=0,
            max=65535,
            envvar="BLDST_PORT",
            show_envvar=True,
            help="The port; 0: any that is free.",
        ),
    ] = 8642,
    database_url: DatabaseUrl = None,
    prefect_api_url: PrefectApiUrl = None,
    background: Annotated[
        bool,
        typer.Option(
            "--background", "-d", help="Return once the service runs, and leave it running."
        ),
    ] = False,
    output: Output = Format.TABLE,
) -> None:
    """Run the service, on an embedded PostgreSQL unless told otherwise; Ctrl-C ends it.

    The first start makes an administrator's key and puts it into the local profile. If Prefect
    needs a key, it is read from BLDST_PREFECT_API_KEY.
    """
    from buildstate_cli.server import actions

    begin = actions.start_in_background if background else actions.start
    begin(
        ctx.obj,
        output,
        actions.StartFlags(
            host=host, port=port, database_url=database_url, prefect_api_url=prefect_api_url
        ),
    )


@commands.command()
def stop(ctx: typer.Context, output: Output = Format.TABLE) -> None:
    """End the service that runs on this machine's data folder, and its PostgreSQL."""
    from buildstate_cli.server import actions

    actions.stop(ctx.obj, output)


@commands.command()
def status(ctx: typer.Context, output: Output = Format.TABLE) -> None:
    """Return whether the configured service can be reached, and what runs on this machine."""
    from buildstate_cli.server import actions

    actions.status(ctx.obj, output)


@commands.command()
def migrate(
    ctx: typer.Context, database_url: DatabaseUrl = None, output: Output = Format.TABLE
) -> None:
    """Bring a database to the schema of this release; `start` does this by itself."""
    from buildstate_cli.server import actions

    actions.migrate(ctx.obj, output, database_url)
