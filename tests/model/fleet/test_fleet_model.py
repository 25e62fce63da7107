"""A build that several machines work on at once, whatever happens to them, is as one from nothing."""

from collections import Counter
from typing import Final

from hypothesis import given, note, settings

from .stories import Story, shown, stories
from .telling import tell

SOME: Final = settings(deadline=None, derandomize=True, database=None, max_examples=120, report_multiple_bugs=False)


@SOME
@given(story=stories())
def test_what_several_machines_make_at_once_is_as_what_is_made_from_nothing(story: Story) -> None:
    note(shown(story))
    tell(story)
