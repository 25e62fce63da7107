"""Who goes on next, and when something happens meanwhile."""

from collections.abc import Callable, Sequence
from itertools import chain, repeat
from typing import Final

from .machines import Machine
from .service import LEASE, FleetMemory
from .stories import MOST_TURNS, Event, Round, What
from .turns import Task

MOST_WAITS: Final = 12
"""How often in a row time may have to pass, half a lease each, for anybody to go on."""


class Schedule:
    """The turns of one round.

    Args:
        round_: What is drawn of it.
        machines: Those that take part in it.
        memory: The service that they wait for.
        begin: Has a machine begin.
        happen: Has something happen.
        after_each: Looks at what came of a turn.
    """

    def __init__(
        self,
        round_: Round,
        machines: Sequence[Machine],
        memory: FleetMemory,
        *,
        begin: Callable[[Machine], None],
        happen: Callable[[Event], None],
        after_each: Callable[[], None],
    ) -> None:
        self._machines = machines
        self._memory = memory
        self._begin = begin
        self._happen = happen
        self._after_each = after_each
        self._quantum = round_.quantum
        self._coming = list(
            chain.from_iterable((*repeat(None, each.after), each) for each in round_.events)
        )[::-1]
        delays = chain(round_.delays, repeat(0))
        late = zip(machines, delays, strict=False)
        self._late = sorted(late, key=lambda each: each[1], reverse=True)
        self._task: Task | None = None
        self._spent = 0
        self._waits = 0

    def take(self) -> None:
        """Let whoever can go on go on, and things happen, until all have ended.

        Raises:
            AssertionError: Somebody waits for ever, or goes on for ever.
        """
        for turn in range(MOST_TURNS):
            while self._late and self._late[-1][1] <= turn:
                self._begin_late()
            if not (self._late or any(each.is_at_work for each in self._machines)):
                return
            event = self._coming.pop() if self._coming else None
            if event is None:
                self._go_on()
            elif event.what is What.SWITCH:
                able = self._able()
                self._turn_to(able[event.which % len(able)] if able else None)
            else:
                self._happen(event)
        raise AssertionError("it goes on for ever")

    def _go_on(self) -> None:
        task = self._next()
        if task is not None:
            self._spent += 1
            task.go_on()
            self._after_each()
            is_waiting = any(task in each.waiting for each in self._machines)
            self._waits = self._waits if is_waiting else 0
        elif self._late:
            self._begin_late()
        elif any(each.is_frozen for each in self._machines):
            while self._coming and self._coming[-1] is None:
                self._coming.pop()
            if not self._coming:
                self._happen(Event(0, What.WAIT, 0))
                self._happen(Event(0, What.THAW, 0))
        else:
            self._waits += 1
            assert self._waits < MOST_WAITS, "somebody waits for ever"
            self._memory.pass_time(LEASE / 2)
            self._memory.version += 1

    def _begin_late(self) -> None:
        machine, _ = self._late.pop()
        if not machine.is_at_work:
            self._begin(machine)

    def _next(self) -> Task | None:
        """Give the task that goes on: the same for a while, and then the next one in order."""
        able = self._able()
        if self._task in able and self._spent < self._quantum:
            return self._task
        every = [task for each in self._machines for task in each.tasks]
        at = every.index(self._task) + 1 if self._task in every else 0
        after = [*every[at:], *every[:at]]
        self._turn_to(next((each for each in after if each in able), None))
        return self._task

    def _turn_to(self, task: Task | None) -> None:
        self._task, self._spent = task, 0

    def _able(self) -> list[Task]:
        return [
            task for machine in self._machines for task in machine.tasks if machine.may_go_on(task)
        ]
