"""A call whose attempt is ours, from its claim to its end; and what came of a call."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from prefect.states import Completed

from buildstate_core.errors import ArtifactLost, BuildStateError, Conflict, StaleClaim
from buildstate_core.models import Attempt
from buildstate_flows.engine.cancellation import Ending, Stopper, ending_by
from buildstate_flows.engine.inside import entered
from buildstate_flows.engine.milestone_call import MilestoneCall
from buildstate_flows.engine.results.returned_files import ReturnedFiles
from buildstate_flows.engine.session import BuildSession
from buildstate_flows.prefect_api.flow_run_report import Row
from buildstate_flows.prefect_api.prefect_runs import seconds_to_retry
from buildstate_flows.prefect_api.transfers import noted
from buildstate_worker.attempt import Claimed, Done
from buildstate_worker.heartbeat import LEASE_RUNNING_OUT, margin_seconds, running_out
from buildstate_worker.processes.tree import GRACE_SECONDS

if TYPE_CHECKING:
    from buildstate_worker.processes.offspring import Job


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
        self._flow_ending: Ending | None = None
        self._job: Job | None = None
        claimed.when_stale(self._lose)
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
            is_tried_again = isinstance(error, Exception) and self._flow_ending is None
            retried_in = seconds_to_retry() if is_tried_again else None
            self.session.lose(self.call, retried_in=retried_in)
            ending = self._flow_ending or ending_by(error, since=self._began)
            if ending is not None:
                self._end_started(ending)
                self._end(ending)
            self._note_failure(ending or Ending(_shown(error), is_cancelled=False))
        # One request, also in an async milestone: a cancelled one may not wait for anything.
        self.claimed.__exit__(kind, error, traceback)
        if self._job is not None:
            self.session.offspring.over(self._job)

    def entered(self) -> AbstractContextManager[None]:
        """Have what is called and started in a block know that it is inside of this attempt."""
        return entered(self.claimed.attempt.id)

    def returned(self, paths: Iterable[Path]) -> ReturnedFiles:
        """Return what it has returned, to be told from what others return."""
        session, spec = self.session, self.call.spec
        lane = f" in lane {self.call.lane}" if self.call.lane else ""
        found = ReturnedFiles(
            session.client,
            f"State {spec.state}{lane} ({spec.name})",
            self._began,
            frozenset(each.resolve() for each in paths),
        )
        session.returned.append(found)
        return found

    def noted(self) -> AbstractContextManager[None]:
        """Have what is downloaded in a block noted for this attempt."""
        return noted(self.claimed.note)

    @contextmanager
    def starting(self, *, is_alone: bool) -> Iterator[None]:
        """Have processes that are started in a block known as this milestone's.

        Args:
            is_alone: Whether this thread does nothing else meanwhile.
        """
        offspring = self.session.offspring
        job = self._job = offspring.begin(str(self.claimed.attempt.id))
        before = self.claimed.guards_before_seconds
        with offspring.started_by(job, is_alone=is_alone):
            self.claimed.when_renewed(
                lambda until: offspring.note_lease(job, until, stops_before=before)
            )
            yield
        if before and offspring.is_ended_by_guard:
            raise running_out()  # this process was frozen meanwhile, and does not know it yet

    def give_up(self, lost: ArtifactLost) -> None:
        """End it before it began: what it needs is lost, and has to be made again first."""
        message = f"it needs what state {lost.state} left, which is lost: {lost.message}"
        ending = Ending(message, is_cancelled=True)
        self._end(ending)
        self._note_failure(ending)

    def will_end(self, ending: Ending) -> None:
        """Take that the flow has ended so, and this with it, whatever its function does now."""
        self._flow_ending = self._flow_ending or ending
        self.stopper.mark(_ended_with(ending))

    def stop(self, ending: Ending) -> None:
        """Stop its function."""
        self.stopper.stop(_ended_with(ending))

    def end(self, ending: Ending) -> None:
        """End it from another thread: the flow itself has ended so."""
        self.will_end(ending)
        self._end_started(ending)
        self._end(ending)
        self._note_failure(ending)
        self.stop(ending)

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

    def _lose(self, stale: StaleClaim) -> None:
        """End it from another thread: the claim is no longer ours."""
        self.stopper.mark(stale)
        if self._job is not None:
            seconds = GRACE_SECONDS
            if stale.code == LEASE_RUNNING_OUT:
                # Half of what is left is for killing what does not end by itself.
                seconds = margin_seconds(self.claimed.claim.lease_seconds or 0) / 2
            self.session.offspring.end_of(
                self._job, seconds=seconds, then=lambda: self.stopper.stop(stale)
            )
        self.stopper.stop(stale)

    def _end_started(self, ending: Ending) -> None:
        """End what it has started, before its lease is given up."""
        if self._job is None:
            return
        if ending.is_of_flow:
            self.session.end_started(ending)
        elif self._flow_ending is not None:
            self.session.offspring.end()
        else:
            self.session.offspring.end_of(self._job)

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


def _ended_with(ending: Ending) -> Conflict:
    return Conflict(f"The milestone was ended: {ending.message}.", code="cancelled")


def _shown(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
