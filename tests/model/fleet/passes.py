"""How a machine goes through a pipeline in turns with others: wherever they may act, it pauses."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Protocol

from support.store import Stale

from buildstate_core.errors import ArtifactLost, Refused
from buildstate_core.rules.claims import Closed, Granted, HeldByOther, Inside, RunFirst, Skipped
from buildstate_core.rules.facts import AttemptFact
from buildstate_core.vocabulary import TRUNK, Kind
from buildstate_worker.rewind import RUN_FIRST, Rewind

from ..driver import READER, Failed, FlowPass, Pass
from ..oracle import Key
from ..pipelines import Milestone, in_lane, lanes_of
from ..world import Outcome, digest_of
from .judge import Judge
from .machines import POOL, Machine, Threads
from .service import FleetMemory, FleetTry
from .stories import Face
from .turns import Task, pause, running


class TheBuildIsClosed(Exception):
    """It takes no more work."""


class Teller(Protocol):
    """What all machines have to do with."""

    judge: Judge
    memory: FleetMemory

    def say(self, machine: Machine, text: str) -> None: ...


class ShellPass(Pass):
    """One pass over a pipeline, call after call."""

    def __init__(self, machine: Machine, teller: Teller) -> None:
        super().__init__(teller.judge.pipeline, teller.judge.world, teller.memory, machine.site)
        self._machine = machine
        self._teller = teller
        self._judge = teller.judge
        self._memory = teller.memory
        self._wanted: dict[Task, list[set[Key]]] = defaultdict(list)
        self._holds: dict[tuple[str, Key], FleetTry] = {}

    def begin(self) -> None:
        """Have the machine begin to go through the pipeline."""
        self._machine.prepare()
        self._start(self._go)

    def _go(self) -> None:
        for lane in (TRUNK, *self._lanes()):
            if not self._go_through(lane) and lane == TRUNK:
                return

    def _lanes(self) -> list[str]:
        share = self._machine.share
        return [each for each in lanes_of(self.pipeline) if share is None or each in share]

    def _start(self, run: Callable[[], object]) -> None:
        def until_it_is_closed() -> None:
            try:
                run()
            except TheBuildIsClosed:
                self._say("finds the build closed")

        self._machine.tasks.append(Task(until_it_is_closed))

    def _go_through(self, lane: str) -> bool:
        milestones = in_lane(self.pipeline, lane)
        try:
            for each in milestones:
                self._perform(each)
            images = [each for each in milestones if each.kind is Kind.CHECKPOINT]
            if self._judge.images_are_read and images:
                self._with_rewinds(images[-1], self._read, below=images[-1].state + 1)
        except Failed:
            self._machine.has_failed = True
            return False
        except (ArtifactLost, Refused) as error:
            self._say(f"gives up {lane or 'the trunk'}, after several tries: {error}")
            self._machine.has_failed = True
            return False
        return True

    def _say(self, text: str) -> None:
        self._teller.say(self._machine, text)

    def _waiting(self) -> AbstractContextManager[None]:
        """What is given away while another worker is waited for."""
        return nullcontext()

    def _thread(self) -> AbstractContextManager[None]:
        """What is needed to ask, restore and record."""
        return nullcontext()

    def _make_again(
        self,
        milestone: Milestone,
        calls: Sequence[Milestone],
        rewind: Rewind,
        error: ArtifactLost | Refused,
    ) -> None:
        wanted = self._wanted[running()]
        wanted.append(self._judge.wanted)
        self._say(f"makes {_named(*calls)} again, from {rewind.first} on, for {_named(milestone)}")
        try:
            super()._make_again(milestone, calls, rewind, error)
        finally:
            wanted.pop()

    def _try(self, milestone: Milestone, rewind: Rewind) -> None:
        pause()
        with self._thread():
            begun = self._ask(milestone, is_rewound=rewind.covers(milestone.state))
            if begun is None:
                return
            record, answer, held = begun
            try:
                self._restore_for(record, answer)
            except BaseException:
                self._machine.tries.remove(record)
                raise
        try:
            self._work_at(record)
            with self._thread():
                digest = self._recorded(record)
        finally:
            self._machine.tries.remove(record)
        if milestone.kind is Kind.STEP:
            held = (digest,)
        elif milestone.kind is Kind.CHECKPOINT:
            held = ()
        self.site.hold(milestone.lane, held)
        if milestone.kind is Kind.CHECKPOINT:
            self.images[milestone.key] = digest_of(record.after)
        pause()

    def _ask(
        self, milestone: Milestone, *, is_rewound: bool
    ) -> tuple[FleetTry, Granted, Sequence[str]] | None:
        refuted, changed = None, None
        while True:
            held = self.site.held(milestone.lane)
            answer = self._memory.ask(
                milestone, held, is_rewound=is_rewound, refuted=refuted, changed=changed
            )
            match answer:
                case Granted():
                    return self._granted(milestone, answer, held)
                case Skipped(attempt=attempt):
                    if not self._memory.are_there(attempt):
                        self._say(f"finds that {_named(milestone)} is gone")
                        continue
                    changed = self._memory.changed_read(attempt, milestone)
                    if changed is None and not self._is_taken_back(milestone):
                        self._skipped(milestone, answer)
                        return None
                    assert refuted != attempt.id, "a refutation is not heard"
                    refuted = attempt.id
                case HeldByOther(attempt=attempt):
                    self._wait_for(attempt, milestone, held, is_rewound=is_rewound)
                case RunFirst(state=state):
                    self._say(f"asks {_named(milestone)}: {state} first, {answer.why}")
                    raise Refused(f"{answer}", state=state, code=RUN_FIRST)
                case Closed():
                    raise TheBuildIsClosed
                case _:
                    raise AssertionError(answer)

    def _is_taken_back(self, milestone: Milestone) -> bool:
        return milestone.kind is Kind.EFFECT and milestone.key not in self.world.published

    def _skipped(self, milestone: Milestone, answer: Skipped) -> None:
        self._say(f"skips {_named(milestone)}: {answer.reason}")
        undone = () if self._memory.is_delivered else self._judge.undone_below(milestone)
        assert not undone, f"{_named(milestone)} was skipped above {_named(*undone)}, not made yet"
        is_provisional = self._judge.lacks_a_checkpoint(milestone)
        assert is_provisional or self._judge.is_done(milestone), f"{_named(milestone)} was skipped"
        self.images[milestone.key] = next((e.digest for e in answer.attempt.artifacts), None)

    def _granted(
        self, milestone: Milestone, answer: Granted, held: Sequence[str]
    ) -> tuple[FleetTry, Granted, Sequence[str]]:
        key, lane = milestone.key, milestone.lane
        base = "in place" if answer.is_in_place else f"from {_states(answer.restore)}"
        self._say(f"runs {_named(milestone)} {base}: {answer.reason}")
        wanted = self._judge.wanted.union(*self._wanted[running()])
        assert key in wanted, f"ran without need: {_named(milestone)}"
        void = self._judge.void_below(milestone)
        assert not void, f"{_named(milestone)} runs above {_named(*void)}, which is void"
        record = self._memory.begun(milestone)
        record.expected = self._judge.made[key].before
        record.is_provisional = self._judge.lacks_a_checkpoint(milestone)
        self._machine.tries.append(record)
        self.site.write(lane, self.site.read(lane))
        self.site.hold(lane, ())
        return record, answer, held if answer.is_in_place else ()

    def _wait_for(
        self, attempt: AttemptFact, milestone: Milestone, held: Sequence[str], *, is_rewound: bool
    ) -> None:
        other = next(e for e in self.pipeline if e.key == (attempt.lane, attempt.state))
        self._say(f"asks {_named(milestone)}: waits for {_named(other)}")
        if other is not milestone:
            machine = self.site.read(milestone.lane) if held else None
            is_in_vain = self._judge.waits_in_vain(milestone, other, machine, is_rewound=is_rewound)
            assert not is_in_vain, f"{_named(milestone)} waits for {_named(other)} without need"
        seen = self._memory.version
        with self._waiting():
            self._machine.wait(lambda: self._memory.version != seen)

    def _restore_for(self, record: FleetTry, answer: Granted) -> None:
        milestone = record.milestone
        if not answer.is_in_place:
            try:
                for each in answer.restore:
                    pause()
                    self._pull(each.artifacts[0].id, milestone.lane)
            except ArtifactLost as error:
                self._say(f"gives {_named(milestone)} up: {error}")
                self._memory.end_badly(record, Outcome.GIVEN_UP)
                raise
            if not answer.restore:
                self.site.write(milestone.lane, "")
        record.before = self.site.read(milestone.lane)
        is_right = milestone.taken_from(record.before) == milestone.taken_from(record.expected)
        is_right |= answer.is_in_place and record.is_provisional
        assert is_right, f"{_named(milestone)} runs on another machine:\n{record}"

    def _work_at(self, record: FleetTry) -> None:
        milestone, machine = record.milestone, self._machine
        pause()
        if machine.is_to_nest:
            machine.is_to_nest = False
            self._nest(record)
        if machine.is_to_fail:
            machine.is_to_fail = False
            self._say(f"fails at {_named(milestone)}")
            self.site.write(milestone.lane, "half-changed\n")
            self._memory.end_badly(record, Outcome.FAILED)
            raise Failed
        if milestone.kind is Kind.EFFECT and record.outcome is Outcome.LOST:
            self._say(f"stops {_named(milestone)}, since it may not be its any longer")
            raise Failed
        record.after = milestone.applied_to(record.before, record.nonce)
        self.site.write(milestone.lane, record.after)
        if milestone.kind is Kind.EFFECT:
            self.world.published[milestone.key] = digest_of(record.after)
        if milestone.kind is Kind.GATE:
            self.world.verdicts[milestone.key] = digest_of(record.after)
        pause()

    def _recorded(self, record: FleetTry) -> str:
        try:
            digest = self._memory.finish(record)
        except Stale:
            self._say(f"cannot record {_named(record.milestone)}: another one may have it")
            raise Failed from None
        self._say(f"completes {_named(record.milestone)}{record.nonce}")
        return digest

    def _nest(self, record: FleetTry) -> None:
        """Ask for every milestone of the lane from within one of them."""
        if record.outcome is not Outcome.AT_WORK:
            return
        milestone, own = record.milestone, self._memory.store.tokens[record.token]
        self._say(f"asks for others from within {_named(milestone)}")
        for each in in_lane(self.pipeline, milestone.lane):
            answer = self._memory.ask(each, (), inside={own})
            is_refused = isinstance(answer, Inside) and answer.attempt.id == own
            assert is_refused, f"{_named(each)} is not refused within {_named(milestone)}: {answer}"

    def _read(self, milestone: Milestone, _rewind: Rewind) -> None:
        newest = self.world.newest(milestone)
        assert newest is not None
        self._pull(newest.artifact, READER)
        assert self.site.read(READER) == self._judge.made[milestone.key].after, milestone


class FleetFlowPass(ShellPass, FlowPass):
    """A pass of one process, in which all lanes go on at once, and one of them rewinds."""

    def __init__(self, machine: Machine, teller: Teller) -> None:
        super().__init__(machine, teller)
        is_pool = machine.face is Face.POOL
        self._threads = Threads(POOL if is_pool else len(self.pipeline), machine.wait)
        self._rewinding = Threads(1, machine.wait)
        self._rewinds = 0
        self._seen: dict[Task, int] = {}
        self._rewinders: set[Task] = set()

    def _go(self) -> None:
        if self._go_through(TRUNK):
            for lane in self._lanes():
                self._start(partial(self._go_through, lane))

    def _go_through(self, lane: str) -> bool:
        is_well = super()._go_through(lane)
        if not is_well:
            self.site.begin_anew(lane)
        return is_well

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        with self._rewinding.given_away(), self._threads.given_away():
            yield

    def _thread(self) -> AbstractContextManager[None]:
        is_in_own_thread = running() in self._rewinders
        return nullcontext() if is_in_own_thread else self._threads.taken()

    def _try(self, milestone: Milestone, rewind: Rewind) -> None:
        if running() not in self._rewinders:
            self._seen[running()] = self._rewinds
        super()._try(milestone, rewind)

    def _make_again(
        self,
        milestone: Milestone,
        calls: Sequence[Milestone],
        rewind: Rewind,
        error: ArtifactLost | Refused,
    ) -> None:
        """Make calls again, unless another lane has just done so."""
        if running() in self._rewinders:
            super()._make_again(milestone, calls, rewind, error)
            return
        wanted = self._wanted[running()]
        wanted.append(self._judge.wanted)  # now: somebody else may have it done before it goes on
        try:
            with self._rewinding.taken():
                self._rewind(milestone, calls, error)
        finally:
            wanted.pop()

    def _rewind(
        self, milestone: Milestone, calls: Sequence[Milestone], error: ArtifactLost | Refused
    ) -> None:
        if self._rewinds != self._seen[running()]:
            return
        self._rewinders.add(running())
        try:
            super()._make_again(milestone, calls, Rewind().because_of(error), error)
        finally:
            self._rewinders.remove(running())
            self._rewinds += 1


def _named(*milestones: Milestone) -> str:
    return ", ".join(f"{each.lane}{each.state}" for each in milestones)


def _states(attempts: Sequence[AttemptFact]) -> str:
    return ", ".join(f"{each.lane}{each.state}" for each in attempts) or "nothing"
