"""What a program loads, seen in a process of its own: no more than it needs."""

import subprocess
import sys

import pytest

THIRD_PARTIES = {"fastapi", "sqlalchemy", "prefect", "boto3", "botocore", "fsspec"}

EVERY_MODULE = """
import importlib, pkgutil, buildstate_cli
for each in pkgutil.walk_packages(buildstate_cli.__path__, "buildstate_cli."):
    importlib.import_module(each.name)
"""


def loaded_by(script: str) -> set[str]:
    """Return the top-level packages that are loaded after a script."""
    done = subprocess.run(
        [sys.executable, "-c", f"{script}\nimport sys\nprint(*sys.modules)"],
        capture_output=True,
        check=True,
        text=True,
        timeout=120,
    )
    return {name.partition(".")[0] for name in done.stdout.split()}


@pytest.mark.parametrize("module", ["buildstate_api.serve", "buildstate_api.app"])
def test_the_service_loads_nothing_of_a_worker(module: str) -> None:
    loaded = loaded_by(f"import {module}")
    assert "buildstate_api" in loaded
    assert not loaded & {"buildstate_worker", "buildstate_flows", "buildstate_cli"}


def test_the_command_line_starts_without_the_service_and_the_vendors() -> None:
    loaded = loaded_by("import buildstate_cli.main")
    assert "buildstate_cli" in loaded
    assert not loaded & (THIRD_PARTIES | {"buildstate_api", "buildstate_flows"})


def test_no_module_of_the_command_line_loads_the_service_before_a_command_asks_for_it() -> None:
    loaded = loaded_by(EVERY_MODULE)
    assert "buildstate_worker" in loaded
    assert not loaded & (THIRD_PARTIES | {"buildstate_api", "buildstate_flows"})
