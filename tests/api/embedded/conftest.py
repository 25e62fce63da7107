"""Folders that the server's user can enter, and servers that end with their test."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from support.guard import begin_run

import buildstate_api
from buildstate_api.embedded import EmbeddedPostgres
from buildstate_api.embedded.postmaster import Postmaster

STARTER = """
import sys
from pathlib import Path
from buildstate_api.embedded import EmbeddedPostgres
print(EmbeddedPostgres(Path(sys.argv[1])).start(), flush=True)
sys.stdin.read()
"""

Until = Callable[[Callable[[], Any]], None]
Server = Callable[..., EmbeddedPostgres]


def wait_until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it did not come true within 30 s"
        time.sleep(0.01)


@pytest.fixture
def until() -> Until:
    return wait_until


@pytest.fixture
def open_dir() -> Iterator[Path]:
    """A folder with a short path that others may pass through: root's tmp_path is closed."""
    folder = Path(tempfile.mkdtemp(prefix="", dir=begin_run().folder))
    folder.chmod(0o711)
    yield folder

    def is_gone() -> bool:  # at once, unless a killed starter's initdb still writes into it
        shutil.rmtree(folder, ignore_errors=True)
        return not folder.exists()

    wait_until(is_gone)


@pytest.fixture
def make_server(open_dir: Path) -> Iterator[Server]:
    made: list[EmbeddedPostgres] = []

    def make(folder: Path = open_dir / "data" / "postgres") -> EmbeddedPostgres:
        made.append(EmbeddedPostgres(folder))
        return made[-1]

    yield make
    for server in made:
        postmaster = Postmaster.find(server._folder)
        server.stop()
        elsewhere = postmaster.socket_folder if postmaster else None
        if elsewhere is not None and elsewhere != server._folder:
            shutil.rmtree(elsewhere, ignore_errors=True)


@pytest.fixture
def server(make_server: Server) -> EmbeddedPostgres:
    return make_server()


@pytest.fixture
def start_elsewhere(server: EmbeddedPostgres) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Start the server from another process, which then stays until its input ends."""
    processes: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", STARTER, server._folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            cwd=Path(buildstate_api.__file__).parents[1],
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture
def pid_of() -> Callable[[EmbeddedPostgres], int]:
    def pid(server: EmbeddedPostgres) -> int:
        postmaster = Postmaster.find(server._folder)
        assert postmaster is not None
        return postmaster.pid

    return pid


@pytest.fixture
def stranger(server: EmbeddedPostgres) -> Iterator[int]:
    """A program that is not PostgreSQL, of the user that the server runs as."""
    server.start()
    owner = server._folder.stat()
    user = owner.st_uid if os.geteuid() == 0 else None
    with subprocess.Popen(["sleep", "100"], user=user) as process:
        yield process.pid
        process.kill()


@pytest.fixture
def rows() -> Callable[[str], list[int]]:
    def read(url: str) -> list[int]:
        with psycopg.connect(url) as connection:
            return [row[0] for row in connection.execute("SELECT n FROM t ORDER BY n")]

    return read


@pytest.fixture
def write_rows() -> Callable[[str, int], None]:
    def write(url: str, count: int) -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE TABLE t (n integer)")
            for n in range(count):
                connection.execute("INSERT INTO t VALUES (%s)", (n,))

    return write


@pytest.fixture
def ask() -> Callable[[str, str], Any]:
    def ask(url: str, query: str) -> Any:
        with psycopg.connect(url) as connection:
            row = connection.execute(query).fetchone()
        return row[0] if row else None

    return ask
