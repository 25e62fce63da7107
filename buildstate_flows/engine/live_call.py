"""A call whose attempt is ours, from its claim to its end; and what came of a call."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from time import monotonic
from types import TracebackType
from typing import Any, Self
from uuid import UUID

from prefect.states import Completed

from buildstate_core.errors import ArtifactLost, BuildStateError, Conflict
from buildstate_core.models import Attempt
from buildstate_flows.engine.cancellation import Ending, Stopper, ending_by
from buildstate_flows.engine.milestone_call import MilestoneCall
from buildstate_flows.engine.session import BuildSession
from buildstate_flows.prefect_api.flow_run_report import Row
from buildstate_flows.prefect_api.prefect_runs import seconds_to_retry
from buildstate_flows.prefect_api.transfers import noted
from buildstate_worker.attempt import Claimed, Done

inside_of: ContextVar[tuple[UUID, ...]] = ContextVar("inside_of", default=())
"""The attempts whose functions this code runs inside of, the outermost first."""


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
        """Return the outcome of a call that was skipped."""
        return cls(value, "Restored" if done.is_resume_point else "Skipped", done.text)

    def for_prefect(self) -> Any:
        """Return it as a task returns it: a state that tells."""
        return Completed(name=self.name, message=self.message, data=self.value)


class LiveCall:
    """A call that is ours to run. It may be ended from another thread at any time.

    As a context manager it fails the attempt when the block raises.

    Attributes:
        session: The session that it was made in.
        call: What was called.
        claimed: The attempt.
        stopper: Stops the function when the claim is no longer ours.
    """

    def __init__(self, session: BuildSession, call: MilestoneCall, claimed: Claimed) -> None:
        self.session = session
        self.call = call
        self.claimed = claimed
        self.stopper = Stopper()
        self._began = monotonic()
        self._is_through = False
        claimed.when_stale(self.stopper.stop)
        session.begin(self)

    @property
    def why(self) -> str:
        """Why it runs."""
        return f"attempt {self.claimed.attempt.attempt}; why it ran: {self.claimed.claim.text}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.session.end(self)
        if error is not None:
            retried_in = seconds_to_retry() if isinstance(error, Exception) else None
            self.session.lose(self.call, retried_in=retried_in)
            ending = ending_by(error, since=self._began)
            if ending is not None:
                self._end(ending)
            self._note_failure(ending or Ending(_shown(error), is_cancelled=False))
        # One request, also in an async milestone: a cancelled one may not wait for anything.
        self.claimed.__exit__(kind, error, traceback)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Have what is called in a block know that it is inside of this attempt."""
        token = inside_of.set((*inside_of.get(), self.claimed.attempt.id))
        try:
            yield
        finally:
            inside_of.reset(token)

    def noted(self) -> AbstractContextManager[None]:
        """Have what is downloaded in a block noted for this attempt."""
        return noted(self.claimed.note)

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

    def mark_recorded(self) -> None:
        """Note that it is recorded as completed: that stands, however the call ends."""
        self._is_through = True

    def note(self, outcome: str, attempt: Attempt, message: str = "") -> None:
        """Show in the flow run's report what came of the call."""
        if self.session.report is not None:
            row = Row(
                name=self.call.spec.name,
                outcome=outcome,
                attempt=attempt,
                why=self.claimed.claim.text,
                seconds=monotonic() - self._began,
                message=message,
            )
            self.session.report.note(row)

    def _end(self, ending: Ending) -> None:
        if not self._is_through:
            # What is on its way says more than an error about telling the service of it.
            with suppress(BuildStateError):
                self.claimed.fail(ending.message, is_cancelled=ending.is_cancelled)

    def _note_failure(self, ending: Ending) -> None:
        if not self._is_through:
            outcome = "cancelled" if ending.is_cancelled else "failed"
            self.note(outcome, self.claimed.attempt, ending.message)
            self._is_through = True


def _shown(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
