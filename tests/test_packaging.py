"""What is installed from the wheel is whole."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from support import Cluster

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    uv = Path(sys.executable).with_name("uv")
    subprocess.run([uv, "build", "--wheel", "--out-dir", folder, ROOT], check=True, timeout=240)
    (found,) = folder.glob("*.whl")
    return found


def test_the_wheel_has_every_package_typed_and_the_migrations(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    packages = (
        "buildstate_core",
        "buildstate_worker",
        "buildstate_api",
        "buildstate_flows",
        "buildstate_cli",
    )
    assert {f"{package}/py.typed" for package in packages} <= names
    revisions = {path.name for path in (ROOT / "migrations/versions").glob("*.py")}
    assert {f"buildstate_api/migrations/versions/{name}" for name in revisions} <= names
    assert "buildstate_api/migrations/env.py" in names


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
