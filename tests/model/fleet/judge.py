"""Judges what several machines are answered and what they make of it, without the rules.

It knows what every machine is and what nobody has found out yet. Each image is rebuilt from
nothing, with what the newest checkpoints have made differently this time, and compared.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from buildstate_core.vocabulary import TRUNK, Kind

from ..oracle import Key, Rebuilt, has_to_run, may_run, never_covered, rebuilt
from ..pipelines import Milestone, Pipeline, in_lane
from ..world import Condition, Outcome, digest_of
from .service import FleetMemory, FleetTry, FleetWorld


@dataclass
class Judge:
    """What is right, at this moment.

    Attributes:
        images_are_read: Whether the last image of each lane is pulled at the end.
    """

    pipeline: Pipeline
    world: FleetWorld
    images_are_read: bool = False

    @property
    def made(self) -> Mapping[Key, Rebuilt]:
        """Each image, rebuilt from nothing."""
        return rebuilt(self.pipeline, self.world.nonces)

    @property
    def wanted(self) -> set[Key]:
        """Return what may run now: what has to, and what that needs on an empty machine."""
        return may_run(self.pipeline, self.world, images_are_read=self.images_are_read)

    def lacks_a_checkpoint(self, milestone: Milestone) -> bool:
        """Whether a checkpoint below is known to be lost."""
        below = (each for each in self.below(milestone) if each.kind is Kind.CHECKPOINT)
        return any(not self.is_there(each) for each in below)

    def below(self, milestone: Milestone) -> list[Milestone]:
        """Give what is below a milestone as its lane sees it, from the lowest state up."""
        view = in_lane(self.pipeline, TRUNK)
        if milestone.lane != TRUNK:
            view += in_lane(self.pipeline, milestone.lane)
        return [each for each in view if each.state < milestone.state]

    def is_done(self, milestone: Milestone) -> bool:
        """Whether what is recorded of a milestone is what would be made now."""
        last, made = self.world.newest(milestone), self.made[milestone.key]
        return (
            last is not None
            and last.outcome is Outcome.COMPLETED
            and not last.is_forced
            and last.milestone.ingredients == milestone.ingredients
            and milestone.stands_on(last.before) == milestone.stands_on(made.before)
        )

    def undone_below(self, milestone: Milestone) -> list[Milestone]:
        """Return the checkpoints below that were tried to be made again, without success."""
        below = (each for each in self.below(milestone) if each.kind is Kind.CHECKPOINT)
        ended = {Outcome.FAILED, Outcome.LOST, Outcome.GIVEN_UP}
        newest = ((each, self.world.newest(each)) for each in below)
        return [each for each, last in newest if last is not None and last.outcome in ended]

    def void_below(self, milestone: Milestone) -> list[Milestone]:
        """Return what has looked at another image, or told of one, than this would be done to."""
        looks_on = {Kind.EFFECT, Kind.GATE}
        if milestone.kind not in looks_on:
            return []
        below = (each for each in self.below(milestone) if each.kind in looks_on)
        return [each for each in below if not self.is_done(each)]

    def is_there(self, milestone: Milestone) -> bool:
        """Whether work can continue from what a checkpoint has left, as far as is known."""
        last = self.world.newest(milestone)
        is_lost = last is None or last.is_found_out or last.condition is Condition.RETIRED
        return milestone.kind is Kind.CHECKPOINT and self.is_done(milestone) and not is_lost

    def is_repeated(self, milestone: Milestone) -> bool:
        """Whether somebody who is at work at a milestone makes what is there already."""
        return milestone.kind is Kind.STEP and self.is_done(milestone)

    def waits_in_vain(
        self, milestone: Milestone, other: Milestone, machine: str | None, *, is_rewound: bool
    ) -> bool:
        """Whether a machine need not wait for another one that is at work below.

        Args:
            milestone: What it asked for.
            other: What the other one is at work at.
            machine: What it is, if it knows that.
            is_rewound: Whether no checkpoint above stands in for what it asked for.
        """
        below = self.below(milestone)
        assert other in below, f"{milestone.key} waits for {other.key}, which it does not see"
        if not other.changes_the_machine and milestone.changes_the_machine:
            return True
        broken = has_to_run(self.pipeline, self.world) - never_covered(self.pipeline)
        is_repeated = other.kind is Kind.STEP and self.is_done(other)
        if not is_repeated or any(each.key in broken for each in below):
            return False
        is_after = any(self.is_there(each) and each.state > other.state for each in below)
        is_beyond = machine is not None and machine == self.made[milestone.key].before
        return is_after or is_beyond or self._has_no_need(milestone, is_rewound=is_rewound)

    def _has_no_need(self, milestone: Milestone, *, is_rewound: bool) -> bool:
        """Whether a milestone is done and unchanged, and covered if it has to be."""
        if milestone.key in has_to_run(self.pipeline, self.world):
            return False
        if milestone.kind is not Kind.STEP:
            return milestone.kind is not Kind.CHECKPOINT or self.is_there(milestone)
        above = [e for e in in_lane(self.pipeline, milestone.lane) if e.state > milestone.state]
        return not is_rewound and any(self.is_there(each) for each in above)


def judge_image(judge: Judge, memory: FleetMemory) -> None:
    """Compare a delivered build with one that is made from nothing."""
    made = judge.made
    for each in judge.pipeline:
        wanted = made[each.key].after
        done = judge.world.done(each)
        assert isinstance(done, FleetTry), f"{each.key} was delivered, and never done"
        match each.kind:
            case Kind.CHECKPOINT:
                assert done.after == wanted, f"what {each.key} delivers"
                last = memory.store.history.view(each.lane)[each.state].artifacts[0]
                assert last.digest == digest_of(wanted), f"what is recorded of {each.key}"
            case Kind.EFFECT:
                published = judge.world.published.get(each.key)
                assert published == digest_of(wanted), f"what {each.key} has published"
            case Kind.GATE:
                verdict = judge.world.verdicts.get(each.key)
                assert verdict == digest_of(wanted), f"what {each.key} has looked at"
            case _:
                assert done.before == made[each.key].before, f"what {each.key} was done to"
