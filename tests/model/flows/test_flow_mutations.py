"""With what sees changes broken in one way or another, a story is found that ends badly."""

from dataclasses import replace
from typing import Final

import pytest

from .counting import tell_many
from .machines import Passes

MOST: Final = 12
"""In so many stories one is found; the number says which ones."""


@pytest.mark.parametrize(
    ("broken", "number"),
    [
        ("code: the function's own text alone", 1),
        ("code: no data", 5),
        ("reads: compared as unchanged", 4),
        ("reads: no listings", 4),
        ("reads: nothing absent", 0),
    ],
)
def test_what_lets_a_change_pass_is_found(made_passes: Passes, broken: str, number: int) -> None:
    with pytest.raises(AssertionError, match="had to run was skipped"):
        tell_many(MOST, replace(made_passes, broken=broken), number=number)


@pytest.mark.parametrize(
    ("broken", "number"), [("code: by its looks", 3), ("reads: compared as changed", 2)]
)
def test_what_has_something_run_that_need_not_is_found(
    made_passes: Passes, broken: str, number: int
) -> None:
    with pytest.raises(AssertionError, match="ran without need"):
        tell_many(MOST, replace(made_passes, broken=broken), number=number)
