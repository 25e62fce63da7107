"""A process that makes passes, which all stories share."""

from collections.abc import Iterator

import pytest
from support import Service

from .machines import PROJECT, Passes, passes


@pytest.fixture(scope="module")
def made_passes(
    module_service: Service, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Passes]:
    module_service.make_project(PROJECT)
    with passes(module_service, tmp_path_factory.mktemp("flows")) as found:
        yield found
