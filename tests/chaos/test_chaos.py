"""Builds that are delivered as they were written, whatever dies, freezes or goes away meanwhile."""

from typing import Final

import pytest

from .conftest import TellHistory

SEEDS: Final = (1, 4, 17, 18, 20, 21, 22, 24, 25, 28)
"""Among them: every kind of milestone, most victims, two lanes, three workers, an S3 server."""


@pytest.mark.parametrize("seed", SEEDS)
def test_a_build_is_delivered_as_its_pipeline_says_whatever_happens(
    seed: int, tell_history: TellHistory
) -> None:
    tell_history(seed, is_short=True)
