"""One pass over a build: what it has done so far, and what its machine holds."""

import shutil
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, Protocol
from uuid import UUID, uuid4

from prefect.futures import PrefectFuture

from buildstate_core.errors import InvalidInput
from buildstate_core.models import Build, Orchestrator
from buildstate_core.vocabulary import TRUNK
from buildstate_flows.artifact import Slot
from buildstate_flows.engine.cancellation import Ending
from buildstate_flows.engine.inside import around_this_process
from buildstate_flows.engine.milestone_call import MilestoneCall
from buildstate_flows.engine.results.store import ResultStore
from buildstate_flows.prefect_api.flow_run_report import FlowRunReport
from buildstate_flows.prefect_api.prefect_runs import flow_run_here, orchestrator_of
from buildstate_worker.artifacts import Artifacts
from buildstate_worker.attempt import Worker
from buildstate_worker.client import Client
from buildstate_worker.processes.offspring import Offspring
from buildstate_worker.settings import Settings
from buildstate_worker.workspace.process_memory import ProcessMemory

if TYPE_CHECKING:
    from buildstate_flows.engine.results.returned_files import ReturnedFiles

OTHER_PROCESS: Final = "process-"
"""What the folder of a session in another process begins with; its number is next."""

_RETRY_SLACK_SECONDS: Final = 30.0
"""For Prefect, which begins a retry somewhat later than it says."""

open_session: ContextVar["BuildSession | None"] = ContextVar("open_session", default=None)
"""The session that milestones record to. Prefect copies it into its task runners' threads."""


class Endable(Protocol):
    """A milestone that runs."""

    def will_end(self, ending: Ending) -> None:
        """Take that it ends so, whatever its function does now."""

    def stop(self, ending: Ending) -> None:
        """Stop its function."""

    def end(self, ending: Ending) -> None:
        """End what it has started, record that it ended so, and stop its function."""


class BuildSession:
    """What the milestones of one open build share. Threads may share it.

    Args:
        build: The build.
        client: The service.
        artifacts: What moves artifacts.
        settings: This worker's name and leases.
        folder: Where files go; `None` for a folder that is removed at the end.
        fetch: Returns the path of an artifact to the flow's own code.
        id: Names the session, when it is one that another process has opened.
        report: Where Prefect shows it; `None` for nowhere.
        inside: The attempts that its process runs inside of. Default: as the environment says.

    Attributes:
        worker: Who claims, and by what.
        machine: What this process remembers of the machine of each lane.
        offspring: What its milestones have started in this process.
        calls: The milestones that were called, in order, by lane and state.
        failed: Those of them that have failed, and not succeeded since.
        returned: The files that they have returned, for as long as the session is there.
        rewinding: Held by the thread that makes earlier calls again.
        rewinds: How often that was done.
    """

    def __init__(
        self,
        build: Build,
        *,
        client: Client,
        artifacts: Artifacts,
        settings: Settings,
        folder: Path | None,
        fetch: Callable[["BuildSession", Slot], Path],
        id: UUID | None = None,  # noqa: A002 - as it reads
        report: FlowRunReport | None = None,
        inside: Sequence[UUID] | None = None,
    ) -> None:
        self.id = id or uuid4()
        self.inside = tuple(around_this_process() if inside is None else inside)
        self.report = report
        self.build = build
        self.client = client
        self.worker = Worker(client, artifacts, settings.worker)
        self.settings = settings
        self.results = ResultStore(
            self.id, artifacts, lambda: self.folder, fetch=lambda slot: fetch(self, slot)
        )
        self.calls: dict[tuple[str, int], MilestoneCall] = {}
        self.failed: set[tuple[str, int]] = set()
        self.returned: list[ReturnedFiles] = []
        self._awaited: dict[tuple[str, int], float] = {}
        self._recipes: dict[tuple[str, int], tuple[str, Mapping[str, str]]] = {}
        self.rewinding = threading.Lock()
        self.rewinds = 0
        self.machine = ProcessMemory()
        self.offspring = Offspring(spared=_other_processes_of(weakref.ref(self)))
        self._submitted: set[PrefectFuture[Any]] = set()
        self._running: set[Endable] = set()
        self._ending: Ending | None = None
        self._tried: dict[UUID, MilestoneCall] = {}
        self._orchestrators: dict[UUID, Orchestrator] = {}
        self._change = threading.Condition()
        self._is_closed = False
        self._folder = folder
        self._temporary: list[Path] = []
        # Also when the flow failed and left milestones behind that still run.
        self._clean_up = weakref.finalize(self, _clean_up, client, self.offspring, self._temporary)

    @classmethod
    def current(cls) -> "BuildSession":
        """Return the session that is open here.

        Raises:
            InvalidInput: There is none.
        """
        found = open_session.get()
        if found is None or found.is_closed:
            raise InvalidInput(
                "No build is open here, so that there is nothing to record the milestone to.",
                code="no-open-build",
                hint='Call it inside `with build("project", …):`, in a thread of your own through'
                " `contextvars.copy_context().run`. A unit test may call `.fn(…)`, the plain"
                " function.",
            )
        return found

    @property
    def folder(self) -> Path:
        """Where files go. A temporary one is made when it is first needed.

        What is read after the end of the session has one that lasts as long as its results.
        """
        with self._change:
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix="bldst-"))
                if self._is_closed:
                    weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
                else:
                    self._temporary.append(self._folder)
            self._folder.mkdir(parents=True, exist_ok=True)
            return self._folder.resolve()

    @property
    def has_folder(self) -> bool:
        """Whether there is one already."""
        return self._folder is not None

    @property
    def is_closed(self) -> bool:
        """Whether it has ended."""
        return self._is_closed

    def orchestrator(self, task_run: UUID | None) -> Orchestrator | None:
        """Return what runs a milestone: a task run of the flow run that this is in."""
        flow_run = flow_run_here()
        if flow_run is None:
            return None
        known = self._orchestrators.get(flow_run)
        if known is None:
            known = self._orchestrators[flow_run] = orchestrator_of(flow_run)
        return known.model_copy(update={"task_run_id": task_run})

    def call_of(self, task_run: UUID | None, make: Callable[[], MilestoneCall]) -> MilestoneCall:
        """Return the call of a task run: for each retry the one of the first try.

        Args:
            task_run: The task run; `None` if Prefect's engine does not run it.
            make: Makes the call.
        """
        if task_run is None:
            return make()
        if task_run not in self._tried:
            self._tried[task_run] = make()
        return self._tried[task_run]

    def check_alone(self, call: MilestoneCall, fingerprint: Mapping[str, str]) -> None:
        """Make sure that no other milestone has the same state and lane.

        Each would undo what the other has recorded, for ever. One that failed may be replaced.

        Args:
            call: What is about to be asked for.
            fingerprint: Its own parts. Files may change between two calls of one milestone.

        Raises:
            InvalidInput: Another one has it.
        """
        own = {part: each for part, each in fingerprint.items() if not part.startswith("input:")}
        with self._change:
            name, recipe = self._recipes.setdefault(call.key, (call.spec.name, own))
        if recipe == own:
            return
        differs = sorted(part for part in {*recipe, *own} if recipe.get(part) != own.get(part))
        where = f"State {call.spec.state}" + (f" in lane {call.lane}" if call.lane else "")
        raise InvalidInput(
            f"{where} is called twice in this build, as {name} and as {call.spec.name}, which"
            f" differ in {', '.join(differs)}. Each would undo what the other has recorded.",
            code="two-calls",
            field="lane",
            hint='Give each a lane, such as lane="{region}", or a state of its own.',
        )

    def lose(self, call: MilestoneCall, *, retried_in: float | None = None) -> None:
        """Note that a milestone failed half-way: its lane begins anew, with new copies of files.

        Args:
            call: What failed.
            retried_in: In how many seconds it is tried again; `None` if it is not.
        """
        self._awaited.pop(call.key, None)
        self._recipes.pop(call.key, None)
        if retried_in is None:
            self.failed.add(call.key)
        else:
            self._awaited[call.key] = monotonic() + retried_in + _RETRY_SLACK_SECONDS
        self.machine.lose(call.lane)
        if call.lane != TRUNK:
            self.results.forget_copies(call.lane)

    def awaits(self, lane: str, state: int | None) -> bool:
        """Return whether a milestone failed that is about to be tried again."""
        until = (self._awaited.get((each, state or 0), 0.0) for each in {lane, TRUNK})
        return max(until) > monotonic()

    def note(self, call: MilestoneCall) -> None:
        """Keep a call that was made, so that it can be made again."""
        self.failed.discard(call.key)
        self._awaited.pop(call.key, None)
        self.calls[call.key] = call

    def begin(self, job: Endable) -> None:
        """Note a milestone that runs now."""
        with self._change:
            self._running.add(job)
            ending = self._ending
        if ending is not None:
            job.end(ending)

    def end(self, job: Endable) -> None:
        """Note that it no longer does."""
        with self._change:
            self._running.discard(job)

    def end_started(self, ending: Ending) -> list[Endable]:
        """End what milestones have started, and have those that run now end so; return them."""
        with self._change:
            self._ending = ending
            jobs = list(self._running)
        # All of them before any: what one has started is not always told from another's.
        for job in jobs:
            job.will_end(ending)

        def stop() -> None:
            for job in jobs:
                job.stop(ending)

        self.offspring.end(then=stop)
        return jobs

    def end_all(self, ending: Ending) -> None:
        """End every milestone that runs, in whatever thread: the flow itself was ended so.

        One that still waits for its claim waits no longer.
        """
        jobs = self.end_started(ending)
        for job in jobs:
            job.end(ending)

    def expect(self, future: PrefectFuture[Any]) -> None:
        """Note a submitted milestone, which the end of the session waits for."""
        with self._change:
            self._submitted.add(future)
        future.add_done_callback(self._has_ended)

    def wait(self) -> None:
        """Wait for submitted milestones."""
        with self._change:
            self._change.wait_for(lambda: not self._submitted)

    def close(self) -> None:
        """End the session. Its folder is removed now, or when the last milestone is done."""
        with self._change:
            if not self._submitted:
                self._is_closed = True
                self._clean_up()
                if self._folder in self._temporary:
                    self.results.leave(self._folder.resolve())
                    self._folder = None

    def _has_ended(self, future: PrefectFuture[Any]) -> None:
        with self._change:
            self._submitted.discard(future)
            self._change.notify_all()


def _other_processes_of(
    this: Callable[[], BuildSession | None],
) -> Callable[[], Iterable[int]]:
    """Return what lists the processes of a task runner that run milestones of a session."""

    def listed() -> Iterator[int]:
        session = this()
        if session is not None and session.has_folder:
            for found in session.folder.glob(f"{OTHER_PROCESS}*"):
                yield int(found.name.split("-")[1])

    return listed


def _clean_up(client: Client, offspring: Offspring, folders: list[Path]) -> None:
    offspring.close()
    client.close()
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
