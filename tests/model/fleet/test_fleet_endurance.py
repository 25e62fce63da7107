"""The same for as long as it takes to trust it."""

import pytest

from .counting import tell_many

pytestmark = [pytest.mark.endurance, pytest.mark.timeout(1800)]


@pytest.mark.parametrize("number", range(100, 104))
def test_what_several_machines_make_at_once_is_as_what_is_made_from_nothing(number: int) -> None:
    seen = tell_many(250, number=number)
    assert seen["a checkpoint was made otherwise"] * 3 >= seen["stories"]
