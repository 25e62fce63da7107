"""First phase: ask for a milestone. It is done and skipped, or it is ours to run."""

import inspect
import threading
from collections.abc import Callable
from typing import Final

from buildstate_core.errors import Conflict, Refused
from buildstate_core.models import Claim, ClaimRequest
from buildstate_flows.engine.cancellation import Ending
from buildstate_flows.engine.coroutines import run_to_end
from buildstate_flows.engine.inside import inside_of
from buildstate_flows.engine.live_call import LiveCall, Outcome
from buildstate_flows.engine.milestone_call import MilestoneCall
from buildstate_flows.engine.reading import Reading
from buildstate_flows.engine.session import BuildSession
from buildstate_flows.prefect_api.flow_run_report import Row
from buildstate_flows.prefect_api.prefect_runs import (
    say,
    show_running,
    show_waiting,
    task_run_here,
)
from buildstate_worker import attempt
from buildstate_worker.attempt import Claimed, Done
from buildstate_worker.rewind import RUN_FIRST

_LOOK_SECONDS: Final = 1.0


class Caller:
    """Whoever waits for a claim, which may have to wait for another worker, or be given up.

    An async milestone may be cancelled while a thread asks for it. Then nobody would end what the
    thread has claimed, so that the thread hands it over or ends it itself.

    Args:
        kept: A lock that this caller holds. While it waits it gives that away: whoever it waits for
            may need it.
    """

    def __init__(self, kept: "threading.Lock | None" = None) -> None:
        self._lock = threading.Lock()
        self._kept = kept
        self._over = threading.Event()
        self._given_up: BaseException | None = None
        self._live: LiveCall | None = None
        self._told: str | None = None

    def tell(self, claim: Claim) -> None:
        """Log once for whom it waits, and show it in Prefect."""
        if claim.text != self._told:
            self._told = claim.text
            say(f"Waiting: {claim.text}.")
            show_waiting(claim.text)

    def stop_waiting(self) -> None:
        """Show in Prefect that it runs, if it was shown to wait."""
        if self._told is not None:
            self._told = None
            show_running()

    def sleep(self, seconds: float) -> None:
        """Wait, unless nobody wants the milestone any more.

        Raises:
            Conflict: Nobody does.
        """
        if self._kept is not None:
            self._kept.release()
        try:
            self._over.wait(seconds)
        finally:
            if self._kept is not None:
                self._kept.acquire()
        if self._over.is_set():
            raise Conflict("The milestone was cancelled while it waited.", code="cancelled")

    def will_end(self, _ending: Ending) -> None:
        """End the wait: the flow itself was ended."""
        self._over.set()

    stop = will_end
    end = will_end

    def take(self, live: LiveCall) -> None:
        """Take over what was claimed, or end it if nobody waits any more."""
        with self._lock:
            self._live = live
            if self._given_up is not None:
                live.__exit__(type(self._given_up), self._given_up, None)

    def give_up(self, error: BaseException) -> None:
        """Say that nobody waits any more."""
        self._over.set()
        with self._lock:
            self._given_up = error
            if self._live is not None:
                self._live.__exit__(type(error), error, None)


def ask(
    session: BuildSession,
    call: MilestoneCall,
    caller: Caller,
    *,
    is_made_again: bool,
    is_rewound: bool,
) -> Outcome | LiveCall:
    """Return what a milestone that is done has returned, or the call that is ours to run.

    Args:
        session: The session.
        call: What is called.
        caller: Who waits for the answer.
        is_made_again: It was called before, and is called again by us. Then it may well be needed
            by what runs now; otherwise a milestone that calls another one is refused.
        is_rewound: A later milestone starts from before it, so that no later checkpoint covers it.

    Raises:
        ArtifactUnreachable: Nobody can tell whether its artifact is there. Nothing is run.
        InvalidInput: Another milestone was called at its state.
        Held, Refused, Conflict: As the service says.
    """

    def request() -> ClaimRequest:
        wanted = call.to_request(
            session.build,
            session.machine.held(call.lane),
            worker=session.worker.name,
            lease_seconds=session.settings.lease_seconds,
            inside=() if is_made_again else (*session.inside, *inside_of.get()),
            is_rewound=is_rewound,
            checkout=Reading(session, call).checkout,
            session_id=session.id,
            orchestrator=session.orchestrator(task_run_here()),
        )
        session.check_alone(call, wanted.fingerprint)
        return wanted

    session.begin(caller)
    try:
        asked = _asked(session, call, caller, request)
    finally:
        session.end(caller)
    caller.stop_waiting()
    if isinstance(asked, Done):
        return _skipped(session, call, asked)
    return LiveCall(session, call, asked)


def _asked(
    session: BuildSession,
    call: MilestoneCall,
    caller: Caller,
    request: Callable[[], ClaimRequest],
) -> Done | Claimed:
    """Ask, and ask again while what has to come first has failed and is about to be retried."""
    while True:
        try:
            return attempt.ask(
                session.worker,
                session.build.id,
                request,
                on_wait=caller.tell,
                sleep=caller.sleep,
                probe=_probe_of(session, call),
                compare=lambda done: Reading(session, call).compared(done),
                counted=lambda: attempt.Counted(call.spec.code_in_words),
            )
        except Refused as error:
            if error.code != RUN_FIRST or not session.awaits(call.lane, error.state):
                raise
        caller.sleep(_LOOK_SECONDS)


def _skipped(session: BuildSession, call: MilestoneCall, done: Done) -> Outcome:
    outcome = Outcome.of_done(session.results.settle(done.artifacts, done.storage_url), done)
    session.note(call)
    if session.report is not None:
        name = call.spec.name
        row = Row(name=name, outcome=outcome.name.lower(), attempt=done.attempt, why=done.text)
        session.report.note(row)
    return outcome


def _probe_of(session: BuildSession, call: MilestoneCall) -> Callable[[Done], bool] | None:
    """Return what asks the user's probe about what the milestone returned."""
    probe = call.spec.probe
    if probe is None:
        return None

    def holds(done: Done) -> bool:
        value = session.results.settle(done.artifacts, done.storage_url)
        if inspect.iscoroutinefunction(probe):
            return bool(run_to_end(lambda: probe(value)))
        return bool(probe(value))

    return holds
