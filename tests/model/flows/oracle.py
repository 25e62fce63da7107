"""What each image is, and what has to run: known from the project alone, as its author knows it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .pipelines import Flow, Milestone


@dataclass(frozen=True)
class Made:
    """What a milestone makes of what.

    Attributes:
        before: The image before it.
        parts: What it adds.
    """

    before: str
    parts: tuple[str, ...]

    @property
    def after(self) -> str:
        return "\n".join([*([self.before] if self.before else []), *self.parts])


def made_from_nothing(flow: Flow) -> Mapping[int, Made]:
    """Return what each milestone makes, by its state."""
    found: dict[int, Made] = {}
    image = ""
    for each in flow.milestones:
        parts = (f"{each.state} code {each.code}", *_shown(each, flow))
        found[each.state] = Made(image, parts)
        image = found[each.state].after
    return found


def delivered(flow: Flow) -> str:
    """Return the image that the flow delivers."""
    return made_from_nothing(flow)[flow.milestones[-1].state].after


def has_to_run(flow: Flow, done: Mapping[int, Made]) -> Sequence[int]:
    """Return the states that have to run, in order: what they would make is not what was made.

    Args:
        flow: As it is now.
        done: What the newest try at each state has made, if it ended well.
    """
    return [state for state, made in made_from_nothing(flow).items() if done.get(state) != made]


def _shown(milestone: Milestone, flow: Flow) -> Sequence[str]:
    return [each.shown(flow.numbers) for each in milestone.ways]
