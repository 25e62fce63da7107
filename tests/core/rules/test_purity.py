"""The rules do no I/O: they cannot, since they import nothing that does."""

import json
import subprocess
import sys

import pytest

from buildstate_core import rules

LIST_MODULES = """
import json, pkgutil, sys
before = set(sys.modules)
import buildstate_core.rules
for each in pkgutil.iter_modules(buildstate_core.rules.__path__, "buildstate_core.rules."):
    __import__(each.name)
print(json.dumps(sorted(set(sys.modules) - before)))
"""


@pytest.fixture(scope="module")
def imported() -> list[str]:
    run = subprocess.run(
        [sys.executable, "-c", LIST_MODULES], check=True, capture_output=True, text=True
    )
    names: list[str] = json.loads(run.stdout)
    return names


def test_the_rules_import_the_standard_library_and_the_vocabulary_only(imported: list[str]) -> None:
    others = [
        name
        for name in imported
        if name.partition(".")[0] not in sys.stdlib_module_names
        and not name.startswith("buildstate_core.rules")
    ]
    assert others == ["buildstate_core", "buildstate_core.vocabulary"]


@pytest.mark.parametrize("module", ["asyncio", "socket", "subprocess", "sqlite3", "urllib.request"])
def test_the_rules_import_nothing_that_reaches_out(imported: list[str], module: str) -> None:
    assert module not in imported


def test_every_module_of_the_rules_was_looked_at(imported: list[str]) -> None:
    assert "buildstate_core.rules.plan" in imported
    assert rules.__doc__ is not None
