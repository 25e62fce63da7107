"""A service that all rows share, and machines that run them."""

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from support import Service

from . import shells
from .projects import PROJECT, Trust


@pytest.fixture(scope="module")
def trust(module_service: Service, tmp_path_factory: pytest.TempPathFactory) -> Trust:
    module_service.make_project(PROJECT)
    return Trust(module_service, tmp_path_factory.mktemp("trust"))


@pytest.fixture
def shell(
    module_service: Service, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> Callable[[str], shells.Shell]:
    """Make machines of one build, by their names."""
    build = module_service.make_build(shells.PROJECT, key=uuid4().hex)

    def make(name: str) -> shells.Shell:
        return shells.Shell(module_service, build, tmp_path / name, capfd.readouterr)

    return make
