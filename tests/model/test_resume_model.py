"""A build that is resumed, whatever happens to it, is the build that is made from nothing."""

from typing import Final

from hypothesis import given, note, settings

from .driver import FlowPass
from .memory import Memory, MemorySite
from .pipelines import Story, stories
from .telling import shown, tell

MANY: Final = settings(deadline=None, derandomize=True, database=None, max_examples=600)


@MANY
@given(story=stories())
def test_a_resumed_build_is_as_one_made_from_nothing_and_runs_only_what_it_needs(
    story: Story,
) -> None:
    note(shown(story))
    tell(story, Memory(), MemorySite)


@MANY
@given(story=stories())
def test_so_is_one_that_a_flow_resumes(story: Story) -> None:
    note(shown(story))
    tell(story, Memory(), MemorySite, FlowPass)
