"""What several machines make at once is what one makes from nothing, whatever happens to them."""

from .counting import tell_many


def test_what_several_machines_make_at_once_is_as_what_is_made_from_nothing() -> None:
    seen = tell_many(120, number=1)
    assert seen["a checkpoint was made otherwise"] * 3 >= seen["stories"]
