"""A service that all rows share."""

import pytest
from support import Service

from .projects import PROJECT, Trust


@pytest.fixture(scope="module")
def trust(module_service: Service, tmp_path_factory: pytest.TempPathFactory) -> Trust:
    module_service.make_project(PROJECT)
    return Trust(module_service, tmp_path_factory.mktemp("trust"))
