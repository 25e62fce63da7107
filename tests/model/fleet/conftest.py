"""The long run is only made by whoever asks for it, by its mark or its file."""

from pathlib import Path
from typing import Final

import pytest

_LONG: Final = "endurance"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    is_asked_for = _LONG in config.option.markexpr or any(_LONG in each for each in config.args)
    if is_asked_for:
        return
    here = Path(__file__).parent
    left_out = [
        each for each in items if each.get_closest_marker(_LONG) and here in each.path.parents
    ]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [each for each in items if each not in left_out]
