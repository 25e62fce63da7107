"""Two machines with the same project, and the strace of this one."""

import os
import shutil
from pathlib import Path

import pytest

from buildstate_worker.reads.tracing import Strace, find_strace

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


@pytest.fixture(scope="session")
def strace() -> Strace:
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed: apt install strace")
    return find_strace(os.environ)
