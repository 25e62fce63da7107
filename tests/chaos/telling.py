"""Tells a history with real processes, from its first pass to the delivered build."""

import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from uuid import uuid4

from support import until

from buildstate_core.vocabulary import BuildStatus

from .injecting import Injector, Installation
from .plans import Ending, History, Round
from .processes import marked, send
from .workers import CALM_PASSES, Worker, common_environ

_BIN: Final = Path(sys.executable).parent
_WAITED_SECONDS: Final = 30.0
"""For so long an older pipeline's passes may go on before they are killed."""
_CALM_SECONDS: Final = 75.0
"""Within this every worker has come to the end of the script, once nothing is injected any more."""
_NOTE: Final = """#!/bin/sh
# Tells, in one line that is appended as a whole, what a command does and sees.
exec printf '%s %s %s %s %s %s %s %s\\n' "$(date +%s.%N)" "$GENERATION" "$WORKER" "$BLDST_STATE" \\
    "${BLDST_LANE:-trunk}" "$BLDST_ATTEMPT" "$1" "[$(tr '\\n' ';' < "$2")]" >> "$NOTES"
"""


@dataclass
class Telling:
    """A history as it goes on.

    Attributes:
        folder: Where all of it is.
        storage_environ: What reaches the storage.
        events: What happened, with the seconds since the beginning.
        generation: The round whose pipeline is the last.
    """

    history: History
    installation: Installation
    folder: Path
    storage_url: str
    storage_environ: Mapping[str, str]
    events: list[str] = field(default_factory=list)
    generation: int = 0
    _working: list[tuple[threading.Event, list[threading.Thread]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.begin = time.time()
        service = self.installation.service
        project = service.make_project(f"p{uuid4().hex}", storage_url=self.storage_url)
        self.build = str(service.make_build(project).number)
        self.project = project
        self.workers = [self._make_worker(number) for number in range(self.history.workers)]
        self.injector = Injector(self.installation, self.workers, self.build, self.tell)

    @property
    def notes(self) -> Path:
        return self.folder / "notes"

    @property
    def round(self) -> Round:
        return self.history.rounds[self.generation - 1]

    def tell(self, what: str) -> None:
        self.events.append(f"{time.time() - self.begin:7.2f} s  {what}")

    def is_delivered(self) -> bool:
        build = self.installation.service.client.get_build(self.build)
        return build.status is BuildStatus.COMPLETED

    def go(self) -> None:
        """Let everything happen, and let it become calm."""
        with self._ending():
            last = len(self.history.rounds)
            for generation, each in enumerate(self.history.rounds, 1):
                self.generation = generation
                self.tell(f"round {generation} begins")
                is_last = generation == last
                if self._make_round(each, is_last=is_last) and not is_last:
                    self.tell("the build is delivered: its pipeline is not changed any more")
                    self._be_calm(each)
                    break

    def wrongs(self) -> list[str]:
        """Give what was seen on the way that must not be."""
        return [wrong for worker in self.workers for wrong in worker.wrongs]

    def _make_round(self, round_: Round, *, is_last: bool) -> bool:
        """Let the workers work while things go wrong, and say whether the build is delivered."""
        stops = threading.Event()
        threads = self._start(round_, stops)
        self.injector.run(
            round_.injections,
            round_.pipeline,
            round_.seconds,
            is_over=lambda: not any(each.is_alive() for each in threads),
            is_last=is_last,
        )
        if is_last:
            self._undo()
            self._join(threads, stops, _CALM_SECONDS)
            return True
        stops.set()
        self._end_passes(round_.ending)
        for each in threads:
            each.join()
        return self.is_delivered()

    def _be_calm(self, round_: Round) -> None:
        self._undo()
        stops = threading.Event()
        self._join(self._start(round_, stops), stops, _CALM_SECONDS)

    def _start(self, round_: Round, stops: threading.Event) -> list[threading.Thread]:
        threads = [
            threading.Thread(
                target=each.work,
                args=(round_.pipeline, self.generation),
                kwargs={"is_whole": round_.is_whole, "stops": stops.is_set},
            )
            for each in self.workers
        ]
        self._working.append((stops, threads))
        for thread in threads:
            thread.start()
        return threads

    def _join(
        self, threads: list[threading.Thread], stops: threading.Event, seconds: float
    ) -> None:
        """Wait until every worker has finished, which none may fail to do."""
        self.tell("calm")
        for worker in self.workers:
            worker.passes_left = CALM_PASSES
        deadline = time.monotonic() + seconds
        for worker, each in zip(self.workers, threads, strict=True):
            each.join(max(0.0, deadline - time.monotonic()))
            if each.is_alive() or worker.passes[-1].code != 0:
                codes = [made.code for made in worker.passes]
                worker.wrongs.append(f"{worker.name} does not come to the end: exit codes {codes}")
        stops.set()
        if any(each.is_alive() for each in threads):
            self._kill_passes()
        for each in threads:
            each.join()

    def _end_passes(self, how: Ending) -> None:
        """End the passes of an older pipeline: nothing of it is begun after this."""
        self.tell(f"the passes are {how}")
        if how is Ending.FROZEN:
            seconds = self.history.lease_seconds + 1.0
            self.injector.bring_back_servers()
            any(self.injector.freeze_until(each, seconds) for each in self.workers)
            self._kill_passes()
            until(self.installation.service.is_ready)
            return
        if how is Ending.WAITED:
            self._undo()
            deadline = time.monotonic() + _WAITED_SECONDS
            while time.monotonic() < deadline and any(each.current for each in self.workers):
                time.sleep(0.02)
        self._kill_passes()
        self._undo()

    def _kill_passes(self) -> None:
        """Kill the scripts, and what runs for them, as a cancelled CI job would be."""
        for each in self.workers:
            made = each.current
            if made is None or made.is_left:
                continue
            made.lost = True
            pids = marked(f"{made.mark}/")
            for pid in (made.pid, *(pids.keys() - {made.pid})):
                send(pid, signal.SIGKILL)

    def _undo(self) -> None:
        self.injector.undo_all()
        until(self.installation.service.is_ready)

    @contextmanager
    def _ending(self) -> Iterator[None]:
        """Leave nothing frozen, away or running behind, however it ends."""
        try:
            yield
        finally:
            for stops, _ in self._working:  # also if the run of the tests is interrupted
                stops.set()
            self._kill_passes()
            for _, threads in self._working:
                for thread in threads:
                    thread.join()
            self.injector.undo_all()
            for each in self.workers:
                each.clean_up()

    def _make_worker(self, number: int) -> Worker:
        name = f"w{number}"
        home = self.folder / name
        tools = self.folder / "tools"
        if not tools.exists():
            tools.mkdir(parents=True)
            (tools / "note").write_text(_NOTE)
            (tools / "note").chmod(0o755)
        environ = {
            **common_environ(home, tools),
            "BLDST_API_URL": self.installation.service.url,
            "BLDST_API_KEY": self.installation.service.key,
            "BLDST_LEASE_SECONDS": str(self.history.lease_seconds),
            "BLDST_WORKER": name,
            "ID": self.build,
            "NOTES": str(self.notes),
            "HISTORY": f"{self.history.seed}-{self.build}",
            **self.storage_environ,
        }
        environ["PATH"] = f"{_BIN}:{environ['PATH']}"
        if number in self.history.shared:
            environ["BLDST_CACHE_DIR"] = str(self.folder / "cache")
        return Worker(name, home, environ, self.tell, is_hasty=number in self.history.hasty)
