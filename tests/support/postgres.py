"""One PostgreSQL, and as many fresh databases in it as there are tests."""

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg

from buildstate_api.database import Database
from buildstate_api.embedded import DATABASE, EmbeddedPostgres
from buildstate_api.embedded.postmaster import Postmaster
from buildstate_api.keys.service import create_key
from buildstate_api.migrate import migrate
from support.waiting import until


@contextmanager
def short_folder() -> Iterator[Path]:
    """A folder that others may pass through, with a path short enough for a socket."""
    folder = Path(tempfile.mkdtemp(prefix="bs-", dir="/tmp"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


class Cluster:
    """A running PostgreSQL with a migrated template, in which there is one API key.

    Attributes:
        key: The API key of every database made from the template.

    Args:
        folder: Where to put it.
        is_quick: Whether to leave out what is for power cuts; nothing is lost by a kill.
    """

    def __init__(self, folder: Path, *, is_quick: bool = False) -> None:
        self._folder = folder / "data" / "postgres"
        self._server = EmbeddedPostgres(self._folder)
        self.start()
        if is_quick:
            with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
                connection.execute("ALTER SYSTEM SET fsync = off")
                connection.execute("SELECT pg_reload_conf()")
        migrate(self._url)
        self.key = asyncio.run(_make_key(self._url))

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


async def _make_key(url: str) -> str:
    database = Database.connect(url)
    async with database.transaction() as session:
        key = await create_key(session, "tests")
    await database.close()
    return key.key
