"""One PostgreSQL, and as many fresh databases in it as there are tests."""

import asyncio
import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
from psycopg.sql import SQL, Identifier

from buildstate_api.database import Database
from buildstate_api.embedded import DATABASE, EmbeddedPostgres
from buildstate_api.embedded.postmaster import Postmaster
from buildstate_api.keys.service import create_key
from buildstate_api.migrate import migrate
from support.guard import begin_run
from support.waiting import until


@contextmanager
def short_folder() -> Iterator[Path]:
    """A folder that others may pass through, with a path short enough for a socket."""
    folder = Path(tempfile.mkdtemp(prefix="", dir=begin_run().folder))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def migrated_cluster(folder: Path) -> Path:
    """Give what every `Cluster` begins with a copy of, made once for all processes.

    To make a cluster and to migrate it takes a second or two of CPU.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made = folder / "cluster"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            draft = folder / "draft"
            draft.mkdir(exist_ok=True)
            with short_folder() as first:
                _make(first / "data", draft / "key")
                _copy(first / "data", draft / "data")
            draft.rename(made)
    return made


def _make(data: Path, key_file: Path) -> None:
    server = EmbeddedPostgres(data / "postgres")
    url = server.start()
    try:
        migrate(url)
        key_file.write_text(asyncio.run(_make_key(url)))
    finally:
        server.stop()
    (data / "postgres" / "server.log").unlink()


def _copy(data: Path, to: Path) -> None:
    """Copy a data folder, whose files stay those of the user that the server runs as."""
    subprocess.run(["cp", "-a", "--reflink=auto", data, to], check=True)


class Cluster:
    """A running PostgreSQL with a migrated template, in which there is one API key.

    Attributes:
        key: The API key of every database made from the template.

    Args:
        folder: Where to put it.
        made: What it begins with, by `migrated_cluster`.
        is_quick: Whether to leave out what is for power cuts; nothing is lost by a kill.
    """

    def __init__(self, folder: Path, made: Path, *, is_quick: bool = False) -> None:
        _copy(made / "data", folder / "data")
        self.key = (made / "key").read_text()
        self._folder = folder / "data" / "postgres"
        self._server = EmbeddedPostgres(self._folder)
        self.start()
        if is_quick:
            with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
                connection.execute("ALTER SYSTEM SET fsync = off")
                connection.execute("SELECT pg_reload_conf()")

    def start(self) -> None:
        self._url = self._server.start()

    def stop(self) -> None:
        self._server.stop()

    def kill(self) -> None:
        """End it as a power cut would: nothing is asked to finish."""
        postmaster = Postmaster.find(self._folder)
        assert postmaster is not None
        os.kill(postmaster.pid, signal.SIGKILL)
        until(lambda: not self._server.is_running())

    def url(self, database: str) -> str:
        return self._url.replace(f"/{DATABASE}?", f"/{database}?")

    def create_database(self, template: str = DATABASE) -> str:
        """Make a database, and give its name."""
        name = f"t{uuid4().hex}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop_database(self, name: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


class Blank:
    """A database from the template that is made blank again while a service runs on it.

    That takes some milliseconds, and the service keeps what it has opened and compiled: a new
    database with a new service costs thirty times as much.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE SCHEMA template")
            # Parents first. That the service is alive and which migrations ran stays true.
            self._tables = [
                Identifier(name)
                for (name,) in connection.execute(
                    "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
                    " AND tablename NOT IN ('alembic_version', 'service_clock')"
                    " ORDER BY tablename <> 'builds', tablename"
                )
            ]
            # The one thing that the template has.
            connection.execute("CREATE TABLE template.api_keys AS TABLE api_keys")
            self._sequences = [
                Identifier(name)
                for (name,) in connection.execute(
                    "SELECT sequencename FROM pg_sequences WHERE schemaname = 'public'"
                )
            ]

    def restore(self) -> None:
        """Put everything back to how the template has it."""
        steps = [
            # All that changes a build locks it first: a sweep at work is waited for.
            SQL("LOCK TABLE builds IN EXCLUSIVE MODE"),
            # No foreign key needs an order, no trigger tells anybody.
            SQL("SET LOCAL session_replication_role = replica"),
            *(SQL("DELETE FROM {}").format(each) for each in self._tables),
            SQL("INSERT INTO api_keys TABLE template.api_keys"),
            *(SQL("ALTER SEQUENCE {} RESTART").format(each) for each in self._sequences),
            SQL("UPDATE service_clock SET last_seen_at = clock_timestamp()"),
        ]
        with psycopg.connect(self._url) as connection:
            connection.execute(SQL("; ").join(steps))


async def _make_key(url: str) -> str:
    database = Database.connect(url)
    async with database.transaction() as session:
        key = await create_key(session, "tests")
    await database.close()
    return key.key
