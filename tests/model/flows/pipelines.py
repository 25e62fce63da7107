"""Random flows of a few milestones, and what happens to their project between two passes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, assert_never

from hypothesis import strategies as st

from .ways import CODE, FILES, WAYS, Way

_STATES: Final = (10, 25, 50, 75)


@dataclass(frozen=True)
class Milestone:
    """A function that makes an image of the one before.

    Attributes:
        ways: How it depends on things that it does not declare.
        code: The version of its own text.
    """

    state: int
    ways: tuple[Way, ...]
    code: int = 0


@dataclass(frozen=True)
class Flow:
    """A project with a flow in it, whose milestones are called in order.

    Attributes:
        numbers: What is in the project.
        looks: How it looks: nothing else comes of that.
    """

    milestones: tuple[Milestone, ...]
    numbers: Mapping[str, int] = field(default_factory=dict)
    looks: int = 0

    @property
    def names(self) -> Sequence[str]:
        """Name all that may change in any project, in a fixed order."""
        return list(dict.fromkeys(thing for way in WAYS for thing in way.things))

    @property
    def used(self) -> Sequence[str]:
        """Name what its milestones depend on."""
        own = (way.things for each in self.milestones for way in each.ways)
        return list(dict.fromkeys(thing for things in own for thing in things)) or self.names

    def number(self, name: str) -> int:
        return self.numbers.get(name, 0)


@dataclass(frozen=True)
class SetUsed:
    """Something changes that some milestone depends on, perhaps back to what it was."""

    which: int
    value: int


@dataclass(frozen=True)
class SetAny:
    """Something in the project changes, whoever depends on that."""

    which: int
    value: int


@dataclass(frozen=True)
class SetCode:
    """The text of a milestone changes."""

    which: int
    value: int


@dataclass(frozen=True)
class SetLooks:
    """Comments, docstrings, and what nobody uses or reads are changed, everywhere."""

    value: int


Change = SetUsed | SetAny | SetCode | SetLooks


@dataclass(frozen=True)
class Round:
    """What happens before a pass, and in it.

    Attributes:
        moves: Whether it is made on another machine.
        trouble: How the milestone fares that meets with trouble: it `fails`, or its process `dies`.
        which: The milestone that does.
    """

    changes: Sequence[Change] = ()
    moves: bool = True
    trouble: str | None = None
    which: int = 0


@dataclass(frozen=True)
class Story:
    """A flow, and what happens to it. At the end a pass without trouble is made elsewhere."""

    flow: Flow
    rounds: Sequence[Round]


def edited(flow: Flow, change: Change) -> Flow:
    """Return a project after a change."""
    match change:
        case SetUsed(which=which, value=value):
            return _with_number(flow, flow.used, which, value)
        case SetAny(which=which, value=value):
            return _with_number(flow, flow.names, which, value)
        case SetCode(which=which, value=value):
            at = which % len(flow.milestones)
            new = replace(flow.milestones[at], code=value)
            return replace(
                flow, milestones=(*flow.milestones[:at], new, *flow.milestones[at + 1 :])
            )
        case SetLooks(value=value):
            return replace(flow, looks=value)
        case _:
            assert_never(change)


def _with_number(flow: Flow, names: Sequence[str], which: int, value: int) -> Flow:
    return replace(flow, numbers={**flow.numbers, names[which % len(names)]: value})


_WHICH: Final = st.integers(0, 15)
_VALUE: Final = st.integers(0, 2)
_CHANGES: Final = st.one_of(
    st.builds(SetUsed, _WHICH, st.integers(1, 2)),
    st.builds(SetUsed, _WHICH, _VALUE),
    st.builds(SetAny, _WHICH, _VALUE),
    st.builds(SetCode, _WHICH, _VALUE),
    st.builds(SetLooks, _VALUE),
)
_ROUNDS: Final = st.builds(
    Round,
    changes=st.lists(_CHANGES, min_size=2, max_size=4).map(tuple),
    moves=st.booleans(),
    trouble=st.sampled_from([None, None, "fails", "dies"]),
    which=_WHICH,
)


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """Return a story."""
    states = draw(st.lists(st.sampled_from(_STATES), min_size=2, max_size=3, unique=True))
    way = st.sampled_from(CODE) | st.sampled_from(FILES)
    ways = st.lists(way, min_size=1, max_size=4, unique=True).map(tuple)
    milestones = tuple(Milestone(state, draw(ways)) for state in sorted(states))
    rounds = draw(st.lists(_ROUNDS, min_size=1, max_size=2))
    return Story(Flow(milestones), (Round(), *rounds))


def shown(story: Story) -> str:
    """Return a story as it can be read."""
    lines = [
        f"  {each.state}: {[w.expression for w in each.ways]}" for each in story.flow.milestones
    ]
    for each in story.rounds:
        lines.append(f"round, moves={each.moves}, trouble={each.trouble} at {each.which}")
        lines += [f"  {change}" for change in each.changes]
    return "\n".join(lines)
