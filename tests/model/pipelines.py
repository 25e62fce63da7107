"""Random pipelines, and what may happen to them between two passes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, assert_never

from hypothesis import strategies as st

from buildstate_core.vocabulary import TRUNK, Kind

from .project import Look, Project

_TRUNK_STATES: Final = (5, 10, 15, 20, 25, 30, 35)
_LANE_STATES: Final = (50, 55, 60, 65)
_LANES: Final = ("eu", "us")


_AS_IT_BEGINS: Final = Project()


@dataclass(frozen=True, kw_only=True)
class Milestone:
    """What the author of a pipeline writes down for one state of a lane.

    Attributes:
        code: The version of its code.
        input: What is in the file that it reads.
        is_tidy: Whether every other change of its code is one that what it makes does not show.
        is_from_scratch: Whether, if it is a checkpoint, it has nothing of the one before it.
        is_unequal: Whether, if it is a checkpoint, what it makes differs each time.
        leaves_a_value: Whether, if it is a step, it gives back a value beside what it does.
        look: What it looks at in the project without saying so.
        is_helped: Whether it calls the project's helper.
        project: The project, which it has in common with all others.
    """

    state: int
    lane: str = TRUNK
    kind: Kind
    code: int = 0
    input: int = 0
    is_tidy: bool = False
    is_from_scratch: bool = False
    is_unequal: bool = False
    leaves_a_value: bool = False
    look: Look = Look.NOTHING
    is_helped: bool = False
    project: Project = _AS_IT_BEGINS

    @property
    def key(self) -> tuple[str, int]:
        return self.lane, self.state

    @property
    def parts(self) -> Mapping[str, str]:
        """Its fingerprint, without what it builds on. No two states have the same code."""
        code = f"{self.state}.{self.code}.{self.helper}"
        return {"code": code, "input:playbook.yml": f"{self.input}"}

    @property
    def helper(self) -> int | None:
        """The version of the project's helper, if it calls that."""
        return self.project.helper if self.is_helped else None

    @property
    def reads(self) -> Mapping[str, str | None]:
        """What it sees in the project without saying so, by path; `None` for nothing there."""
        return self.project.seen_by(self.look)

    @property
    def ingredients(self) -> tuple[object, ...]:
        """All that goes into it beside what it builds on, as the one who wrote it knows."""
        return self.code, self.helper, self.input, self.reads

    @property
    def is_made_from_scratch(self) -> bool:
        return self.is_from_scratch and self.kind is Kind.CHECKPOINT

    @property
    def changes_the_machine(self) -> bool:
        return self.kind in {Kind.CHECKPOINT, Kind.STEP}

    def taken_from(self, machine: str) -> str:
        """Return what of a machine goes into it."""
        return "" if self.is_made_from_scratch else machine

    def stands_on(self, machine: str) -> str:
        """Return what of a machine may well go into it, as far as anybody can tell.

        What is made from scratch says which checkpoints it takes: none. It does not say that of
        the steps that were just done to its machine.
        """
        is_on_a_step = machine.rpartition("\n")[0].rpartition("\n")[2].startswith(Kind.STEP)
        return machine if is_on_a_step else self.taken_from(machine)

    def applied_to(self, machine: str, nonce: str = "") -> str:
        """Return a machine as this milestone leaves it: one line for each thing done to it.

        Args:
            machine: As it was.
            nonce: What is in it this time only.
        """
        if not self.changes_the_machine:
            return machine
        is_tidy = self.is_tidy and self.kind is Kind.CHECKPOINT
        code = self.code // 2 if is_tidy else self.code
        helped = f" helper={self.helper}" if self.is_helped else ""
        read = "".join(f" {path}={content}" for path, content in self.reads.items())
        done = f"{self.kind} {self.state} code={code}{helped} input={self.input}{read}{nonce}\n"
        return self.taken_from(machine) + done


Pipeline = tuple[Milestone, ...]


@dataclass(frozen=True)
class SetCode:
    """The code of a milestone is changed, perhaps back to what it was."""

    which: int
    code: int


@dataclass(frozen=True)
class SetInput:
    """A file that a milestone reads is changed."""

    which: int
    input: int


@dataclass(frozen=True)
class SetProject:
    """Something in the project is changed, for every milestone that uses it.

    Attributes:
        which: Which of its numbers.
    """

    which: int
    value: int


@dataclass(frozen=True)
class Insert:
    """A milestone is put behind another one."""

    which: int
    kind: Kind


@dataclass(frozen=True)
class Tamper:
    """Something happens to what a checkpoint has left: see `Condition`."""

    which: int
    how: str


@dataclass(frozen=True)
class ForceFrom:
    """A person wants everything from a milestone on to run again."""

    which: int


@dataclass(frozen=True)
class TakeBack:
    """Somebody undoes what an effect did to the world."""

    which: int


Change = SetCode | SetInput | SetProject | Insert | Tamper | ForceFrom | TakeBack


@dataclass(frozen=True)
class Crash:
    """The next pass does not end well: `which` milestone meets with trouble, if it runs.

    Attributes:
        how: `fails`; its worker `dies` before it has done anything, after it has done everything
            and before that is recorded (`unrecorded`), or right after (`recorded`).
    """

    which: int
    how: str


@dataclass(frozen=True)
class Round:
    """What happens before a pass, and in it.

    Attributes:
        moves: Whether the pass is another worker's, whose machine is empty.
    """

    changes: Sequence[Change] = ()
    crash: Crash | None = None
    moves: bool = True


@dataclass(frozen=True)
class Story:
    """A pipeline, and what happens to it. At the end a pass without a crash is made."""

    pipeline: Pipeline
    rounds: Sequence[Round]


def edited(pipeline: Pipeline, change: Change) -> Pipeline:
    """Return the pipeline after what its author did; the same for what others did."""
    at = change.which % len(pipeline)
    old = pipeline[at]
    match change:
        case SetCode(code=code):
            new = [replace(old, code=code)]
        case SetInput(input=value):
            new = [replace(old, input=value)]
        case SetProject(which=which, value=value):
            project = old.project.changed(which, value)
            return tuple(replace(each, project=project) for each in pipeline)
        case Insert(kind=kind):
            state = old.state + 1
            if any(each.key == (old.lane, state) for each in pipeline):
                return pipeline
            inserted = Milestone(state=state, lane=old.lane, kind=kind, project=old.project)
            new = [old, inserted]
        case Tamper() | ForceFrom() | TakeBack():
            return pipeline
        case _:
            assert_never(change)
    return (*pipeline[:at], *new, *pipeline[at + 1 :])


def lanes_of(pipeline: Pipeline) -> tuple[str, ...]:
    """Return the lanes that branch off, in the order in which they are worked at."""
    return tuple(sorted({each.lane for each in pipeline} - {TRUNK}))


def in_lane(pipeline: Pipeline, lane: str) -> Pipeline:
    return tuple(each for each in pipeline if each.lane == lane)


_KINDS: Final = st.sampled_from(
    [
        Kind.CHECKPOINT,
        Kind.CHECKPOINT,
        Kind.CHECKPOINT,
        Kind.STEP,
        Kind.STEP,
        Kind.GATE,
        Kind.EFFECT,
    ]
)
LOOKS: Final = st.sampled_from(Look)
_WHICH: Final = st.integers(0, 11)
_CHANGES: Final = st.one_of(
    st.builds(SetCode, _WHICH, st.integers(0, 3)),
    st.builds(SetInput, _WHICH, st.integers(0, 1)),
    st.builds(SetProject, _WHICH, st.integers(0, 2)),
    st.builds(SetProject, _WHICH, st.integers(1, 2)),
    st.builds(SetProject, _WHICH, st.integers(1, 2)),
    st.builds(Insert, _WHICH, _KINDS),
    st.builds(Tamper, _WHICH, st.sampled_from(["corrupt", "gone", "cut", "retired"])),
    st.builds(Tamper, _WHICH, st.sampled_from(["corrupt", "gone"])),
    st.builds(ForceFrom, _WHICH),
    st.builds(TakeBack, _WHICH),
)
_CRASHES: Final = st.builds(
    Crash, _WHICH, st.sampled_from(["fails", "dies", "unrecorded", "recorded"])
)


def _rounds(least: int) -> st.SearchStrategy[Round]:
    return st.builds(
        Round,
        changes=st.lists(_CHANGES, min_size=least, max_size=3).map(tuple),
        crash=st.none() | _CRASHES,
        moves=st.booleans(),
    )


@st.composite
def stories(draw: st.DrawFn, *, least: int = 0) -> Story:
    """Return a story.

    Args:
        least: How many changes there are in each round at least, and how many more rounds than one.
    """
    pipeline: list[Milestone] = []
    for lane in (TRUNK, *_LANES[: draw(st.integers(0, len(_LANES)))]):
        known = _TRUNK_STATES if lane == TRUNK else _LANE_STATES
        states = draw(st.lists(st.sampled_from(known), min_size=1, unique=True).map(sorted))
        pipeline += [
            Milestone(
                state=state,
                lane=lane,
                kind=draw(_KINDS),
                is_tidy=draw(st.booleans()),
                is_from_scratch=draw(st.sampled_from([False, False, False, True])),
                look=draw(LOOKS),
                is_helped=draw(st.booleans()),
            )
            for state in states
        ]
    rounds = draw(st.lists(_rounds(least), min_size=1 + least, max_size=4))
    return Story(tuple(pipeline), tuple(rounds))
