"""Last phase: record how it went, and tell. Only then the workspace remembers it."""

import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from buildstate_cli import exit_codes
from buildstate_cli.output.messages import explain_error, notice
from buildstate_cli.run.call.prepare import PreparedCall
from buildstate_cli.run.execute import Ran
from buildstate_cli.run.site import Site, tell, told_if_unwritable
from buildstate_core.errors import BuildStateError, StaleClaim
from buildstate_core.models import Attempt, Discovered
from buildstate_core.models.claims import MAX_DISCOVERED
from buildstate_core.vocabulary import Seen
from buildstate_worker import attempt
from buildstate_worker.attempt import Claimed, Done, Uploaded
from buildstate_worker.heartbeat import LEASE_RUNNING_OUT
from buildstate_worker.reads.names import ALL

_RECORD_SECONDS: Final = 10.0
_MOST_OUTSIDE: Final = 5


def tell_skipped(site: Site, prepared: PreparedCall, done: Done) -> None:
    """Print that there was nothing to run."""
    tell(done.attempt, f"skipped: {done.text}")
    _show(site, prepared, done.attempt)


def record(site: Site, prepared: PreparedCall, ran: Ran, uploaded: Uploaded) -> None:
    """Record that the command succeeded, with what was uploaded; then remember the machine.

    Raises:
        StaleClaim: The state was lost or taken over meanwhile. What was uploaded is removed.
        Unreachable: The service does not answer. It may have been recorded.
    """
    settled, judged = ran.settled, ran.judged
    found = {each.path: each for each in (*judged.reads, *settled.reads)}
    reads = list(found.values())
    if len(reads) > MAX_DISCOVERED:  # what is not compared is never the same
        reads = [Discovered(path=ALL, what=Seen.UNSTABLE)]
    done = attempt.record(uploaded, reads=reads, revised=settled.parts)
    assert done.step_digest is not None  # noqa: S101 - a claim made it
    with told_if_unwritable("that this machine is as this state has left it"):
        ran.machine.end(done.step_digest)
    tell(done, "completed")
    _tell_outside(judged.outside)
    _show(site, prepared, done)


def record_failure(site: Site, prepared: PreparedCall, ran: Ran) -> int:
    """Record that the command did not succeed; return the exit code."""
    problem = ran.ended.problem or ""
    failed = ran.claimed.fail(problem, is_cancelled=ran.ended.is_cancelled)
    tell(failed, f"{failed.status}: {problem}")
    _show(site, prepared, failed)
    return ran.ended.exit_code


def tell_lost(site: Site, prepared: PreparedCall, claimed: Claimed, stale: StaleClaim) -> int:
    """Print that the claim was lost, and record it if nobody else can have it yet.

    Returns:
        The exit code.
    """
    explain_error(stale)
    if not prepared.is_again:
        site.show_error(stale)
    if stale.code != LEASE_RUNNING_OUT:
        return exit_codes.exit_code(stale)
    recorded: list[Attempt] = []

    def fail() -> None:
        with suppress(BuildStateError):
            recorded.append(claimed.fail(f"stopped by itself: {stale.message}"))

    # A service that does not answer would be waited for much longer than it matters.
    recording = threading.Thread(target=fail, daemon=True)
    recording.start()
    recording.join(_RECORD_SECONDS)
    how = "failed: it was stopped" if recorded else "stopped; that could not be recorded"
    tell(claimed.attempt, how)
    return exit_codes.UNREACHABLE


def _tell_outside(paths: Sequence[str]) -> None:
    """Print what was read outside of the project, if that was seen."""
    if paths:
        more = len(paths) - _MOST_OUTSIDE
        shown = ", ".join(paths[:_MOST_OUTSIDE])
        notice(f"bldst: read, not compared: {shown}{f' and {more} more' if more > 0 else ''}")


def _show(site: Site, prepared: PreparedCall, shown: Attempt) -> None:
    if not prepared.is_again:  # its output is for the call that was typed
        site.show(shown)
