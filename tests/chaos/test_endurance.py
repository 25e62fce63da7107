"""The same for as long as it takes to trust it."""

import pytest

from .conftest import TellHistory

pytestmark = pytest.mark.endurance


@pytest.mark.parametrize("seed", range(1001, 1061))
def test_a_build_is_delivered_as_its_pipeline_says_whatever_happens(
    seed: int, tell_history: TellHistory
) -> None:
    tell_history(seed, is_short=False)
