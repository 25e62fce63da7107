"""Tells many stories, and counts how often there was something in them."""

from collections import Counter, defaultdict
from collections.abc import Mapping

from hypothesis import given, note, seed, settings

from ..oracle import Key
from .service import FleetTry
from .stories import Story, shown, stories
from .telling import Telling


def tell_many(count: int, *, number: int) -> Mapping[str, int]:
    """Tell stories.

    Args:
        count: How many.
        number: Which ones: they are the same each time.

    Raises:
        AssertionError: One did not end well.
    """
    seen: Counter[str] = Counter()

    @seed(number)
    @settings(deadline=None, database=None, max_examples=count, report_multiple_bugs=False)
    @given(story=stories())
    def ends_well(story: Story) -> None:
        note(shown(story))
        telling = Telling(story)
        telling.tell()
        seen["stories"] += 1
        seen["a checkpoint was made otherwise"] += _is_any_made_otherwise(telling)

    ends_well()
    return seen


def _is_any_made_otherwise(telling: Telling) -> bool:
    made: dict[Key, set[str]] = defaultdict(set)
    for each in telling.world.tries:
        if isinstance(each, FleetTry) and each.artifact is not None:
            made[each.milestone.key].add(each.after)
    return any(len(each) > 1 for each in made.values())
