"""Last phase: record what a function has returned. Only then the session remembers it."""

from buildstate_flows.engine.live_call import Outcome
from buildstate_flows.engine.upload import Stored
from buildstate_worker import attempt


def record(stored: Stored) -> Outcome:
    """Record the milestone as completed; return what the call returns.

    Raises:
        InvalidInput: Another attempt has returned one of its files meanwhile.
        StaleClaim: The milestone was lost or taken over meanwhile. What was uploaded is removed.
        Unreachable: The service does not answer. It may have been recorded.
    """
    live = stored.live
    session, call = live.session, live.call
    with stored.uploaded.undone_on_error():
        stored.returned.check()
    done = attempt.record(stored.uploaded, reads=stored.reads, revised=stored.revised)
    assert done.step_digest is not None  # noqa: S101 - a claim made it
    live.mark_recorded()
    stored.returned.take_recorded(done.artifacts)
    result = session.results.settle(done.artifacts, live.claimed.claim.storage_url, stored.paths)
    session.machine.hold(call.lane, done.step_digest)
    session.note(call)
    live.note("completed", done)
    return Outcome(result, "Completed", live.why)
