"""A worker that goes through a pipeline once, in order, as `bldst run` and the flows do.

It asks for each milestone, skips it or restores what it needs and runs it, and makes earlier ones
again where a skip proves wrong. What it is answered by, and what its machines are, is given to it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Protocol

from buildstate_core.errors import ArtifactLost, Refused
from buildstate_core.vocabulary import TRUNK, Kind
from buildstate_worker.rewind import Rewind, Turn, with_rewinds

from .oracle import Key, Rebuilt, rebuilt, views
from .pipelines import Crash, Milestone, Pipeline, in_lane, lanes_of
from .world import Condition, Outcome, Try, World, digest_of

READER: Final = "reader"
"""Where the last images are read; no lane has this name."""


class Died(Exception):
    """The worker is no more."""


class Failed(Exception):
    """A milestone failed."""


@dataclass(frozen=True)
class Skipped:
    """It is done; `digest` is that of the image that it left, if it left one."""

    digest: str | None


class Work(Protocol):
    """A milestone that is ours to run.

    Attributes:
        restore: What to put on the machine first.
        is_in_place: Whether the machine is beyond that already.
    """

    @property
    def restore(self) -> Sequence[Any]: ...

    @property
    def is_in_place(self) -> bool: ...


class Backend(Protocol):
    """The service under test and the storage, as a worker uses them."""

    def begin(
        self, milestone: Milestone, site: "Site", *, is_rewound: bool, holds: Callable[[], bool]
    ) -> Skipped | Work:
        """Ask for a milestone; `holds` probes what it did to the world."""

    def pull(self, artifact: Any, site: "Site", lane: str) -> None:
        """Put what an artifact holds onto a lane's machine, or leave the machine alone.

        Raises:
            ArtifactLost: It is not what was recorded.
        """

    def give_up(self, work: Any) -> None: ...

    def fail(self, work: Any) -> None: ...

    def die(self, work: Any) -> None: ...

    def complete(self, work: Any, site: "Site", milestone: Milestone) -> tuple[Any, Any]:
        """Record that it is done; give what a machine holds it by, and the artifact, if any."""

    def tamper(self, artifact: Any, how: Condition) -> None: ...

    def force(self, milestone: Milestone) -> None: ...


class Site(Protocol):
    """The machines of one worker. That of a lane begins as the trunk's is."""

    def held(self, lane: str) -> Sequence[Any]:
        """Give the digests of the steps that the machine is known to hold."""

    def hold(self, lane: str, attempts: Sequence[Any]) -> None: ...

    def begin_anew(self, lane: str) -> None: ...

    def read(self, lane: str) -> str: ...

    def write(self, lane: str, content: str) -> None: ...


@dataclass
class Pass:
    """One pass over a pipeline.

    Attributes:
        ran: What was run, in order.
        images: The digest of what each checkpoint has left, as it was answered or recorded.
    """

    pipeline: Pipeline
    world: World
    backend: Backend
    site: Site
    crash: Crash | None = None
    ran: list[Key] = field(default_factory=list)
    images: dict[Key, str | None] = field(default_factory=dict)
    has_failed: bool = False
    _called: dict[Key, Milestone] = field(default_factory=dict)

    @cached_property
    def made(self) -> Mapping[Key, Rebuilt]:
        """What would be made from nothing."""
        return rebuilt(self.pipeline)

    @property
    def trouble(self) -> Key | None:
        """The milestone that meets with trouble."""
        if self.crash is None:
            return None
        return self.pipeline[self.crash.which % len(self.pipeline)].key

    def go(self) -> None:
        """Go through the pipeline: the trunk, and then what lanes there are. One may fail alone.

        Raises:
            Died: It did not come to the end.
        """
        for lane in (TRUNK, *lanes_of(self.pipeline)):
            try:
                for each in in_lane(self.pipeline, lane):
                    self._perform(each)
            except Failed:
                self.has_failed = True
                if lane == TRUNK:
                    return

    def read_images(self) -> None:
        """Pull the last image of each lane, as the flow's own code does at its end."""
        for view in views(self.pipeline):
            images = [each for each in view if each.kind is Kind.CHECKPOINT]
            if images:
                self._with_rewinds(images[-1], self._read, below=images[-1].state + 1)

    def _perform(self, milestone: Milestone, outer: Rewind | None = None) -> None:
        self._called[milestone.key] = milestone
        self._with_rewinds(milestone, self._try, below=milestone.state, outer=outer)

    def _with_rewinds(
        self,
        milestone: Milestone,
        attempt: Callable[[Milestone, Rewind], None],
        *,
        below: int,
        outer: Rewind | None = None,
    ) -> None:
        """Try something until nothing below it is missing, or that does not help."""
        rewind = outer or Rewind()

        def once(_turn: Turn) -> None:
            while True:
                try:
                    return attempt(milestone, rewind)
                except (ArtifactLost, Refused) as error:
                    if not self._begins_anew(milestone, error):
                        raise

        def calls_below(error: ArtifactLost | Refused) -> list[Milestone]:
            return self._below(milestone, error.state or 0, below)

        def make_again(calls: Sequence[Milestone], error: ArtifactLost | Refused) -> None:
            self._make_again(milestone, calls, rewind.because_of(error), error)

        with_rewinds(once, below=calls_below, make_again=make_again)

    def _begins_anew(self, milestone: Milestone, error: ArtifactLost | Refused) -> bool:
        """Put a lane's machine to where the trunk's is, if that may be what it lacks."""
        is_of_trunk = any(each.key == (TRUNK, error.state) for each in self.pipeline)
        held = self.site.held(milestone.lane)
        if not isinstance(error, Refused) or milestone.lane == TRUNK or not is_of_trunk:
            return False
        self.site.begin_anew(milestone.lane)
        return self.site.held(milestone.lane) != held

    def _make_again(
        self,
        milestone: Milestone,
        calls: Sequence[Milestone],
        rewind: Rewind,
        error: ArtifactLost | Refused,
    ) -> None:
        for call in calls:
            rewind.count(call.key, error)
            held = self.site.held(TRUNK)
            self._perform(call, rewind)
            if call.lane != milestone.lane and self.site.held(TRUNK) != held:
                self.site.begin_anew(milestone.lane)

    def _below(self, milestone: Milestone, state: int, below: int) -> list[Milestone]:
        """Return the calls to make again: those of this pass from a state on."""
        lanes = {TRUNK, milestone.lane}
        called = [each for each in self._called.values() if each.lane in lanes]
        found = [each for each in called if state <= each.state < below]
        return found if any(each.state == state for each in found) else []

    def _held_after(self, milestone: Milestone, held: Sequence[Any], attempt: Any) -> Sequence[Any]:
        """Give what a machine holds after a milestone: the last one that has moved it."""
        is_moved = milestone.changes_the_machine or not held
        return (attempt,) if is_moved else held

    def _try(self, milestone: Milestone, rewind: Rewind) -> None:
        begun = self.backend.begin(
            milestone,
            self.site,
            is_rewound=rewind.covers(milestone.state),
            holds=lambda: milestone.key in self.world.published,
        )
        if isinstance(begun, Skipped):
            self.images[milestone.key] = begun.digest
            return
        self._restore(milestone, begun)
        before = self.site.read(milestone.lane)
        expected = self.made[milestone.key].before
        assert milestone.taken_from(before) == milestone.taken_from(expected), milestone
        held = self.site.held(milestone.lane) if begun.is_in_place else ()
        self.site.hold(milestone.lane, ())
        self.ran.append(milestone.key)
        record = Try(milestone=milestone, outcome=Outcome.FAILED, before=before)
        self.world.tries.append(record)
        self._meet(milestone, begun, "fails", "dies")
        self._work(milestone, before)
        self._meet(milestone, begun, "unrecorded")
        attempt, record.artifact = self.backend.complete(begun, self.site, milestone)
        self.site.hold(milestone.lane, self._held_after(milestone, held, attempt))
        record.outcome = Outcome.COMPLETED
        if milestone.kind is Kind.CHECKPOINT:
            self.images[milestone.key] = digest_of(self.site.read(milestone.lane))
        self._meet(milestone, begun, "recorded")

    def _restore(self, milestone: Milestone, begun: Work) -> None:
        if begun.is_in_place:
            return
        try:
            for artifact in begun.restore:
                self._pull(artifact, milestone.lane)
        except ArtifactLost:
            self.backend.give_up(begun)
            given_up = Try(milestone=milestone, outcome=Outcome.GIVEN_UP)
            self.world.tries.append(given_up)
            raise
        if not begun.restore:
            self.site.write(milestone.lane, "")

    def _work(self, milestone: Milestone, before: str) -> None:
        after = milestone.applied_to(before)
        self.site.write(milestone.lane, after)
        if milestone.kind is Kind.EFFECT:
            self.world.published[milestone.key] = digest_of(after)
        if milestone.kind is Kind.GATE:
            self.world.verdicts[milestone.key] = digest_of(after)

    def _meet(self, milestone: Milestone, begun: Work, *trouble: str) -> None:
        """Meet with the trouble that the story has for this milestone, if it is now."""
        crash = self.crash
        if crash is None or milestone.key != self.trouble or crash.how not in trouble:
            return
        self.crash = None
        if crash.how == "fails":
            self.site.write(milestone.lane, "half-changed\n")
            self.backend.fail(begun)
            raise Failed
        if crash.how != "recorded":
            self.backend.die(begun)
        raise Died

    def _read(self, milestone: Milestone, _rewind: Rewind) -> None:
        newest = self.world.newest(milestone)
        assert newest is not None
        self._pull(newest.artifact, READER)
        assert self.site.read(READER) == self.made[milestone.key].after, milestone

    def _pull(self, artifact: Any, lane: str) -> None:
        try:
            self.backend.pull(artifact, self.site, lane)
        except ArtifactLost:
            for each in self.world.tries:
                each.is_found_out |= each.artifact == artifact
            raise


class FlowPass(Pass):
    """A pass as a flow makes it, which makes all its calls below again, and counts all it did."""

    def _below(self, milestone: Milestone, state: int, below: int) -> list[Milestone]:
        own = [each for each in self._called.values() if each.lane == milestone.lane]
        is_own = any(each.state == state for each in own)
        trunk = [each for each in self._called.values() if each.lane == TRUNK]
        calls = own if is_own or milestone.lane == TRUNK else [*trunk, *own]
        found = [each for each in calls if each.state < below]
        return found if any(each.state == state for each in found) else []

    def _held_after(
        self,
        milestone: Milestone,  # noqa: ARG002 - what only looked at it counts as well
        held: Sequence[Any],
        attempt: Any,
    ) -> Sequence[Any]:
        return (*held, attempt)
