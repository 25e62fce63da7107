"""The same for as long as it takes to trust it."""

import pytest

from .counting import tell_many
from .machines import Passes

pytestmark = pytest.mark.endurance


@pytest.mark.parametrize("number", range(100, 110))
def test_what_a_flow_delivers_is_as_made_from_nothing_and_only_what_changed_runs(
    made_passes: Passes, number: int
) -> None:
    assert "recipe_changed:code" in tell_many(40, made_passes, number=number)
