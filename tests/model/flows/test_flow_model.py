"""What a real flow delivers is as made from nothing, whatever changes that nobody declares."""

import pytest

from .counting import tell_many
from .machines import Passes


@pytest.mark.parametrize("number", [1, 2])
def test_what_a_flow_delivers_is_as_made_from_nothing_and_only_what_changed_runs(
    made_passes: Passes, number: int
) -> None:
    reasons = tell_many(9, made_passes, number=number)
    assert "recipe_changed:code" in reasons
    assert any(each.startswith("discovered_changed:") for each in reasons)
