"""Two machines with the same project."""

from pathlib import Path

import pytest

from .machines import Machine


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.chdir(tmp_path)  # so that it is put back
    return Machine(tmp_path / "one")


@pytest.fixture
def other(machine: Machine, tmp_path: Path) -> Machine:
    assert machine.folder.is_dir()
    return Machine(tmp_path / "two")


@pytest.fixture
def in_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.chdir(tmp_path)
    return Machine(tmp_path / "git", is_git=True)
