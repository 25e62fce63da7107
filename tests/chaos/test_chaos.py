"""Builds that are delivered as they were written, whatever dies, freezes or goes away meanwhile."""

import pytest

from .conftest import TellHistory


@pytest.mark.parametrize("seed", range(1, 11))
def test_a_build_is_delivered_as_its_pipeline_says_whatever_happens(
    seed: int, tell_history: TellHistory
) -> None:
    tell_history(seed, is_short=True)
