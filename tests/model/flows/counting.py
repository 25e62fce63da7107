"""Tells many stories, and collects why anything ran in them."""

from collections.abc import Collection

from hypothesis import Phase, given, note, seed, settings

from .machines import Passes
from .pipelines import Story, shown, stories
from .telling import tell


def tell_many(count: int, passes: Passes, *, number: int) -> Collection[str]:
    """Tell stories; give all reasons for which anything ran.

    Args:
        count: How many.
        passes: What makes the passes.
        number: Which ones: they are the same each time.

    Raises:
        AssertionError: One did not end well.
    """
    reasons: set[str] = set()

    @seed(number)
    @settings(
        deadline=None,
        database=None,
        max_examples=count,
        report_multiple_bugs=False,
        # A story takes half a second: a shorter one that fails as well is not looked for.
        phases=[Phase.generate],
    )
    @given(story=stories())
    def ends_well(story: Story) -> None:
        note(shown(story))
        reasons.update(tell(story, passes).reasons)

    ends_well()
    return reasons
