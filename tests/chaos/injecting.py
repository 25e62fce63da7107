"""Carries out what a plan injects, as soon as there is a victim, and undoes it in time."""

import heapq
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Final

from support import Cluster, ServiceProcess

from buildstate_core.errors import BuildStateError
from buildstate_core.models import Force

from .pipelines import Pipeline
from .plans import SERVERS, Injection, Victim
from .processes import send, victims
from .workers import Worker

_LOOK_EVERY_SECONDS: Final = 0.01
_WAITED_SECONDS: Final = 4.0
"""For so long a victim is waited for that does not run at the moment."""
_GUARDED: Final = frozenset({Victim.GUARD, Victim.RUNNER_AND_GUARD, Victim.MACHINE})


@dataclass
class Installation:
    """The service and its PostgreSQL, which are killed, frozen and brought back."""

    cluster: Cluster
    service: ServiceProcess

    def hit(self, injection: Injection) -> Callable[[], None]:
        """Kill or freeze a server, and give what brings it back."""
        if injection.victim is Victim.POSTGRES:
            self.cluster.kill()
            return self.cluster.start
        if injection.signal == signal.SIGSTOP:
            self.service.signal(signal.SIGSTOP)
            return lambda: self.service.signal(signal.SIGCONT)
        self.service.kill()
        return self.service.start


@dataclass
class Injector:
    """Injects into one history.

    Attributes:
        build: The build's number.
        tell: Takes what was injected.
    """

    installation: Installation
    workers: Sequence[Worker]
    build: str
    tell: Callable[[str], None]
    _undone_later: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _order: "count[int]" = field(default_factory=count)
    _servers_back: list[Callable[[], None]] = field(default_factory=list)

    def run(
        self,
        injections: Sequence[Injection],
        pipeline: Pipeline,
        seconds: float,
        *,
        is_over: Callable[[], bool],
        is_last: bool,
    ) -> None:
        """Inject for so long, or until it is over.

        Args:
            injections: What.
            pipeline: The pipeline of the time.
            seconds: For how long.
            is_over: Whether there is nobody left to hit.
            is_last: Whether what has no victim yet, or is frozen or away by then, is waited for.
        """
        begin = time.monotonic()
        waiting = list(injections)
        while not is_over():
            is_due = time.monotonic() - begin >= seconds
            if is_due and not (is_last and (waiting or self._undone_later)):
                return
            self._undo_due()
            now = time.monotonic() - begin
            for each in [each for each in waiting if each.at <= now]:
                if self._inject(each, pipeline):
                    waiting.remove(each)
                elif now > each.at + _WAITED_SECONDS:
                    waiting.remove(each)
                    self.tell(f"nothing to hit: {each.victim} of worker {each.worker}")
            time.sleep(_LOOK_EVERY_SECONDS)

    def freeze_until(self, worker: Worker, seconds: float) -> bool:
        """Freeze a runner at work for longer than its lease, and end its script."""
        made = worker.current
        pids = made and victims(f"{made.mark}/", made.pid, Victim.RUNNER_AT_WORK)
        if not made or not pids:
            return False
        made.is_left = made.is_slowed = True
        send(made.pid, signal.SIGKILL)  # first, so that it does not go on to the next line
        self._freeze(pids, seconds)
        self.tell(f"SIGKILL to the script of {worker.name}, SIGSTOP to its runner {pids}")
        return True

    def bring_back_servers(self) -> None:
        for each in tuple(self._servers_back):
            self._undone_later = [later for later in self._undone_later if later[2] is not each]
            each()
        heapq.heapify(self._undone_later)

    def undo_all(self) -> None:
        """Let all go on that is frozen, and bring back what is away."""
        while self._undone_later:
            heapq.heappop(self._undone_later)[2]()

    def _undo_due(self) -> None:
        while self._undone_later and self._undone_later[0][0] <= time.monotonic():
            heapq.heappop(self._undone_later)[2]()

    def _later(self, seconds: float, undo: Callable[[], None]) -> None:
        entry = (time.monotonic() + seconds, next(self._order), undo)
        heapq.heappush(self._undone_later, entry)

    def _inject(self, injection: Injection, pipeline: Pipeline) -> bool:
        """Inject, and say whether there was anything to inject into."""
        worker = self.workers[injection.worker]
        milestone = pipeline[injection.state % len(pipeline)]
        if injection.victim is Victim.AUTHOR:
            worker.fails_next = milestone.name
            self.tell(f"the next pass of {worker.name} fails at {milestone.name}")
            return True
        if injection.victim is Victim.PERSON:
            return self._force(milestone.state, milestone.lane)
        if injection.victim in SERVERS:
            return self._hit_server(injection)
        return self._hit_process(injection, worker)

    def _hit_process(self, injection: Injection, worker: Worker) -> bool:
        made = worker.current
        if made is None:
            return False
        pids = victims(f"{made.mark}/", made.pid, injection.victim)
        if not pids:
            return False
        is_frozen = injection.signal == signal.SIGSTOP
        made.lost |= injection.victim in _GUARDED and not is_frozen
        made.is_slowed |= is_frozen
        if is_frozen:
            self._freeze(pids, injection.seconds)
        else:
            for pid in pids:
                send(pid, injection.signal)
        worker.is_replaced |= injection.victim is Victim.MACHINE and injection.is_replaced
        for_long = f" for {injection.seconds} s" if is_frozen else ""
        what = f"{injection.victim} {pids} of {worker.name} pass {made.number}"
        self.tell(f"{injection.signal.name} to the {what}{for_long}")
        return True

    def _freeze(self, pids: Sequence[int], seconds: float) -> None:
        for pid in pids:
            send(pid, signal.SIGSTOP)

        def thaw() -> None:
            for pid in pids:
                send(pid, signal.SIGCONT)
            self.tell(f"SIGCONT to {pids}")

        self._later(seconds, thaw)

    def _hit_server(self, injection: Injection) -> bool:
        if self._servers_back:
            return False  # one at a time
        number = signal.SIGKILL if injection.victim is Victim.POSTGRES else injection.signal
        self.tell(f"{number.name} to the {injection.victim} for {injection.seconds} s")
        bring_back = self.installation.hit(injection)

        def back() -> None:
            bring_back()
            self._servers_back.remove(back)
            self.tell(f"the {injection.victim} is back")

        self._servers_back.append(back)
        self._later(injection.seconds, back)
        return True

    def _force(self, state: int, lane: str) -> bool:
        force = Force(state=state, lane=lane, reason="chaos")
        if self._servers_back:
            return False
        try:
            self.installation.service.client.force(self.build, force)
        except BuildStateError as error:
            self.tell(f"forced {state}{lane}: refused: {error}")
        else:
            self.tell(f"forced {state}{lane}")
        return True
