"""Pipelines of `bldst run` as shell scripts, and what each of their images has to be.

An image is a text file: a line for each state that has changed it, in order. What a pipeline has to
come to is therefore told from what its author wrote last, without any rule of the project.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from buildstate_core.vocabulary import TRUNK, Kind

Key = tuple[str, int]
"""A lane and a state."""

NOTED_END: Final = {Kind.EFFECT: "published", Kind.GATE: "judged", Kind.EPHEMERAL: "set-up"}
"""What a command of such a kind notes at its end; the others note `done`."""

_LAST: Final = 100
_TRUNK_STATES: Final = (10, 15, 20, 25, 30, 35, 40, 45, 50)
_LANE_STATES: Final = (70, 75, 80)
_NONCE: Final = re.compile(r" n[0-9a-f]+$")
_MOVERS: Final = frozenset({Kind.CHECKPOINT, Kind.STEP})
_KINDS: Final = (
    *(Kind.STEP,) * 10,
    *(Kind.CHECKPOINT,) * 4,
    *(Kind.GATE,) * 2,
    *(Kind.EFFECT,) * 2,
    Kind.EPHEMERAL,
)


@dataclass(frozen=True, kw_only=True)
class Milestone:
    """One `bldst run` of the script.

    Attributes:
        version: What its line in the image says; another one is another recipe.
        told_by: Where the version is written: in the command's `text`, in a `param`, or in a file
            that is an `input`.
        has_nonce: Whether what it makes is another each time, although its recipe is the same.
        seconds: How long it works before and after it has done what it does.
        begins: Whether it is the first of the trunk, or of its lane.
        needs_set_up: Whether a set-up comes before it.
    """

    state: int
    lane: str = TRUNK
    kind: Kind
    version: int = 1
    told_by: str = "text"
    has_nonce: bool = False
    seconds: tuple[float, float] = (0.1, 0.1)
    begins: bool = False
    needs_set_up: bool = False

    @property
    def key(self) -> Key:
        return self.lane, self.state

    @property
    def name(self) -> str:
        return f"{self.state}{self.lane}"

    @property
    def image(self) -> str:
        return image_of(self.lane)

    @property
    def moves(self) -> bool:
        """Whether the image is another after it."""
        return self.kind in _MOVERS

    @property
    def line(self) -> str:
        """Its line in the image, without a nonce."""
        return f"{self.name} v{self.version}"

    def command(self) -> str:
        """Its shell command. It tells what it sees, may fail half-way, and takes its time."""
        before, after = self.seconds
        noted = NOTED_END.get(self.kind, "done")
        parts = ["set -e", *self._take_over(), f"note begun {self.image}"]
        if self.needs_set_up:
            parts.append(f"test -e ready || {{ note unready {self.image}; exit 9; }}")
        spoil = f"echo half >> {self.image}; " if self.moves else ""
        parts.append(f'test "${{FAILS-}}" != {self.name} || {{ {spoil}exit 3; }}')
        parts.append(f"sleep {before}")
        if self.kind is Kind.EPHEMERAL:
            parts.append("touch ready")
        if self.moves:
            parts.append(f'echo "{self._shell_line()}" >> {self.image}')
            parts.append(f"sleep {after}")
            parts.append(f"note {noted} {self.image}")
        else:
            # Between what it does to the world and its end it may be killed as well.
            parts.append(f"note {noted} {self.image}")
            parts.append(f"sleep {after}")
        return "; ".join(parts)

    def flags(self) -> str:
        flags = [f"--state {self.state}"]
        if self.lane != TRUNK:
            flags.append(f"--lane {self.lane}")
        if self.kind is Kind.CHECKPOINT:
            flags.append(f"--artifact {self.image}")
        elif self.kind is not Kind.STEP:
            flags.append(f"--kind {self.kind.value}")
        if self.told_by == "param":
            flags.append(f"--param version={self.version}")
        if self.told_by == "input":
            flags.append(f"--input in/{self.name}")
        return " ".join(flags)

    def _take_over(self) -> list[str]:
        """What makes its image of another one, or of nothing."""
        if not self.begins:
            return []
        return [f": > {self.image}"] if self.lane == TRUNK else [f"cp disk {self.image}"]

    def _shell_line(self) -> str:
        written = {
            "text": f"{self.version}",
            "param": f"$V_{self.name}",
            "input": f"$(cat in/{self.name})",
        }[self.told_by]
        nonce = " n$(od -An -N4 -tx4 /dev/urandom | tr -d ' ')" if self.has_nonce else ""
        return f"{self.name} v{written}{nonce}"


Pipeline = tuple[Milestone, ...]


def image_of(lane: str) -> str:
    return "disk" if lane == TRUNK else f"disk-{lane}"


def without_nonces(content: str) -> str:
    """Give an image's content as everybody can know it before."""
    return "".join(f"{_NONCE.sub('', line)}\n" for line in content.splitlines())


def random_pipeline(random: Random, *, is_short: bool) -> Pipeline:
    """Give a pipeline that begins with a checkpoint and ends with one, and with what publishes it.

    Args:
        random: Where chance comes from.
        is_short: Whether it has few states.
    """
    lanes = random.choice([(), (), (), ("eu",), ("eu", "us")])
    has_nonces = random.random() < 0.35
    most = 2 if lanes or is_short else 4
    count = random.randint(1, most) + (not lanes)  # one more, which is the last checkpoint
    states = sorted(random.sample(_TRUNK_STATES, count + 1))
    found = [_first(random, states[0], TRUNK, has_nonces=has_nonces)]
    found += [
        _random_milestone(random, state, TRUNK, has_nonces=has_nonces) for state in states[1:]
    ]
    if not lanes:
        if not found[-1].moves or found[-1].kind is Kind.STEP:
            found[-1] = _random_milestone(
                random, states[-1], TRUNK, Kind.CHECKPOINT, has_nonces=has_nonces
            )
        found.append(_publishing(random, TRUNK))
        return _with_set_up(tuple(found))
    middle = random.choice([(), () if is_short else (Kind.STEP, Kind.CHECKPOINT)])
    found += [_first(random, _LANE_STATES[0], lane, has_nonces=has_nonces) for lane in lanes]
    for state, kind in zip(_LANE_STATES[1:], middle, strict=False):
        found += [
            _random_milestone(random, state, lane, kind, has_nonces=has_nonces) for lane in lanes
        ]
    found += [_publishing(random, lane) for lane in lanes]
    return _with_set_up(tuple(found))


def changed(pipeline: Pipeline, random: Random) -> Pipeline:
    """Give the pipeline after its author has changed it: a recipe, a kind, or a new step."""
    at = random.choice([at for at, each in enumerate(pipeline) if each.moves])
    old = pipeline[at]
    how = random.random()
    is_new = not any(each.key == (old.lane, old.state + 1) for each in pipeline)
    is_free = not old.begins and old != last_checkpoint(pipeline, old.lane)
    if how < 0.2 and is_new and is_free:
        step = Milestone(
            state=old.state + 1, lane=old.lane, kind=Kind.STEP, needs_set_up=old.needs_set_up
        )
        return (*pipeline[: at + 1], step, *pipeline[at + 1 :])
    if how < 0.35 and is_free and not old.has_nonce:
        kind = Kind.STEP if old.kind is Kind.CHECKPOINT else Kind.CHECKPOINT
        new = replace(old, kind=kind)
    else:
        # Perhaps back to what it was.
        is_undone = old.version > 1 and random.random() < 0.5
        new = replace(old, version=1 if is_undone else old.version + 1)
    return (*pipeline[:at], new, *pipeline[at + 1 :])


def lanes_of(pipeline: Pipeline) -> tuple[str, ...]:
    """Give the lanes whose images are delivered: the trunk, if it is all there is."""
    lanes = {each.lane for each in pipeline} - {TRUNK}
    return tuple(sorted(lanes)) or (TRUNK,)


def view_of(pipeline: Pipeline, lane: str) -> Pipeline:
    """Give what a lane's image is made by, in order."""
    return tuple(each for each in pipeline if each.lane in {TRUNK, lane})


def seen_before(pipeline: Pipeline) -> Mapping[Key, str]:
    """Give the image, without nonces, that each milestone has to see when it begins."""
    found: dict[Key, str] = {}
    for lane in lanes_of(pipeline):
        content = ""
        for each in view_of(pipeline, lane):
            found[each.key] = content
            content += f"{each.line}\n" if each.moves else ""
    return found


def last_checkpoint(pipeline: Pipeline, lane: str) -> Milestone:
    return [each for each in view_of(pipeline, lane) if each.kind is Kind.CHECKPOINT][-1]


def script(pipeline: Pipeline, *, is_whole: bool) -> str:
    """Give the shell script that makes it, as a CI job has it.

    Args:
        pipeline: What to make.
        is_whole: Whether the publishing at its end is written already.
    """
    lines = ["rm -f ready"]
    lines += [f"export V_{e.name}={e.version}" for e in pipeline if e.told_by == "param"]
    for each in pipeline:
        if each.state == _LAST and not is_whole:
            continue
        told = f'"$TOLD/{each.name}"'
        lines.append(
            f'bldst run "$ID" {each.flags()} -o json -- sh -c {_quoted(each.command())} > {told}'
        )
        # Nobody but a run that ended well comes here: what it was told was recorded.
        lines.append(f"mv {told} {told}.told")
    return "\n".join(lines) + "\n"


def inputs(pipeline: Pipeline) -> Mapping[str, str]:
    """Give the files that the author keeps beside the script."""
    return {each.name: f"{each.version}\n" for each in pipeline if each.told_by == "input"}


def _random_milestone(
    random: Random, state: int, lane: str, kind: Kind | None = None, *, has_nonces: bool
) -> Milestone:
    kind = kind or random.choice(_KINDS)
    return Milestone(
        state=state,
        lane=lane,
        kind=kind,
        told_by=random.choice(("text", "param", "input")) if kind in _MOVERS else "text",
        has_nonce=has_nonces and kind is Kind.CHECKPOINT and random.random() < 0.7,
        seconds=(round(random.uniform(0.05, 0.4), 2), round(random.uniform(0.02, 0.3), 2)),
    )


def _first(random: Random, state: int, lane: str, *, has_nonces: bool) -> Milestone:
    made = _random_milestone(random, state, lane, Kind.CHECKPOINT, has_nonces=has_nonces)
    return replace(made, begins=True)


def _publishing(random: Random, lane: str) -> Milestone:
    return _random_milestone(random, _LAST, lane, has_nonces=False, kind=Kind.EFFECT)


def _with_set_up(pipeline: Pipeline) -> Pipeline:
    """Let what comes after a set-up, in the same view, look whether it was made."""
    set_ups = [each for each in pipeline if each.kind is Kind.EPHEMERAL]
    return tuple(
        replace(each, needs_set_up=True)
        if any(set_up.state < each.state for set_up in set_ups)
        else each
        for each in pipeline
    )


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
