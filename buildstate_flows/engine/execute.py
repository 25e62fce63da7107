"""Making a call: claim it, then skip it or run it, and record what came of it.

The core's runner says whether to run; here are the function, its arguments and its result. In an
async milestone everything that waits for the service or a storage is in a thread beside the loop.
"""

import asyncio
import inspect
import threading
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AbstractContextManager, ExitStack, suppress
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from time import monotonic
from types import TracebackType
from typing import Any, Self

from prefect.states import Completed

from buildstate_core.errors import ArtifactLost, BuildStateError, Conflict
from buildstate_core.models import Attempt, Claim
from buildstate_flows.artifact import Artifact
from buildstate_flows.engine.arguments import Form, replaced
from buildstate_flows.engine.cancellation import Ending, Stopper, ending_by
from buildstate_flows.engine.milestone_call import MilestoneCall
from buildstate_flows.engine.results import outputs_of, stand_in
from buildstate_flows.engine.session import BuildSession
from buildstate_flows.prefect_api.flow_run_report import Row
from buildstate_flows.prefect_api.prefect_runs import say, task_run_here
from buildstate_flows.prefect_api.transfers import logged, noted
from buildstate_worker.blobs import Blob
from buildstate_worker.runner import Done, Runner, Running


@dataclass(frozen=True)
class Outcome:
    """What came of a call.

    Attributes:
        value: What it returns.
        name: How Prefect is to name the state.
        message: Why it was skipped or run.
    """

    value: Any
    name: str
    message: str

    @classmethod
    def of_done(cls, value: Any, done: Done) -> Self:
        """Give that of a call that was skipped."""
        return cls(value, "Restored" if done.is_resume_point else "Skipped", done.text)

    def for_prefect(self) -> Any:
        """Give it as a task returns it: a state that tells."""
        return Completed(name=self.name, message=self.message, data=self.value)


class Job:
    """A call that is ours to run, with its arguments in place.

    As a context manager it fails the attempt when the block raises.

    Attributes:
        parameters: What the function is called with.
        stopper: Stops the function when the claim is no longer ours.
    """

    def __init__(
        self, session: BuildSession, call: MilestoneCall, running: Running, stopper: Stopper
    ) -> None:
        self.parameters: Mapping[str, Any] = {}
        self.stopper = stopper
        self._session = session
        self._call = call
        self._running = running
        self._began = monotonic()
        self._is_through = False
        session.begin(self)

    @property
    def why(self) -> str:
        """Why it runs."""
        return f"attempt {self._running.attempt.attempt}; why it ran: {self._running.claim.text}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._session.end(self)
        if error is not None:
            self._session.lose(self._call.lane)
            ending = ending_by(error, since=self._began)
            if ending is not None:
                self._end(ending)
            self._note_failure(ending or Ending(_shown(error), is_cancelled=False))
        # One request, also in an async milestone: a cancelled one may not wait for anything.
        self._running.__exit__(kind, error, traceback)

    def noted(self) -> AbstractContextManager[None]:
        """Have what is downloaded in a block noted for this attempt."""
        return noted(self._running.note)

    def give_up(self, lost: ArtifactLost) -> None:
        """End it before it began: what it needs is lost, and has to be made again first."""
        message = f"it needs what state {lost.state} left, which is lost: {lost.message}"
        ending = Ending(message, is_cancelled=True)
        self._end(ending)
        self._note_failure(ending)

    def end(self, ending: Ending) -> None:
        """End it from another thread: the flow itself has ended so."""
        self._end(ending)
        self._note_failure(ending)
        self.stopper.stop(Conflict(f"The milestone was ended: {ending.message}.", code="cancelled"))

    def finish(self, value: Any) -> Outcome:
        """Store and record what the function returned.

        Raises:
            InvalidInput: It cannot be recorded.
            StaleClaim: The milestone was lost or taken over meanwhile.
        """
        spec = self._call.spec
        outputs = outputs_of(value, spec.name, spec.storage_options)
        with logged():
            attempt = self._running.complete(outputs)
        self._is_through = True
        paths = {each.name: each.path for each in outputs if isinstance(each, Blob)}
        root = self._running.claim.storage_url
        result = self._session.results.settle(attempt.artifacts, root, paths)
        self._session.hold(self._call.lane, attempt.id)
        self._session.note(self._call)
        self._note("completed", attempt)
        return Outcome(result, "Completed", self.why)

    def _end(self, ending: Ending) -> None:
        if not self._is_through:
            # What is on its way says more than an error about telling the service of it.
            with suppress(BuildStateError):
                self._running.fail(ending.message, is_cancelled=ending.is_cancelled)

    def _note_failure(self, ending: Ending) -> None:
        if not self._is_through:
            outcome = "cancelled" if ending.is_cancelled else "failed"
            self._note(outcome, self._running.attempt, ending.message)
            self._is_through = True

    def _note(self, outcome: str, attempt: Attempt, message: str = "") -> None:
        if self._session.report is not None:
            row = Row(
                name=self._call.spec.name,
                outcome=outcome,
                attempt=attempt,
                why=self._running.claim.text,
                seconds=monotonic() - self._began,
                message=message,
            )
            self._session.report.note(row)


class Asking:
    """A claim on its way, which may have to wait for another worker, or be given up.

    An async milestone may be cancelled while a thread asks for it. Then nobody would end what the
    thread has claimed, so that the thread hands it over or ends it itself.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._given_up: BaseException | None = None
        self._job: Job | None = None
        self._has_waited = False

    def wait(self, claim: Claim) -> None:
        """Say once that another worker has it."""
        if self._given_up is not None:
            raise Conflict("The milestone was cancelled while it waited.", code="cancelled")
        if not self._has_waited:
            self._has_waited = True
            holder = claim.holder or "another worker"
            say(f"State {claim.attempt.state} is held by {holder}; waiting for it.")

    def hand_over(self, begun: "Outcome | Job") -> "Outcome | Job":
        """Give what was begun to whoever asked, or end it if nobody does any more."""
        with self._lock:
            if isinstance(begun, Job):
                self._job = begun
                if self._given_up is not None:
                    begun.__exit__(type(self._given_up), self._given_up, None)
        return begun

    def give_up(self, error: BaseException) -> None:
        """Say that nobody asks any more."""
        with self._lock:
            self._given_up = error
            if self._job is not None:
                self._job.__exit__(type(error), error, None)


def begin(
    session: BuildSession, call: MilestoneCall, asking: Asking, *, is_rewound: bool
) -> Outcome | Job:
    """Claim a milestone, and have its arguments on this worker if it has to run.

    Args:
        session: The session.
        call: What is called.
        asking: Who waits for the answer.
        is_rewound: A later milestone starts from before it, so that no later checkpoint covers it.

    Raises:
        ArtifactLost: What it needs is gone or corrupt. Its attempt is failed.
        ArtifactUnreachable: Nobody can tell. Nothing is run.
        InvalidInput: What it makes could not be stored. Its attempt is failed.
        Held, Refused, Conflict: As the service says.
    """
    settings = session.settings
    runner = Runner(session.client, session.artifacts, worker=settings.worker, on_wait=asking.wait)
    stopper = Stopper()
    claim = call.to_claim(
        session.build,
        session.machine(call.lane),
        lease_seconds=settings.lease_seconds,
        is_rewound=is_rewound,
        giver=session.id,
        orchestrator=session.orchestrator(task_run_here()),
    )
    begun = runner.begin(claim, on_stale=stopper.stop, probe=_probe_of(session, call))
    if isinstance(begun, Done):
        return _skipped(session, call, begun)
    with ExitStack() as stack:
        job = stack.enter_context(Job(session, call, begun, stopper))
        say(f"State {call.spec.state} runs, {job.why}.")
        _check_place(session, call, begun)
        as_it_is = begun.claim.is_in_place
        if not as_it_is:
            session.restore(call.lane)
        try:
            with job.noted():
                job.parameters = _in_place(session, call, as_it_is=as_it_is)
        except ArtifactLost as error:
            job.give_up(error)
            raise
        stack.pop_all()
    return job


def run_to_end(coroutine: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Run a coroutine function from a thread that may have a running loop already."""
    made: list[Any] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            made.append(asyncio.run(coroutine()))
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            failed.append(error)

    thread = threading.Thread(target=copy_context().run, args=(run,))
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return made[0]


def _skipped(session: BuildSession, call: MilestoneCall, done: Done) -> Outcome:
    outcome = Outcome.of_done(session.results.settle(done.artifacts, done.storage_url), done)
    session.note(call)
    if session.report is not None:
        name = call.spec.name
        row = Row(name=name, outcome=outcome.name.lower(), attempt=done.attempt, why=done.text)
        session.report.note(row)
    return outcome


def _probe_of(session: BuildSession, call: MilestoneCall) -> Callable[[Done], bool] | None:
    """Give what asks the user's probe about what the milestone returned."""
    probe = call.spec.probe
    if probe is None:
        return None

    def ask(done: Done) -> bool:
        value = session.results.settle(done.artifacts, done.storage_url)
        if inspect.iscoroutinefunction(probe):
            return bool(run_to_end(lambda: probe(value)))
        return bool(probe(value))

    return ask


def _check_place(session: BuildSession, call: MilestoneCall, running: Running) -> None:
    """Make sure that what will be made can be stored, before work is put into it.

    Whether there will be files is known if the function is annotated so, and is taken for granted
    if the milestone says where they go. What they are called is not known: a template that goes on
    below the name may lead anywhere, so that the upload alone can tell.
    """
    spec, rules = call.spec, running.claim.storage
    if not spec.leaves_files and not spec.storage_options.is_about_places:
        return
    location = (
        spec.storage_options.storage
        or (rules.url if rules else None)
        or session.settings.storage_url
    )
    if "/" not in location.partition("{name")[2]:
        running.check_places([stand_in(spec.name, spec.storage_options)])


def _in_place(session: BuildSession, call: MilestoneCall, *, as_it_is: bool) -> dict[str, Any]:
    def put(form: Form, value: Any) -> Any:
        if not isinstance(value, Artifact) or form is Form.LAZY:
            return value
        path = session.results.place(value, call.lane, as_it_is=as_it_is)
        return str(path) if form is Form.TEXT and not isinstance(path, Artifact) else path

    forms = call.spec.forms
    return {
        name: replaced(value, partial(put, forms.get(name, Form.PATH)))
        for name, value in call.parameters.items()
    }


def _shown(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
