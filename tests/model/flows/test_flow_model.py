"""What a real flow delivers is as made from nothing, whatever changes that nobody declares."""

from .counting import tell_many
from .machines import Passes


def test_what_a_flow_delivers_is_as_made_from_nothing_and_only_what_changed_runs(
    made_passes: Passes,
) -> None:
    reasons = tell_many(25, made_passes, number=1)
    assert "recipe_changed:code" in reasons
    assert len([each for each in reasons if each.startswith("discovered_changed:")]) > 2
