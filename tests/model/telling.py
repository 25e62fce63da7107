"""Tells a story: makes pass after pass over a pipeline while things happen to it, and judges."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from buildstate_core.errors import Conflict
from buildstate_core.vocabulary import TRUNK, Kind

from .driver import Backend, Died, FlowPass, Pass, Site
from .oracle import has_to_run, may_run, never_covered, rebuilt, views
from .pipelines import (
    Change,
    ForceFrom,
    Milestone,
    Pipeline,
    Round,
    Story,
    TakeBack,
    Tamper,
    edited,
)
from .world import Condition, Outcome, World, digest_of


@dataclass
class Telling:
    """A story as it goes on.

    Attributes:
        make_site: Gives a worker with empty machines.
        face: How a pass is made.
    """

    pipeline: Pipeline
    backend: Backend
    make_site: Callable[[], Site]
    face: type[Pass] = Pass
    world: World = field(default_factory=World)

    def __post_init__(self) -> None:
        self.site = self.make_site()

    def go_through(self, round_: Round, *, images_are_read: bool = False) -> None:
        """Let a round happen: changes, then a pass, which is judged.

        Raises:
            AssertionError: Something is not as the oracle says.
        """
        for change in round_.changes:
            self._happen(change)
        if round_.moves or self.face is FlowPass:  # what a flow knows, it knows for one pass
            self.site = self.make_site()
        must = has_to_run(self.pipeline, self.world)
        may = may_run(self.pipeline, self.world, images_are_read=images_are_read)
        made = self.face(self.pipeline, self.world, self.backend, self.site, round_.crash)
        try:
            made.go()
            if images_are_read:
                made.read_images()
        except Died:
            pass
        except Conflict as error:
            raise AssertionError(f"the pass is stuck: {error}") from error
        else:
            if not made.has_failed:
                self._judge(made)
                assert must <= set(made.ran), "what had to run was skipped"
        unneeded = set(made.ran) - may
        assert not unneeded, f"ran without need: {unneeded}"
        twice = {key for key, times in Counter(made.ran).items() if times > 1}
        assert not twice, f"ran more than once in a pass: {twice}"

    def _judge(self, made: Pass) -> None:
        """Compare what a pass without trouble came to with what is made from nothing."""
        expected = rebuilt(self.pipeline)
        for each in self.pipeline:
            digest = digest_of(expected[each.key].after)
            match each.kind:
                case Kind.CHECKPOINT:
                    assert made.images.get(each.key) == digest, each
                case Kind.EFFECT:
                    assert self.world.published.get(each.key) == digest, each
                case Kind.GATE:
                    assert self.world.verdicts.get(each.key) == digest, each
                case _:
                    pass
        for view in views(self.pipeline):
            last = next((each for each in reversed(view) if each.changes_the_machine), None)
            if last is not None and last.key in never_covered(self.pipeline):
                image = self.site.read(view[-1].lane)
                assert image == expected[last.key].after, "the last image of a lane"

    def _happen(self, change: Change) -> None:
        milestone = self.pipeline[change.which % len(self.pipeline)]
        match change:
            case Tamper(how=how):
                self._tamper(milestone, Condition(how))
            case ForceFrom():
                self._force(milestone)
            case TakeBack():
                self.world.published.pop(milestone.key, None)
            case _:
                self.pipeline = edited(self.pipeline, change)

    def _tamper(self, milestone: Milestone, how: Condition) -> None:
        last = self.world.newest(milestone)
        if last is not None and last.artifact is not None and last.condition is Condition.FINE:
            self.backend.tamper(last.artifact, how)
            last.condition = how

    def _force(self, milestone: Milestone) -> None:
        if self.world.newest(milestone) is None:
            return
        self.backend.force(milestone)
        for each in self.world.tries:
            is_in_it = milestone.lane in {TRUNK, each.milestone.lane}
            if is_in_it and each.milestone.state >= milestone.state:
                each.is_forced |= each.outcome is Outcome.COMPLETED


def shown(story: Story) -> str:
    """Give a story as it can be read."""
    lines = [f"  {each}" for each in story.pipeline]
    for each in story.rounds:
        lines += [f"round, moves={each.moves}, crash={each.crash}"]
        lines += [f"  {change}" for change in each.changes]
    return "\n".join(lines)


def tell(
    story: Story, backend: Backend, make_site: Callable[[], Site], face: type[Pass] = Pass
) -> None:
    """Tell a story to its end.

    Raises:
        AssertionError: Something is not as the oracle says.
    """
    telling = Telling(story.pipeline, backend, make_site, face)
    for each in story.rounds:
        telling.go_through(each)
    telling.go_through(Round(moves=False))
    telling.go_through(Round(), images_are_read=True)
