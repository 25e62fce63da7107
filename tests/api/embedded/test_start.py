import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy

from buildstate_api.embedded import EmbeddedPostgres, folders, installs
from buildstate_core.errors import InvalidInput, Unreachable

Ask = Callable[[str, str], Any]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_server_is_durable_and_closed_to_others(server: EmbeddedPostgres) -> None:
    wanted = {
        "fsync": "on",
        "full_page_writes": "on",
        "synchronous_commit": "on",
        "data_checksums": "on",
        "server_encoding": "UTF8",
        "TimeZone": "UTC",
        "listen_addresses": "",
        "max_connections": "100",
    }
    with psycopg.connect(server.start()) as connection:
        query = "SELECT name, setting FROM pg_settings WHERE name = ANY(%s)"
        assert dict(connection.execute(query, (list(wanted),)).fetchall()) == wanted
        assert connection.execute("SELECT lower('Ä')").fetchone() == ("ä",)
    assert mode(server._folder) == 0o700
    assert mode(server._folder / folders.SOCKET_NAME) == 0o700


def test_it_starts_again_after_a_stop_with_its_rows(
    server: EmbeddedPostgres,
    write_rows: Callable[[str, int], None],
    rows: Callable[[str], list[int]],
) -> None:
    write_rows(server.start(), 3)
    server.stop()
    assert not server.is_running()
    server.stop()
    assert rows(server.start()) == [0, 1, 2]


def test_stopping_what_never_ran_makes_nothing(server: EmbeddedPostgres) -> None:
    server.stop()
    assert not server.is_running()
    assert not server._data_dir.exists()


def test_the_url_does_not_depend_on_the_callers_environment(
    server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("PGPORT", "1"), ("PGHOST", "/nowhere"), ("PGDATA", "/nowhere")):
        monkeypatch.setenv(name, value)
    url = server.start().replace("postgresql://", "postgresql+psycopg://")
    engine = sqlalchemy.create_engine(url)
    with engine.connect() as connection:
        found = connection.scalar(sqlalchemy.text("SELECT current_database()"))
    engine.dispose()
    assert found == "buildstate"


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("a space, a comma; don't worry %20 & ü", id="odd"),
        pytest.param("/".join(["x" * 60] * 3), id="long"),
    ],
)
def test_a_path_that_no_socket_can_have_gets_a_private_folder(
    name: str, open_dir: Path, make_server: Callable[[Path], EmbeddedPostgres]
) -> None:
    folder = open_dir / name / "postgres"
    first, second = make_server(folder), make_server(folder)
    url = first.start()
    assert second.start() == url
    with psycopg.connect(url) as connection:
        sockets = Path(connection.info.host)
    assert sockets != folder
    assert mode(sockets) == 0o700
    assert sockets.stat().st_uid == folder.stat().st_uid


def test_a_path_with_a_space_and_a_quote_has_its_socket_inside(
    open_dir: Path, make_server: Callable[[Path], EmbeddedPostgres]
) -> None:
    folder = open_dir / "don't worry" / "postgres"
    with psycopg.connect(make_server(folder).start()) as connection:
        assert connection.info.host == str(folder)


def test_a_socket_folder_open_to_others_is_refused(
    open_dir: Path,
    make_server: Callable[[Path], EmbeddedPostgres],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = make_server(open_dir / ("x" * 100) / "postgres")
    monkeypatch.setattr(folders, "_runtime_folder", lambda _account: open_dir)
    server.start()
    server.stop()
    (sockets,) = open_dir.glob("buildstate-*")
    sockets.chmod(0o755)
    with pytest.raises(InvalidInput, match="open to others") as refusal:
        server.start()
    assert refusal.value.code == "socket-folder-unsafe"


def test_a_failed_start_shows_the_end_of_the_log(server: EmbeddedPostgres) -> None:
    server.start()
    server.stop()
    with (server._folder / "postgresql.conf").open("a") as config:
        config.write("no_such_setting = 1\n")
    with pytest.raises(Unreachable, match="no_such_setting") as failure:
        server.start()
    assert failure.value.code == "postgres-start-failed"


def test_a_folder_with_something_else_in_it_is_left_alone(server: EmbeddedPostgres) -> None:
    server._folder.mkdir(parents=True)
    server._folder.joinpath("thesis.txt").write_text("mine")
    with pytest.raises(InvalidInput, match="not a database"):
        server.start()
    assert [path.name for path in server._folder.iterdir()] == ["thesis.txt"]


def test_a_path_that_a_shell_would_read_is_refused(open_dir: Path) -> None:
    with pytest.raises(InvalidInput, match="shell"):
        EmbeddedPostgres(open_dir / "$(id)" / "postgres").start()
    assert not list(open_dir.iterdir())


def test_a_data_folder_that_cannot_be_made_is_named(open_dir: Path) -> None:
    open_dir.joinpath("file").touch()
    with pytest.raises(InvalidInput, match="cannot be used"):
        EmbeddedPostgres(open_dir / "file" / "data" / "postgres").start()


@pytest.mark.skipif(
    not any(map(installs._probe, installs._on_system())), reason="no PostgreSQL on this system"
)
def test_without_the_wheel_the_systems_postgres_serves_and_keeps_its_clusters(
    server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch, ask: Ask
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(installs, "_in_wheel", lambda: ())
        version = ask(server.start(), "SHOW server_version")
        server.stop()
    assert ask(server.start(), "SHOW server_version") == version


def test_without_any_postgres_the_error_says_what_to_install(
    server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installs, "_in_wheel", lambda: ())
    monkeypatch.setattr(installs, "_on_system", lambda: ())
    with pytest.raises(InvalidInput, match="pip install"):
        server.start()
    assert not server._folder.exists()


def test_a_cluster_of_a_version_that_is_not_installed_is_not_touched() -> None:
    with pytest.raises(InvalidInput, match="PostgreSQL 9, which made this database, is not"):
        installs.find_install(9)
