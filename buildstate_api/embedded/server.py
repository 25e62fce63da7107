"""Start, find and stop the PostgreSQL of a data folder."""

import shlex
import time
from pathlib import Path
from typing import Final
from urllib.parse import quote

from buildstate_api.embedded.accounts import Account, account_for
from buildstate_api.embedded.folders import (
    exclusive,
    make_cluster,
    make_data_dir,
    refuse_shared,
    socket_folder,
)
from buildstate_api.embedded.installs import Install, find_install
from buildstate_api.embedded.postmaster import Postmaster, clear_remains
from buildstate_core.errors import InvalidInput, Unreachable

DATABASE: Final = "buildstate"
"""The database that is made in a new cluster."""

_START_SECONDS: Final = 120
_LOCK_SECONDS: Final = 180
_LOG_LINES: Final = 12

# On the command line, so that no file in the folder can open the server to the network.
_SETTINGS: Final = {
    "listen_addresses": "",
    "port": "5432",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
}

# What PostgreSQL says while the processes of a killed server are still ending, or when another
# one was quicker to start. Both pass.
_PASSING: Final = ("is still in use", "already exists")


class EmbeddedPostgres:
    """The PostgreSQL of one data folder. Nothing is made before `start`.

    Several processes may use one folder: the first starts the server, the others find it. It goes
    on when they end, until `stop`.

    Args:
        folder: The cluster's folder. Its parent takes a lock file, and for root, if need be, a
            copy of PostgreSQL's programs.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._data_dir = self._folder.parent
        self._lock_file = self._folder.with_name(f"{self._folder.name}.lock")
        self._log_file = self._folder / "server.log"

    def start(self) -> str:
        """Return the URL of a database that answers, for libpq, psycopg and SQLAlchemy.

        Makes the cluster and the database if they are missing, starts the server unless it runs,
        and waits for its recovery. Call it again whenever the server may have died.

        Raises:
            InvalidInput: The folder cannot be used, or PostgreSQL is not installed.
            Unreachable: The server did not start; the message has the end of its log.
        """
        if any(character in str(self._folder) for character in '"$`\\\n'):
            raise InvalidInput(
                f"The data folder {self._folder} has a quote, $, ` or \\ in its path, which"
                " PostgreSQL would hand to a shell.",
                code="data-dir-name",
                field="data_dir",
                hint="Set BLDST_DATA_DIR to a folder with a plainer name.",
            )
        try:
            account = account_for(self._folder)
            make_data_dir(self._data_dir, account)
            with exclusive(self._lock_file, seconds=_LOCK_SECONDS):
                return self._start(account)
        except OSError as error:
            raise InvalidInput(
                f"The data folder {self._data_dir} cannot be used: {error}.",
                code="data-dir-unusable",
                field="data_dir",
                hint="Set BLDST_DATA_DIR to a folder of your own.",
            ) from error

    def stop(self) -> None:
        """End the server in good order and wait for that; open transactions are rolled back.

        Raises:
            Unreachable: It did not end within two minutes.
        """
        if not self._folder.exists():
            return
        account = account_for(self._folder)
        with exclusive(self._lock_file, seconds=_LOCK_SECONDS):
            if not self.is_running():
                return
            stopped = self._pg_ctl(account, "stop", "-m", "fast")
            if self.is_running():
                raise Unreachable(
                    f"PostgreSQL on {self._folder} did not stop: {stopped}",
                    code="postgres-stop-failed",
                    hint=f"Its log is {self._log_file}.",
                )

    def is_running(self) -> bool:
        """Whether the server's process is there; it may still be starting or already ending."""
        postmaster = Postmaster.find(self._folder)
        return postmaster is not None and postmaster.is_alive()

    def _start(self, account: Account) -> str:
        if not (self._folder / "PG_VERSION").exists():
            make_cluster(self._folder, account, self._install(account))
        deadline = time.monotonic() + _START_SECONDS
        while (url := self._answering(account)) is None:
            if time.monotonic() > deadline:
                raise self._not_started(self._log_end(0), "does not answer")
            if self.is_running():
                time.sleep(0.02)
            else:
                self._launch(account)
        return url

    def _answering(self, account: Account) -> str | None:
        """Return the URL if the server answers, after making the database that it names."""
        import psycopg  # noqa: PLC0415 - only the process that serves needs it

        postmaster = Postmaster.find(self._folder)
        if postmaster is None or postmaster.socket_folder is None:
            return None
        if not postmaster.socket_folder.exists():
            return None
        # A file from before a reboot may name a folder that somebody else has made since.
        refuse_shared(postmaster.socket_folder, account)
        url = _url(postmaster.socket_folder, "postgres")
        try:
            with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
                query = "SELECT FROM pg_database WHERE datname = %s"
                if connection.execute(query, (DATABASE,)).fetchone() is None:
                    connection.execute(f"CREATE DATABASE {DATABASE}")
        except psycopg.OperationalError:
            return None
        return _url(postmaster.socket_folder, DATABASE)

    def _launch(self, account: Account) -> None:
        sockets = socket_folder(self._folder, account)
        clear_remains(self._folder, sockets)
        settings = {**_SETTINGS, "unix_socket_directories": f'"{sockets}"'}
        options = [word for item in settings.items() for word in ("-c", "=".join(item))]
        log_bytes = self._log_file.stat().st_size if self._log_file.exists() else 0
        said = self._pg_ctl(account, "start", "-l", str(self._log_file), "-o", shlex.join(options))
        if self.is_running():
            return
        log = self._log_end(log_bytes)
        if not any(passing in log for passing in _PASSING):
            raise self._not_started(log or said)
        time.sleep(0.2)

    def _pg_ctl(self, account: Account, action: str, *options: str) -> str:
        """Run `pg_ctl` until the server has done it, and return what it said."""
        program = self._install(account).bin_dir / "pg_ctl"
        wait = ("-w", "-t", str(_START_SECONDS))
        done = account.run(program, action, "-D", self._folder, *wait, *options)
        return f"{done.stdout}{done.stderr}".strip()

    def _install(self, account: Account) -> Install:
        version = self._folder / "PG_VERSION"
        major = int(version.read_text(encoding="utf-8")) if version.exists() else None
        install = find_install(major)
        if account.is_caller or install.usable_by(account):
            return install
        return install.copied_to(self._data_dir)

    def _log_end(self, start_bytes: int) -> str:
        if not self._log_file.exists():
            return ""
        with self._log_file.open("rb") as log:
            log.seek(start_bytes)
            lines = log.read().decode(errors="replace").splitlines()
        return "\n".join(lines[-_LOG_LINES:])

    def _not_started(self, log: str, what: str = "did not start") -> Unreachable:
        return Unreachable(
            f"PostgreSQL on {self._folder} {what}. It said:\n{log}\n",
            code="postgres-start-failed",
            hint=f"Its whole log is {self._log_file}.",
        )


def _url(sockets: Path, database: str) -> str:
    # With the port, since libpq would else take it from the environment.
    return f"postgresql://postgres@/{database}?host={quote(str(sockets), safe='')}&port=5432"
