"""The service on this machine: one per data folder, which keeps its data whatever happens."""

import fcntl
import json
import os
import signal
import socket
import stat
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psycopg
import pytest
import urllib3
from support import Cluster, short_folder, until
from support.machine import Ended, Machine, machines

from buildstate_api.data_folder import Running, end, running_on
from buildstate_api.embedded.postmaster import Postmaster

NOT_A_TRACEBACK = "Traceback"


@pytest.fixture
def make_machine() -> Iterator[Any]:
    """Machines whose data folders the user that PostgreSQL runs as can reach."""
    made: list[Machine] = []
    with short_folder() as folder, machines(folder, {}) as make:

        def remembered(name: str, **environ: str) -> Machine:
            made.append(make(name, **environ))
            return made[-1]

        yield remembered
        for each in made:
            data_dir = Path(each.environ["BLDST_DATA_DIR"])
            if (data_dir / "server.lock").exists() or (data_dir / "postgres").exists():
                assert each.bldst("server", "stop").code == 0


@pytest.fixture
def machine(make_machine: Any) -> Machine:
    machine: Machine = make_machine("a")
    return machine


@pytest.fixture
def empty_database(cluster: Cluster) -> Iterator[str]:
    name = cluster.create_database("template0")
    yield cluster.url(name)
    cluster.drop_database(name)


def start(machine: Machine, *flags: str) -> Ended:
    return machine.bldst("server", "start", "--background", "--output", "json", *flags)


def profile(machine: Machine) -> dict[str, str]:
    config = tomllib.loads(config_file(machine).read_text())
    found: dict[str, str] = config["profiles"]["local"]
    return found


def config_file(machine: Machine) -> Path:
    return Path(machine.environ["BLDST_CONFIG_DIR"]) / "config.toml"


def postgres(machine: Machine) -> Postmaster | None:
    found = Postmaster.find(Path(machine.environ["BLDST_DATA_DIR"]) / "postgres")
    return found if found is not None and found.is_alive() else None


def is_ready(url: str) -> bool:
    """Ask without a process for each look."""
    with suppress(urllib3.exceptions.HTTPError):
        return urllib3.request("GET", f"{url}/readyz", retries=False, timeout=5).status == 200
    return False


def test_a_newcomer_starts_it_uses_it_and_ends_it(machine: Machine, closed_url: str) -> None:
    # A service of the developer's own may be where one is by default.
    before = machine.bldst("server", "status", "--output", "json", BLDST_API_URL=closed_url)
    assert (before.code, before.data["running"]) == (6, False)

    started = start(machine, "--port", "0")
    assert started.code == 0, started.err
    facts = started.data
    assert (facts["running"], facts["database"]) == (True, "embedded")

    # The key is in the profile, for its owner alone, and nothing else has to be said.
    assert stat.S_IMODE(config_file(machine).stat().st_mode) == 0o600
    assert profile(machine)["api_url"] == facts["url"]
    assert machine.bldst("project", "create", "rhel-base").code == 0
    assert profile(machine)["api_key"] not in machine.bldst("config", "show").out
    status = machine.bldst("server", "status", "--output", "json")
    assert (status.code, status.data["pid"]) == (0, facts["pid"])

    # A second one on this folder is refused, wherever it would listen.
    second = start(machine, "--port", "0")
    assert (second.code, second.out) == (4, "")
    assert f"at {facts['url']} (process {facts['pid']})" in second.err
    assert "bldst server stop" in second.err

    stopped = machine.bldst("server", "stop", "--output", "json")
    assert (stopped.code, stopped.data["running"]) == (0, False)
    assert postgres(machine) is None
    assert machine.bldst("project", "list").code == 6
    again = machine.bldst("server", "stop")
    assert (again.code, again.err) == (0, "Nothing was running.\n")

    # It keeps its data and its key.
    key = profile(machine)["api_key"]
    assert start(machine, "--port", "0").code == 0
    assert [each["name"] for each in machine.bldst("project", "list", "-o", "json").data] == [
        "rhel-base"
    ]
    assert profile(machine)["api_key"] == key


def test_a_killed_service_leaves_its_database_and_the_next_finds_it(machine: Machine) -> None:
    first = start(machine, "--port", "0").data
    assert machine.bldst("project", "create", "rhel-base").code == 0
    os.kill(first["pid"], signal.SIGKILL)
    until(lambda: not is_ready(first["url"]))
    until(lambda: running_on(Path(machine.environ["BLDST_DATA_DIR"])) is None)
    assert machine.bldst("server", "status").code == 6
    left = postgres(machine)
    assert left is not None

    second = start(machine, "--port", "0").data
    found = postgres(machine)
    assert (found and found.pid, second["pid"] != first["pid"]) == (left.pid, True)
    assert machine.bldst("project", "show", "rhel-base").code == 0

    # A PostgreSQL that is killed is started again.
    os.kill(left.pid, signal.SIGKILL)
    until(lambda: (now := postgres(machine)) is not None and now.pid != left.pid)
    until(lambda: is_ready(second["url"]))
    until(lambda: machine.bldst("project", "show", "rhel-base").code == 0)

    os.kill(second["pid"], signal.SIGKILL)
    until(lambda: not is_ready(second["url"]))
    until(lambda: running_on(Path(machine.environ["BLDST_DATA_DIR"])) is None)
    assert machine.bldst("server", "status").code == 6
    assert machine.bldst("server", "stop").code == 0
    assert postgres(machine) is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda each: each.name)
def test_a_signal_ends_it_and_its_database(number: signal.Signals, machine: Machine) -> None:
    running = machine.start("server", "start", "--port", "0")
    until(config_file(machine).exists)  # it says where
    until(lambda: is_ready(profile(machine)["api_url"]))
    until(lambda: machine.bldst("server", "status").code == 0)
    running.send(number)
    ended = running.end()
    assert NOT_A_TRACEBACK not in ended.err
    assert "Ctrl-C ends it." in ended.err
    assert ended.code == {signal.SIGTERM: 0, signal.SIGINT: 130}[number]
    assert postgres(machine) is None


def test_signals_that_the_caller_ignores_do_not_end_it(machine: Machine) -> None:
    """As after `nohup`, and after `&` in a script, where Ctrl-C is for the others."""
    running = machine.start_script("trap '' INT HUP; exec bldst server start --port 0")
    until(config_file(machine).exists)
    until(lambda: is_ready(profile(machine)["api_url"]))
    assert {signal.SIGINT, signal.SIGHUP} <= ignored_by(running.pid)
    running.send(signal.SIGINT)
    running.send(signal.SIGHUP)
    assert is_ready(profile(machine)["api_url"])
    running.send(signal.SIGTERM)
    assert running.end().code == 0
    assert postgres(machine) is None


def ignored_by(pid: int) -> set[int]:
    status = Path(f"/proc/{pid}/status").read_text()
    mask = int(status.partition("SigIgn:")[2].split()[0], 16)
    return {number for number in signal.valid_signals() if mask & 1 << number - 1}


def test_a_port_that_is_taken_is_refused_before_anything_is_made(machine: Machine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused = machine.bldst("server", "start", "--port", port)
    assert (refused.code, refused.out) == (4, "")
    assert f"Cannot listen on 127.0.0.1:{port}: Address already in use." in refused.err
    assert not Path(machine.environ["BLDST_DATA_DIR"]).exists()


def test_a_background_start_that_fails_says_why(machine: Machine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused = start(machine, "--port", port)
    assert (refused.code, refused.out) == (4, "")
    assert "Address already in use" in refused.err
    assert NOT_A_TRACEBACK not in refused.err


def test_a_host_that_is_none_is_refused(bldst: Callable[..., Any]) -> None:
    refused = bldst("server", "start", "--host", "no.such.host.invalid", "--port", "0")
    assert refused.code == 4
    assert "Cannot listen on no.such.host.invalid" in refused.err


def test_migrate_brings_the_embedded_database_up_to_date(machine: Machine) -> None:
    migrated = machine.bldst("server", "migrate", "--output", "json")
    assert (migrated.code, migrated.data) == (0, {"migrated": True})
    assert postgres(machine) is None


def test_a_database_of_one_s_own(empty_database: str, machine: Machine, make_machine: Any) -> None:
    assert machine.bldst("server", "migrate", "--database-url", empty_database).code == 0
    with psycopg.connect(empty_database) as connection:
        assert connection.execute("SELECT count(*) FROM api_keys").fetchone() == (0,)

    started = start(machine, "--port", "0", "--database-url", empty_database)
    assert (started.code, started.data["database"]) == (0, "external")
    assert empty_database not in Path(f"/proc/{started.data['pid']}/cmdline").read_text()
    assert machine.bldst("project", "create", "rhel-base").code == 0
    assert postgres(machine) is None

    # Whoever starts a second copy on it is not handed a key by that alone.
    other = make_machine("b")
    assert start(other, "--port", "0", "--database-url", empty_database).code == 0
    assert not config_file(other).exists()


def test_a_service_whose_database_is_gone_can_be_ended(machine: Machine, cluster: Cluster) -> None:
    name = cluster.create_database("template0")
    assert start(machine, "--port", "0", "--database-url", cluster.url(name)).code == 0
    cluster.drop_database(name)
    assert machine.bldst("server", "stop").code == 0


@pytest.mark.parametrize(
    ("url", "code", "said"),
    [
        pytest.param("mysql://me@db/x", 2, "BuildState runs on PostgreSQL only", id="mysql"),
        pytest.param("nonsense", 2, "BuildState runs on PostgreSQL only", id="nonsense"),
        pytest.param("postgresql://127.0.0.1:1/x", 6, "Connection refused", id="closed port"),
        pytest.param("postgresql://h:port/x", 2, "database URL", id="no port"),
        pytest.param("postgresql://no.such.host.invalid/x", 6, "no.such.host", id="no host"),
        pytest.param("postgresql:///x?host=/nowhere", 6, "/nowhere", id="no socket"),
        pytest.param("postgresql:///x?no_such_option=1", 6, "no_such_option", id="option"),
    ],
)
@pytest.mark.parametrize("command", ["start", "migrate"])
def test_a_database_that_is_none_is_told(
    command: str, url: str, code: int, said: str, bldst: Callable[..., Any]
) -> None:
    port = ("--port", "0") if command == "start" else ()
    told = bldst("server", command, *port, "--database-url", url)
    assert said in told.err
    assert NOT_A_TRACEBACK not in told.err
    assert "internal error" not in told.err
    assert told.code == code


def test_a_missing_database_is_told(bldst: Callable[..., Any], cluster: Cluster) -> None:
    told = bldst("server", "migrate", "--database-url", cluster.url("no_such"))
    assert told.code == 6
    assert 'database "no_such" does not exist' in told.err


def test_a_password_is_never_shown(machine: Machine, bldst: Callable[..., Any]) -> None:
    url = "postgresql://me:s3cret@127.0.0.1:1/x"
    for said in (
        bldst("server", "migrate", "--database-url", url),
        start(machine, "--port", "0", "--database-url", url),
    ):
        assert said.code != 0
        assert "s3cret" not in said.err + said.out


def test_its_lock_and_its_log_are_for_its_user_alone(machine: Machine) -> None:
    assert start(machine, "--port", "0").code == 0
    data_dir = Path(machine.environ["BLDST_DATA_DIR"])
    files = ("server.lock", "server.log")
    modes = {name: (data_dir / name).stat().st_mode & 0o777 for name in files}
    assert modes == {"server.lock": 0o600, "server.log": 0o600}


def test_a_process_that_got_the_number_of_an_ended_service_is_not_ended(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        try:
            recycled = Running("http://127.0.0.1:1", other.pid, is_embedded=True, started="1")
            assert not recycled.is_alive()
            end(recycled)
            lock = tmp_path / "server.lock"
            lock.write_text(json.dumps(asdict(recycled)))
            with lock.open() as held:
                fcntl.flock(held, fcntl.LOCK_SH)
                assert running_on(tmp_path) is None
            assert other.poll() is None
        finally:
            other.kill()
