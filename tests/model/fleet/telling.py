"""Tells a story of several machines: lets them go on in turns while things happen, and judges."""

from typing import Final

from support.store import START

from buildstate_core.vocabulary import TRUNK, Kind

from ..memory import MemorySite
from ..pipelines import Change, ForceFrom, Insert, Milestone, TakeBack, Tamper, edited, lanes_of
from ..world import Condition, Outcome
from .judge import Judge, judge_image
from .machines import Machine
from .passes import FleetFlowPass, ShellPass
from .schedule import Schedule
from .service import LEASE, FleetMemory, FleetWorld
from .stories import END, Event, Face, Round, Story, What

PASSES: Final = 6
"""In how many passes without trouble every machine comes to the end."""


class Telling:
    """A story as it goes on.

    Args:
        story: The story.

    Attributes:
        log: What happened, to be read when something is wrong.
    """

    def __init__(self, story: Story) -> None:
        self.world = FleetWorld()
        self.memory = FleetMemory(world=self.world)
        self.judge = Judge(story.pipeline, self.world)
        self.log: list[str] = []
        self._story = story
        self._version = 0
        self._lanes = lanes_of(story.pipeline)
        count = len(story.machines)
        self.machines = [
            Machine(
                name="ABCD"[at],
                face=face,
                share=self._lanes[at::count] if story.is_matrix else None,
            )
            for at, face in enumerate(story.machines)
        ]

    def tell(self) -> None:
        """Tell the story to its end.

        Raises:
            AssertionError: Something is not as the oracle says.
        """
        try:
            self._tell()
        except AssertionError as error:
            raise AssertionError("\n".join([f"{error}", *self.log])) from error
        finally:
            for each in self.machines:
                each.kill(is_wiped=True)

    def say(self, machine: Machine | None, text: str) -> None:
        seconds = (self.memory.store.now - START).total_seconds()
        self.log.append(f"{seconds:6.0f} s  {machine.name if machine else '-'} {text}")

    def _tell(self) -> None:
        for each in self._story.rounds:
            self._go_through(each)
        last = self._story.rounds[-1]
        self._go_through_well(Round(delays=last.delays, quantum=last.quantum))
        if not self.memory.is_delivered:
            assert END not in {each.state for each in self.judge.pipeline}, "it is not delivered"
            judge_image(self.judge, self.memory)
            self.judge.images_are_read = True
            self._go_through_well(Round(wiped=len(self.machines)))

    def _go_through_well(self, round_: Round) -> None:
        """Go through it without any trouble until nothing is lost any more.

        A pass gives up where one artifact after the other turns out corrupt. The next one goes on.
        """
        for _ in range(PASSES):
            before = len(self.world.tries)
            self._go_through(round_)
            failed = [each.name for each in self.machines if each.has_failed]
            again = {each.milestone.kind for each in self.world.tries[before:]}
            is_at_rest = again <= {Kind.STEP}
            if self.memory.is_delivered or (is_at_rest and not failed):
                return
        raise AssertionError(f"{', '.join(failed) or 'machines'} do not come to the end")

    def _go_through(self, round_: Round) -> None:
        if self.memory.is_delivered:
            return
        self.say(None, "a round begins")
        for change in round_.changes:
            self._change(change)
        for each in self.machines[: round_.wiped]:
            each.site = MemorySite()
        Schedule(
            round_,
            self.machines,
            self.memory,
            begin=self._begin,
            happen=self._happen,
            after_each=self._see_what_is_delivered,
        ).take()

    def _begin(self, machine: Machine) -> None:
        is_shell = machine.face is Face.SHELL
        if not is_shell:
            machine.site = MemorySite()
        self.say(machine, "begins")
        (ShellPass if is_shell else FleetFlowPass)(machine, self).begin()

    def _happen(self, event: Event) -> None:
        machine = self.machines[event.which % len(self.machines)]
        match event.what:
            case What.THAW:
                self._thaw()
            case What.WAIT:
                self.say(None, "time passes")
                self.memory.pass_time(LEASE * 1.5)
                self.memory.version += 1
            case What.CORRUPT | What.GONE:
                there = [each for each in self.judge.pipeline if self._is_there(each)]
                if there:
                    self._tamper(there[event.which % len(there)], Condition(event.what))
            case What.START:
                if not machine.is_at_work:
                    self._begin(machine)
            case _ if machine.is_at_work:
                self._trouble(event.what, machine)
            case _:
                pass

    def _trouble(self, what: What, machine: Machine) -> None:
        match what:
            case What.KILL | What.WIPE:
                self.say(machine, "is killed" if what is What.KILL else "is killed and wiped")
                machine.kill(is_wiped=what is What.WIPE)
            case What.FREEZE:
                self.say(machine, "freezes")
                machine.freeze(is_frozen=True)
            case What.FAIL:
                machine.is_to_fail = True
            case What.NEST:
                machine.is_to_nest = True
            case _:
                raise ValueError(what)

    def _thaw(self) -> None:
        for each in self.machines:
            if each.is_frozen:
                self.say(each, "thaws")
                each.freeze(is_frozen=False)

    def _see_what_is_delivered(self) -> None:
        memory = self.memory
        if memory.is_delivered or memory.version == self._version:
            return
        self._version = memory.version
        if memory.says_delivered(self._lanes):
            self.say(None, "the build is delivered")
            memory.is_delivered = True
            judge_image(self.judge, memory)

    def _change(self, change: Change) -> None:
        milestone = self.judge.pipeline[change.which % len(self.judge.pipeline)]
        self.say(None, f"{change}")
        match change:
            case Tamper(how=how):
                self._tamper(milestone, Condition(how))
            case ForceFrom():
                self._force(milestone)
            case TakeBack():
                self.world.published.pop(milestone.key, None)
            case Insert() if milestone.state == END:
                pass  # nothing comes after that
            case _:
                self.judge.pipeline = edited(self.judge.pipeline, change)

    def _tamper(self, milestone: Milestone, how: Condition) -> None:
        last = self.world.newest(milestone)
        if last is not None and self._is_there(milestone):
            self.say(None, f"what {milestone.lane}{milestone.state} has left is {how}")
            self.memory.tamper(last.artifact, how)
            last.condition = how

    def _is_there(self, milestone: Milestone) -> bool:
        last = self.world.newest(milestone)
        return last is not None and bool(last.artifact) and last.condition is Condition.FINE

    def _force(self, milestone: Milestone) -> None:
        if self.world.newest(milestone) is None:
            return
        self.memory.force(milestone)
        for each in self.world.tries:
            is_in_it = milestone.lane in {TRUNK, each.milestone.lane}
            if is_in_it and each.milestone.state >= milestone.state:
                each.is_forced |= each.outcome is Outcome.COMPLETED


def tell(story: Story) -> Telling:
    """Tell a story to its end.

    Raises:
        AssertionError: Something is not as the oracle says.
    """
    telling = Telling(story)
    telling.tell()
    return telling
