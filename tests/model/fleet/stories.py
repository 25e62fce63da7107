"""Random stories of several machines that work on one build at once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from hypothesis import strategies as st

from buildstate_core.vocabulary import TRUNK, Kind

from ..pipelines import (
    LOOKS,
    Change,
    ForceFrom,
    Insert,
    Milestone,
    Pipeline,
    SetCode,
    SetInput,
    SetProject,
    TakeBack,
    Tamper,
)

END: Final = 100
"""A build is delivered when it has come this far."""

MOST_TURNS: Final = 4000
"""In how many turns everything has to have come to its end."""

_TRUNK_STATES: Final = (5, 10, 15, 20, 25, 30)
_LANE_STATES: Final = (50, 55, 60)
_LANES: Final = ("a", "b", "c", "d", "e", "f")


class Face(StrEnum):
    """How a machine goes through a pipeline."""

    SHELL = "shell"
    """Call after call of `bldst run`, with a workspace that is left when one is killed."""
    FLOW = "flow"
    """One process, in which all lanes go on at once. Its memory ends with it."""
    POOL = "pool"
    """The same, with async milestones: what waits for the service has two threads for all lanes."""


class What(StrEnum):
    """What may happen while machines are at work."""

    SWITCH = "switch"
    """Another machine, or another lane of it, goes on."""
    KILL = "kill"
    WIPE = "wipe"
    """It is killed, and its workspace is gone."""
    FREEZE = "freeze"
    THAW = "thaw"
    FAIL = "fail"
    """The next milestone that it works at fails."""
    NEST = "nest"
    """The next milestone that it works at asks for another one meanwhile."""
    WAIT = "wait"
    """Time passes, longer than a lease."""
    START = "start"
    """A machine that has stopped goes through the pipeline again."""
    CORRUPT = "corrupt"
    GONE = "gone"


@dataclass(frozen=True)
class Event:
    """Something that happens.

    Attributes:
        after: For how many turns nothing has happened before.
        which: What it happens to.
    """

    after: int
    what: What
    which: int


@dataclass(frozen=True)
class Round:
    """What happens before machines go through a pipeline, and while they do.

    Attributes:
        delays: After how many turns of others each begins.
        wiped: How many of them, from the first one on, begin with nothing.
        quantum: For how many turns one goes on until it is another one's turn.
    """

    changes: Sequence[Change] = ()
    events: Sequence[Event] = ()
    delays: Sequence[int] = ()
    wiped: int = 0
    quantum: int = MOST_TURNS


@dataclass(frozen=True)
class Story:
    """A pipeline, the machines that go through it, and what happens meanwhile.

    Attributes:
        is_matrix: Whether each machine takes its share of the lanes only.
    """

    pipeline: Pipeline
    machines: Sequence[Face]
    is_matrix: bool
    rounds: Sequence[Round]


_KINDS: Final = st.sampled_from(
    [Kind.STEP, Kind.CHECKPOINT, Kind.STEP, Kind.CHECKPOINT, Kind.EFFECT, Kind.GATE]
)
_WHICH: Final = st.integers(0, 23)
_CHANGES: Final = st.one_of(
    st.builds(SetCode, _WHICH, st.integers(0, 3)),
    st.builds(SetInput, _WHICH, st.integers(0, 1)),
    st.builds(SetProject, _WHICH, st.integers(0, 2)),
    st.builds(SetProject, _WHICH, st.integers(1, 2)),
    st.builds(Insert, _WHICH, _KINDS),
    st.builds(Tamper, _WHICH, st.sampled_from(["gone", "corrupt", "cut", "retired"])),
    st.builds(Tamper, _WHICH, st.sampled_from(["gone", "corrupt"])),
    st.builds(ForceFrom, _WHICH),
    st.builds(TakeBack, _WHICH),
)
_EVENTS: Final = st.builds(
    Event,
    st.integers(0, 9),
    st.sampled_from([*[What.SWITCH] * 3, *What, *[What.CORRUPT, What.GONE] * 3]),
    _WHICH,
)
_ROUNDS: Final = st.builds(
    Round,
    changes=st.lists(_CHANGES, max_size=3).map(tuple),
    events=st.lists(_EVENTS, min_size=3, max_size=20).map(tuple),
    delays=st.lists(st.integers(0, 30), min_size=4, max_size=4).map(tuple),
    wiped=st.integers(0, 4),
    quantum=st.sampled_from([MOST_TURNS, 2, 3, 4, 6, 9]),
)


@st.composite
def _milestones(draw: st.DrawFn, states: Sequence[int], *, least: int, most: int) -> Pipeline:
    """Give milestones of the trunk at some states."""
    some = st.lists(st.sampled_from(states), min_size=least, max_size=most, unique=True)
    return tuple(
        Milestone(
            state=state,
            kind=draw(_KINDS),
            is_tidy=draw(st.booleans()),
            is_from_scratch=draw(st.sampled_from([False] * 5 + [True])),
            is_unequal=draw(st.sampled_from([True, True, False])),
            leaves_a_value=draw(st.booleans()),
            look=draw(LOOKS),
            is_helped=draw(st.booleans()),
        )
        for state in sorted(draw(some))
    )


@st.composite
def stories(draw: st.DrawFn, *, max_rounds: int = 3) -> Story:
    """Return a story."""
    lanes = _LANES[: draw(st.sampled_from([0, 0, 1, 2, 6]))]
    pipeline = draw(_milestones(_TRUNK_STATES, least=3, most=5))
    ahead = draw(_milestones(_LANE_STATES, least=1, most=2)) if lanes else ()
    if draw(st.sampled_from([False] * 3 + [True])):
        ahead += (Milestone(state=END, kind=draw(_KINDS), is_unequal=draw(st.booleans())),)
    for lane in lanes or (TRUNK,):
        pipeline += tuple(replace(each, lane=lane) for each in ahead)
    return Story(
        pipeline=pipeline,
        machines=tuple(draw(st.lists(st.sampled_from(Face), min_size=2, max_size=4))),
        is_matrix=bool(lanes) and draw(st.booleans()),
        rounds=tuple(draw(st.lists(_ROUNDS, min_size=2, max_size=max_rounds))),
    )


def shown(story: Story) -> str:
    """Return a story as it can be read."""
    lines = [f"  {each}" for each in story.pipeline]
    lines.append(f"machines: {', '.join(story.machines)}, is_matrix={story.is_matrix}")
    for each in story.rounds:
        lines.append(f"round, wiped={each.wiped}, delays={each.delays}, quantum={each.quantum}")
        lines += [f"  {change}" for change in each.changes]
        lines += [
            f"  after {event.after} turns: {event.what} {event.which}" for event in each.events
        ]
    return "\n".join(lines)
