"""The long run is only made by whoever asks for it, by its mark or its file."""

from pathlib import Path

import pytest
from support.long_runs import leave_out_long_runs


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    leave_out_long_runs(config, items, Path(__file__).parent)
