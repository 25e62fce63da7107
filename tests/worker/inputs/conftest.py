"""Checkouts of a project, each on a machine of its own."""

from collections.abc import Callable
from pathlib import Path

import pytest

from .checkouts import Folder


@pytest.fixture
def make_folder(tmp_path: Path) -> Callable[..., Folder]:
    """Make a checkout below a folder of that name."""
    return lambda name="one", **fields: Folder(tmp_path / name / "project", **fields)


@pytest.fixture
def folder(make_folder: Callable[..., Folder]) -> Folder:
    return make_folder()
