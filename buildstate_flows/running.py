"""Making a call: claim it, then skip it or run it, and record what came of it.

The core's runner says whether to run; here are the function, its arguments and its result. In an
async milestone everything that waits for the service or a storage is in a thread beside the loop.
"""

import threading
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from prefect import get_run_logger
from prefect.exceptions import MissingContextError
from prefect.states import Completed

from buildstate_core.artifacts import Blob
from buildstate_core.errors import Conflict
from buildstate_core.models import Claim
from buildstate_core.runner import Done, Runner, Running
from buildstate_flows.arguments import replaced
from buildstate_flows.calls import Call
from buildstate_flows.lazy import Artifact
from buildstate_flows.passes import Pass
from buildstate_flows.results import outputs_of


@dataclass(frozen=True)
class Outcome:
    """What came of a call.

    Attributes:
        value: What it returns.
        skipped: Why it was not run, if it was not.
    """

    value: Any
    skipped: Done | None = None

    def for_prefect(self) -> Any:
        """Give it as a task returns it: a state with a name, if it was skipped."""
        if self.skipped is None:
            return self.value
        name = "Restored" if self.skipped.is_resume_point else "Skipped"
        return Completed(name=name, message=self.skipped.text, data=self.value)


class Job:
    """A call that is ours to run, with its arguments in place.

    As a context manager it fails the attempt when the block raises.
    """

    def __init__(
        self, work: Pass, call: Call, running: Running, parameters: Mapping[str, Any]
    ) -> None:
        self.parameters = parameters
        self._pass = work
        self._call = call
        self._running = running

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is not None:
            self._pass.lose(self._call.lane)
        # One request, also in an async milestone: a cancelled one may not wait for anything.
        self._running.__exit__(kind, error, traceback)

    def finish(self, value: Any) -> Outcome:
        """Store and record what the function returned.

        Raises:
            InvalidInput: It cannot be recorded.
            StaleClaim: The milestone was lost or taken over meanwhile.
        """
        outputs = outputs_of(value, self._call.recipe.name)
        attempt = self._running.complete(outputs)
        paths = {each.name: each.path for each in outputs if isinstance(each, Blob)}
        root = self._running.claim.storage_url
        result = self._pass.shelf.settle(attempt.artifacts, root, paths)
        self._pass.hold(self._call.lane, attempt.id)
        self._pass.note(self._call)
        return Outcome(result)


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


def begin(work: Pass, call: Call, asking: Asking, *, is_rewound: bool) -> Outcome | Job:
    """Claim a milestone, and have its arguments on this worker if it has to run.

    Args:
        work: The pass.
        call: What is called.
        asking: Who waits for the answer.
        is_rewound: A later milestone starts from before it, so that no later checkpoint covers it.

    Raises:
        ArtifactLost: What it needs is gone or corrupt. Its attempt is failed.
        ArtifactUnreachable: Nobody can tell. Nothing is run.
        Held, Refused, Conflict: As the service says.
    """
    settings = work.settings
    runner = Runner(work.client, work.artifacts, worker=settings.worker, on_wait=asking.wait)
    claim = call.to_claim(
        work.build,
        work.machine(call.lane),
        lease_seconds=settings.lease_seconds,
        is_rewound=is_rewound,
    )
    begun = runner.begin(claim)
    if isinstance(begun, Done):
        value = work.shelf.settle(begun.artifacts, begun.storage_url)
        work.note(call)
        return Outcome(value, begun)
    with ExitStack() as stack:
        job = stack.enter_context(Job(work, call, begun, {}))
        as_it_is = begun.claim.is_in_place
        if not as_it_is:
            work.restore(call.lane)
        job.parameters = _in_place(work, call, as_it_is=as_it_is)
        stack.pop_all()
    return job


def say(line: str) -> None:
    """Log a line where Prefect shows it; nowhere outside a run."""
    with suppress(MissingContextError):
        get_run_logger().info(line)


def _in_place(work: Pass, call: Call, *, as_it_is: bool) -> dict[str, Any]:
    def place(value: Any) -> Any:
        if not isinstance(value, Artifact):
            return value
        return work.shelf.place(value, call.lane, as_it_is=as_it_is)

    return {name: replaced(value, place) for name, value in call.parameters.items()}
