"""Runs that take minutes, which are only made by whoever asks for them: by their mark or file."""

from pathlib import Path
from typing import Final

import pytest

_LONG: Final = "endurance"


def leave_out_long_runs(config: pytest.Config, items: list[pytest.Item], folder: Path) -> None:
    """Deselect the long runs of a folder, unless they were asked for."""
    if _LONG in config.option.markexpr or any(_LONG in each for each in config.args):
        return
    left_out = [
        each for each in items if each.get_closest_marker(_LONG) and folder in each.path.parents
    ]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [each for each in items if each not in left_out]
