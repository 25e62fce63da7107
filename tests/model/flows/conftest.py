"""A process that makes passes, which all stories share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support import Service
from support.long_runs import leave_out_long_runs

from .machines import PROJECT, Passes, passes


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    leave_out_long_runs(config, items, Path(__file__).parent)


@pytest.fixture(scope="module")
def made_passes(
    module_service: Service, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Passes]:
    module_service.make_project(PROJECT)
    with passes(module_service, tmp_path_factory.mktemp("flows")) as found:
        yield found
