"""A build that is resumed, whatever happens to it, is the build that is made from nothing."""

from hypothesis import given, note, settings

from .memory import Memory, MemorySite
from .pipelines import Story, stories
from .telling import shown, tell

MANY = settings(deadline=None, derandomize=True, database=None, max_examples=800)


@MANY
@given(story=stories())
def test_a_resumed_build_is_as_one_made_from_nothing_and_runs_only_what_it_needs(
    story: Story,
) -> None:
    note(shown(story))
    tell(story, Memory(), MemorySite)
