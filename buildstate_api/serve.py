"""Runs the service in this process: its database, its first key, its HTTP server, and their end."""

import asyncio
import contextlib
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Final

import uvicorn
from uvicorn.server import HANDLED_SIGNALS

from buildstate_api.app import create_app
from buildstate_api.data_folder import Running, postgres_folder, sole
from buildstate_api.database import Database
from buildstate_api.embedded import EmbeddedPostgres
from buildstate_api.keys.service import ensure_administrator
from buildstate_api.migrate import migrate
from buildstate_api.settings import PrefectSettings, ServerSettings
from buildstate_core.config import LocalConfig, read_config, write_profile
from buildstate_core.errors import BuildStateError, Conflict, InvalidInput

_log = logging.getLogger(__name__)

_WATCH_SECONDS: Final = 1.0
_SHUTDOWN_SECONDS: Final = 10
_ENDING: Final = (signal.SIGTERM, signal.SIGHUP)
"""What ends the service in good order, besides Ctrl-C."""


def serve(
    settings: LocalConfig,
    *,
    host: str,
    port: int,
    database_url: str | None,
    prefect: PrefectSettings | None = None,
    on_ready: Callable[[Running], None],
) -> None:
    """Run the service until a signal ends it.

    Args:
        settings: Where its data and the local profile are.
        host: The address to listen on.
        port: The port; 0 for any that is free.
        database_url: A PostgreSQL of one's own; `None` for the embedded one.
        prefect: The orchestrator that builds are resumed by, if there is one.
        on_ready: Called once it can be asked.

    Raises:
        Conflict: One runs on this data folder already, or the port is taken.
        Unreachable: The database cannot be reached.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(_ended_in_good_order())
        sock = stack.enter_context(contextlib.closing(_listening(host, port)))
        url = f"http://{_for_url(host)}:{sock.getsockname()[1]}"
        running = Running.here(url, is_embedded=database_url is None)
        stack.enter_context(sole(settings.data_dir, running))
        postgres = None
        if database_url is None:
            postgres = EmbeddedPostgres(postgres_folder(settings.data_dir))
            database_url = postgres.start()
            stack.callback(postgres.stop)
        migrate(database_url)
        asyncio.run(_settle_key(settings, url, database_url, is_embedded=running.is_embedded))
        if postgres is not None:
            stack.enter_context(_kept_running(postgres))
        config = uvicorn.Config(
            create_app(ServerSettings(database_url=database_url, prefect=prefect)),
            log_level="warning",
            ws="none",
            timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
        )
        _Server(config, lambda: on_ready(running)).run(sockets=[sock])


def prefect_at(api_url: str, *, api_key: str | None, ui_url: str | None) -> PrefectSettings:
    """Return where the orchestrator is; an empty text counts as not given.

    Raises:
        InvalidInput: It is no URL.
    """
    if not api_url.startswith(("http://", "https://")):
        raise InvalidInput(
            f'BLDST_PREFECT_API_URL is "{api_url}"; use a URL such as http://127.0.0.1:4200/api.',
            code="bad-prefect-url",
            field="--prefect-api-url",
        )
    return PrefectSettings(api_url=api_url, api_key=api_key or None, ui_url=ui_url or None)


class _Ended(BaseException):
    """A signal asked the service to end."""


@contextlib.contextmanager
def _ended_in_good_order() -> Iterator[None]:
    """Leave the block when a signal asks for that, so that all that was started is stopped.

    Uvicorn ends well when it gets the signal, but then sends it to this process once more.
    """

    def end(number: int, _: FrameType | None) -> None:
        signal.signal(number, signal.SIG_IGN)  # the end is on its way
        raise _Ended

    heard = [each for each in _ENDING if signal.getsignal(each) is not signal.SIG_IGN]
    before = {each: signal.signal(each, end) for each in heard}
    try:
        yield
    except _Ended:
        pass
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


class _Server(uvicorn.Server):
    """Uvicorn, saying when it can be asked."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle signals, except those that the caller ignores: uvicorn would handle them, too."""
        ignored = [each for each in HANDLED_SIGNALS if signal.getsignal(each) is signal.SIG_IGN]
        with super().capture_signals():
            for each in ignored:
                signal.signal(each, signal.SIG_IGN)
            yield


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named in full: only then does asyncio send small answers at once (TCP_NODELAY).
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise Conflict(
            f"Cannot listen on {host}:{port}: {error.strerror}.",
            code="port-taken",
            field="--port",
            hint="Does one run already? bldst server status. Otherwise choose another --port.",
        ) from error
    return sock


def _for_url(host: str) -> str:
    named = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - only compared
    return f"[{named}]" if ":" in named else named


async def _settle_key(
    settings: LocalConfig, url: str, database_url: str, *, is_embedded: bool
) -> None:
    """Make sure that the local profile has a key for this service, if it is ours to give.

    Whoever owns the embedded database may always have one. On a database of one's own only the
    very first start makes a key.
    """
    profile = read_config(settings.config_file).get("profiles", {}).get(settings.profile, {})
    known = profile.get("api_key") if is_embedded else None
    database = Database.connect(database_url, pool_size=1)
    try:
        async with database.transaction() as session:
            made = await ensure_administrator(session, known or ("" if is_embedded else None))
    finally:
        await database.close()
    if made or (known and profile.get("api_url") != url):
        write_profile(
            settings.config_file, settings.profile, api_url=url, api_key=made or known or ""
        )


@contextlib.contextmanager
def _kept_running(postgres: EmbeddedPostgres) -> Iterator[None]:
    """Start the embedded PostgreSQL again should it be killed."""
    stopped = threading.Event()

    def watch() -> None:
        while not stopped.wait(_WATCH_SECONDS):
            try:
                if not postgres.is_running():
                    _log.warning("PostgreSQL is gone; starting it again")
                    postgres.start()
            except BuildStateError as error:
                _log.error("PostgreSQL cannot be started: %s", error)

    thread = threading.Thread(target=watch, name="bldst-postgres-watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()
