"""What is installed from the wheel is whole."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from support import Cluster

ROOT = Path(__file__).parents[1]
PACKAGES = (
    "buildstate_core",
    "buildstate_worker",
    "buildstate_api",
    "buildstate_flows",
    "buildstate_cli",
)


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    uv = Path(sys.executable).with_name("uv")
    subprocess.run([uv, "build", "--wheel", "--out-dir", folder, ROOT], check=True, timeout=240)
    (found,) = folder.glob("*.whl")
    return found


def test_the_wheel_has_every_package_typed_and_the_migrations(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {f"{package}/py.typed" for package in PACKAGES} <= names
    revisions = {path.name for path in (ROOT / "migrations/versions").glob("*.py")}
    assert {f"buildstate_api/migrations/versions/{name}" for name in revisions} <= names
    assert "buildstate_api/migrations/env.py" in names


def test_the_wheel_has_each_tracked_file_of_the_packages_and_no_other(wheel: Path) -> None:
    """Also those in folders named `build`, which many tools leave out unless told otherwise."""
    listed = subprocess.run(
        ["git", "ls-files", *PACKAGES, "migrations"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    tracked = set(listed.stdout.split())
    assert "buildstate_cli/build/commands.py" in tracked
    tracked.remove("buildstate_api/migrations")  # a link, which the wheel follows
    migrations = {name for name in tracked if name.startswith("migrations/")}
    expected = (tracked - migrations) | {f"buildstate_api/{name}" for name in migrations}
    packed = {
        name for name in zipfile.ZipFile(wheel).namelist() if name.partition("/")[0] in PACKAGES
    }
    assert packed == expected


def test_a_database_is_migrated_from_the_wheel_alone(
    wheel: Path, cluster: Cluster, tmp_path: Path
) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path / "installed")
    name = cluster.create_database("template0")
    script = "import sys; from buildstate_cli.main import main; sys.exit(main())"
    subprocess.run(
        [sys.executable, "-c", script, "server", "migrate", "--database-url", cluster.url(name)],
        cwd=tmp_path / "installed",
        check=True,
        timeout=120,
    )
    cluster.drop_database(name)
