import os
import signal
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from buildstate_api.embedded import EmbeddedPostgres, folders
from buildstate_core.errors import Unreachable

Start = Callable[[], subprocess.Popen[str]]
Until = Callable[[Callable[[], Any]], None]
Pid = Callable[[EmbeddedPostgres], int]
Write = Callable[[str, int], None]
Rows = Callable[[str], list[int]]


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    assert line, process.communicate()
    return line


def kill(server: EmbeddedPostgres, pid: int, until: Until) -> None:
    os.kill(pid, signal.SIGKILL)
    until(lambda: not server.is_running())


def test_committed_rows_survive_a_kill_of_the_server(
    server: EmbeddedPostgres, pid_of: Pid, until: Until, write_rows: Write, rows: Rows
) -> None:
    url = server.start()
    write_rows(url, 200)
    kill(server, pid_of(server), until)
    assert server.start() == url
    assert rows(url) == list(range(200))


def test_a_new_process_finds_the_server_of_one_that_was_killed(
    server: EmbeddedPostgres, start_elsewhere: Start, pid_of: Pid, write_rows: Write, rows: Rows
) -> None:
    starter = start_elsewhere()
    write_rows(first_line(starter), 3)
    pid = pid_of(server)
    starter.kill()
    starter.wait()
    assert rows(server.start()) == [0, 1, 2]
    assert pid_of(server) == pid


def test_the_server_holds_no_pipe_of_its_starter_and_outlives_its_ctrl_c(
    server: EmbeddedPostgres, start_elsewhere: Start, pid_of: Pid, rows: Rows, write_rows: Write
) -> None:
    starter = start_elsewhere()
    url = first_line(starter)
    write_rows(url, 1)
    pid = pid_of(server)
    os.killpg(starter.pid, signal.SIGINT)
    starter.communicate(timeout=30)  # reads to the end of its pipes
    assert starter.returncode != 0
    assert rows(url) == [0]
    assert pid_of(server) == pid


def test_two_starters_at_once_make_one_cluster(
    server: EmbeddedPostgres, start_elsewhere: Start
) -> None:
    starters = [start_elsewhere() for _ in range(3)]
    urls = {first_line(starter) for starter in starters}
    assert len(urls) == 1
    assert server._log_file.read_text().count("starting PostgreSQL") == 1
    assert sorted(path.name for path in server._data_dir.iterdir()) == [
        "postgres",
        "postgres.lock",
    ]
    with psycopg.connect(urls.pop()) as connection:
        assert connection.info.dbname == "buildstate"


def test_a_starter_killed_while_it_makes_the_cluster_leaves_no_half_of_one(
    server: EmbeddedPostgres, start_elsewhere: Start, until: Until, write_rows: Write, rows: Rows
) -> None:
    starter = start_elsewhere()
    until(lambda: list(server._data_dir.glob("postgres.init-*/base")))
    starter.kill()
    starter.wait()
    assert not server._folder.exists()
    url = server.start()
    write_rows(url, 1)
    assert rows(url) == [0]


def test_it_waits_until_the_last_process_of_a_killed_server_has_ended(
    server: EmbeddedPostgres, stranger: int, pid_of: Pid, until: Until
) -> None:
    connection = psycopg.connect(server.start())
    backend = connection.info.backend_pid
    os.kill(backend, signal.SIGSTOP)
    try:
        kill(server, pid_of(server), until)
        # Even where postmaster.pid had to go, PostgreSQL must not start beside the old process.
        pretend(server._folder, stranger)
        with ThreadPoolExecutor() as pool:
            starting = pool.submit(server.start)
            until(lambda: server._log_file.read_text().count("is still in use") > 1)
            os.kill(backend, signal.SIGKILL)
            url = starting.result(timeout=60)
    finally:
        with suppress(ProcessLookupError):
            os.kill(backend, signal.SIGKILL)
        connection.close()
    with psycopg.connect(url) as again:
        assert again.info.backend_pid != backend


def test_a_process_that_never_ends_is_told_of_after_the_deadline(
    server: EmbeddedPostgres, pid_of: Pid, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = psycopg.connect(server.start())
    backend = connection.info.backend_pid
    os.kill(backend, signal.SIGSTOP)
    try:
        kill(server, pid_of(server), until)
        with monkeypatch.context() as patch:
            patch.setattr("buildstate_api.embedded.server._START_SECONDS", 1)
            with pytest.raises(Unreachable, match="is still in use"):
                server.start()
    finally:
        os.kill(backend, signal.SIGKILL)
        connection.close()
    assert server.start()


def pretend(folder: Path, pid: int) -> None:
    """Put another process's number where the dead server's was."""
    for name in ("postmaster.pid", f"{folders.SOCKET_NAME}.lock"):
        left = folder / name
        lines = left.read_text().splitlines()
        left.write_text("\n".join([str(pid), *lines[1:]]) + "\n")


def test_a_reused_process_number_is_not_taken_for_the_server(
    server: EmbeddedPostgres, stranger: int, pid_of: Pid, until: Until
) -> None:
    kill(server, pid_of(server), until)
    pretend(server._folder, stranger)
    assert not server.is_running()
    server.stop()
    os.kill(stranger, 0)
    server.start()
    assert pid_of(server) != stranger
    os.kill(stranger, 0)


def test_files_emptied_by_a_power_cut_do_not_stop_it(
    server: EmbeddedPostgres, pid_of: Pid, until: Until
) -> None:
    server.start()
    kill(server, pid_of(server), until)
    for name in ("postmaster.pid", f"{folders.SOCKET_NAME}.lock"):
        (server._folder / name).write_text("")
    with psycopg.connect(server.start()) as connection:
        assert connection.info.dbname == "buildstate"
