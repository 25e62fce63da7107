import os
import pwd
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

import buildstate_api
import buildstate_core
from buildstate_api.embedded import EmbeddedPostgres, accounts, installs
from buildstate_core.errors import InvalidInput

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="for root")

ORDINARY = """
import os, sys
from pathlib import Path
from buildstate_api.embedded import EmbeddedPostgres
import psycopg
os.umask(0)
server = EmbeddedPostgres(Path(sys.argv[1]))
with psycopg.connect(server.start()) as connection:
    connection.execute("CREATE TABLE t (n integer)")
    print(connection.info.host)
"""


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@as_root
def test_root_gives_the_cluster_to_the_system_user_and_nothing_else(
    server: EmbeddedPostgres, open_dir: Path
) -> None:
    server.start()
    assert server._folder.owner() == accounts.SYSTEM_USER
    assert (mode(server._folder), mode(server._data_dir), mode(open_dir)) == (0o700, 0o755, 0o711)
    assert server._data_dir.owner() == "root"
    assert pwd.getpwnam(accounts.SYSTEM_USER).pw_shell.endswith("nologin")


@as_root
def test_a_closed_home_is_refused_and_stays_closed(open_dir: Path) -> None:
    home = open_dir / "home"
    home.mkdir(mode=0o700)
    with pytest.raises(InvalidInput, match=f"cannot enter {home},") as refusal:
        EmbeddedPostgres(home / "data" / "postgres").start()
    assert "/var/lib/buildstate" in str(refusal.value)
    assert "BLDST_DATA_DIR" in str(refusal.value)
    assert mode(home) == 0o700
    assert not list(home.iterdir())


@as_root
def test_programs_in_a_closed_folder_are_copied_once_and_stay_closed(
    server: EmbeddedPostgres, open_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = open_dir / "closed"
    closed.mkdir(mode=0o700)
    real = installs.find_install()
    package = real.bin_dir.parent.parent
    for name in (package.name, f"{package.name}.libs"):
        (closed / name).symlink_to(package.with_name(name))
    hidden = installs.Install(closed / real.bin_dir.relative_to(package.parent), real.version)
    monkeypatch.setattr("buildstate_api.embedded.server.find_install", lambda _major: hidden)
    before = os.umask(0o077)
    try:
        server.start()
    finally:
        os.umask(before)
    copy = server._data_dir / f"pgsql-{real.version}"
    made_at = copy.stat().st_ctime_ns
    server.stop()
    with psycopg.connect(server.start()) as connection:
        row = connection.execute("SELECT setting FROM pg_config WHERE name = 'BINDIR'").fetchone()
    assert row is not None
    assert Path(row[0]).is_relative_to(copy)
    assert copy.stat().st_ctime_ns == made_at
    assert mode(closed) == 0o700


@as_root
def test_an_ordinary_user_runs_it_as_itself_and_root_can_attach_and_stop(
    open_dir: Path, make_server: Callable[[Path], EmbeddedPostgres]
) -> None:
    nobody = pwd.getpwnam("nobody")
    home = open_dir / "home"
    home.mkdir(mode=0o700)
    os.chown(home, nobody.pw_uid, nobody.pw_gid)
    folder = home / ".local" / "share" / "buildstate" / "postgres"
    server = make_server(folder)
    done = run_as(nobody, ORDINARY, folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(folder)
    assert done.stderr == ""
    assert folder.owner() == "nobody"
    assert (mode(folder), mode(folder.parent), mode(home)) == (0o700, 0o700, 0o700)
    with psycopg.connect(server.start()) as connection:
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (0,)
    server.stop()
    assert not server.is_running()
    server.start()
    assert folder.owner() == "nobody"


@as_root
def test_an_ordinary_user_is_told_whose_cluster_it_is(server: EmbeddedPostgres) -> None:
    server.start()
    done = run_as(pwd.getpwnam("nobody"), ORDINARY, server._folder)
    assert f"belongs to the user {accounts.SYSTEM_USER}" in done.stderr


def run_as(user: pwd.struct_passwd, code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run Python code as this user, with an interpreter that it can reach, or skip the test."""
    roots = {Path(module.__file__ or "").parents[1] for module in (buildstate_api, psycopg)}
    roots.add(Path(buildstate_core.__file__).parents[1])
    path = os.pathsep.join(map(str, roots))

    def run(python: str, source: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [python, "-W", "error", "-c", source, folder],
            user=user.pw_uid,
            group=user.pw_gid,
            extra_groups=[],
            cwd="/",
            env={"PYTHONPATH": path, "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    for python in (sys.executable, shutil.which(version, path="/usr/local/bin:/usr/bin")):
        try:
            if python and run(python, "import psycopg, platformdirs").returncode == 0:
                return run(python, code)
        except OSError:
            continue
    return pytest.skip("an ordinary user can reach no Python of this version")
