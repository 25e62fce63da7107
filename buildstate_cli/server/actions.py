"""Start, stop and migrate the service on this machine, and show its status.

The one place where the command line imports the service, and only when one of these is called.

- `BLDST_PREFECT_API_KEY`: for `bldst server`: the key for that Prefect. Default: none is sent.
- `BLDST_PREFECT_UI_URL`: for `bldst server`: where people see the runs of that Prefect. Default:
  where its API is, without `/api`.
"""

import gc
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from buildstate_cli import exit_codes
from buildstate_cli.options import Format
from buildstate_cli.output.messages import notice
from buildstate_cli.output.page import Fields, Page
from buildstate_cli.output.show import show
from buildstate_cli.server import process as service_process
from buildstate_cli.session import Session
from buildstate_cli.waiting import comes_true
from buildstate_core.errors import BuildStateError, Conflict, InvalidInput, Unreachable
from buildstate_worker.client import Client

if TYPE_CHECKING:
    from pydantic import JsonValue

    from buildstate_api.data_folder import Running

_SERVER_NEEDS: Final = ("uvicorn", "fastapi", "sqlalchemy", "psycopg", "alembic", "procrastinate")
_STOP_SECONDS: Final = 60.0
_MOST_LOG_BYTES: Final = 20 * 2**20
_POLL_SECONDS: Final = 0.1
_ERROR_OF_EXIT_CODE: Final[dict[int, type[BuildStateError]]] = {
    exit_codes.USAGE: InvalidInput,
    exit_codes.CONFLICT: Conflict,
    exit_codes.UNREACHABLE: Unreachable,
}
"""The error that made the service in the background end with an exit code."""


@dataclass(frozen=True, kw_only=True)
class StartFlags:
    """What was typed for `bldst server start`; `None` where nothing was.

    Attributes:
        port: 0 for any that is free.
    """

    host: str
    port: int
    database_url: str | None
    prefect_api_url: str | None


def start(session: Session, output: Format, flags: StartFlags) -> None:
    """Run the service in this process until a signal ends it."""

    def ready(running: "Running") -> None:
        notice(f"BuildState listens at {running.url}. Ctrl-C ends it.")
        if output is not Format.TABLE:
            show(_facts(running), output, _page)

    with _server_installed(), _loaded_to_stay():
        from buildstate_api.serve import prefect_at, serve  # noqa: PLC0415 - only here

    prefect = flags.prefect_api_url and prefect_at(
        flags.prefect_api_url,
        api_key=session.environ.get("BLDST_PREFECT_API_KEY"),
        ui_url=session.environ.get("BLDST_PREFECT_UI_URL"),
    )
    serve(
        session.settings,
        host=flags.host,
        port=flags.port,
        database_url=flags.database_url,
        prefect=prefect or None,
        on_ready=ready,
    )


def start_in_background(session: Session, output: Format, flags: StartFlags) -> None:
    """Start the service in a process of its own, and return once it answers.

    Raises:
        BuildStateError: It did not start; the message has what it said.
    """
    _refuse_without_server()
    from buildstate_api.data_folder import for_us_alone  # noqa: PLC0415 - only here

    data_dir = session.settings.data_dir
    data_dir.mkdir(parents=True, exist_ok=True)
    log = data_dir / "server.log"
    environ = dict(session.environ)
    if flags.database_url is not None:  # not on the command line, where everyone could read it
        environ["BLDST_DATABASE_URL"] = flags.database_url
    if flags.prefect_api_url is not None:
        environ["BLDST_PREFECT_API_URL"] = flags.prefect_api_url
    start = log.stat().st_size if log.exists() else 0
    _rotate(log)
    with open(log, "ab", opener=for_us_alone) as file:
        process = subprocess.Popen(  # noqa: S603 - ourselves
            service_process.command("--host", flags.host, "--port", str(flags.port)),
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=file,
            text=True,
            start_new_session=True,
            cwd="/",
        )
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    facts = service_process.ready_facts(process.stdout)
    if facts is None:
        error = _ERROR_OF_EXIT_CODE.get(process.wait(_STOP_SECONDS), BuildStateError)
        raise error(
            f"The service did not start: {_end_of_log(log, start)}",
            code="server-not-started",
            hint=f"Its log: {log}",
        )
    show(facts, output, _page)
    notice("It runs in the background. To end it: bldst server stop")


def stop(session: Session, output: Format) -> None:
    """End the service on this machine's data folder, and a PostgreSQL that it left behind."""
    from buildstate_api.data_folder import end, postgres_folder, running_on  # noqa: PLC0415 - only here
    from buildstate_api.embedded import EmbeddedPostgres  # noqa: PLC0415 - only here

    data_dir = session.settings.data_dir
    running = running_on(data_dir)
    if running is not None:
        end(running)
        if not comes_true(
            lambda: running_on(data_dir) is None,
            within_seconds=_STOP_SECONDS,
            poll_seconds=_POLL_SECONDS,
        ):
            raise BuildStateError(
                f"The service (process {running.pid}) does not end.",
                code="server-not-stopped",
                hint=f"To end it at once: kill -9 {running.pid}",
            )
    postgres = EmbeddedPostgres(postgres_folder(data_dir))
    if postgres.is_running():  # its service was killed
        postgres.stop()
    notice("Nothing was running." if running is None else f"Ended the service at {running.url}.")
    if output is not Format.TABLE:
        facts: dict[str, JsonValue] = {"running": False, "data_dir": str(data_dir)}
        show(facts, output, _page)


def status(session: Session, output: Format) -> None:
    """Print what answers at the configured URL, and what runs on this machine.

    Raises:
        Unreachable: Nothing answers; what is known is printed first.
    """
    settings = session.settings
    facts: dict[str, JsonValue] = {"url": settings.api_url, "running": False}
    problem: Unreachable | None = None
    try:
        with Client.of_worker(settings) as client:
            health = client.health()
        facts |= {"running": True, "version": health.version}
    except Unreachable as error:
        problem = error
    facts |= {"data_dir": str(settings.data_dir), **_local(settings.data_dir)}
    show(facts, output, _page)
    if problem is not None:
        raise problem


def migrate(session: Session, output: Format, database_url: str | None) -> None:
    """Bring a database to the schema of this release; the embedded one if none is named."""
    with _server_installed():
        from buildstate_api.data_folder import postgres_folder  # noqa: PLC0415 - only here
        from buildstate_api.embedded import EmbeddedPostgres  # noqa: PLC0415 - only here
        from buildstate_api.migrate import migrate as apply  # noqa: PLC0415 - only here

    if database_url is not None:
        apply(database_url)
    else:
        postgres = EmbeddedPostgres(postgres_folder(session.settings.data_dir))
        was_running = postgres.is_running()
        try:
            apply(postgres.start())
        finally:
            if not was_running:
                postgres.stop()
    notice("The database has the schema of this release.")
    if output is not Format.TABLE:
        facts: dict[str, JsonValue] = {"migrated": True}
        show(facts, output, _page)


@contextmanager
def _server_installed() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        raise _not_installed(error.name) from error


@contextmanager
def _loaded_to_stay() -> Iterator[None]:
    """Load modules without looking for garbage among them: a sixth of the time goes into that."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _refuse_without_server() -> None:
    """Find out before anything starts, without loading all of it here and once more there."""
    for name in _SERVER_NEEDS:
        if find_spec(name) is None:
            raise _not_installed(name)


def _not_installed(missing: str | None) -> InvalidInput:
    return InvalidInput(
        f"The service is not installed here: {missing} is missing.",
        code="server-not-installed",
        hint="Install it with: pip install 'buildstate[server]'",
    )


def _local(data_dir: Path) -> "dict[str, JsonValue]":
    from buildstate_api.data_folder import running_on  # noqa: PLC0415 - the service, and only here

    running = running_on(data_dir)
    return {} if running is None else {"pid": running.pid, "database": _database(running)}


def _facts(running: "Running") -> "dict[str, JsonValue]":
    return {
        "url": running.url,
        "running": True,
        "pid": running.pid,
        "database": _database(running),
    }


def _database(running: "Running") -> str:
    return "embedded" if running.is_embedded else "external"


def _page(facts: "dict[str, JsonValue]") -> Page:
    return [Fields([(name, _shown(value)) for name, value in facts.items()])]


def _shown(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _rotate(log: Path) -> None:
    """Set a log aside that has grown large; the one before it is given up."""
    with suppress(FileNotFoundError):
        if log.stat().st_size > _MOST_LOG_BYTES:
            log.replace(log.with_suffix(".log.1"))


def _end_of_log(log: Path, start: int) -> str:
    said = " ".join(log.read_bytes()[start:].decode(errors="replace").split())
    return said.removeprefix("bldst: ") or "it said nothing."
