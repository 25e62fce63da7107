"""What a traced command has read and made, judged when it has ended."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from buildstate_core.models import Attempt, Discovered
from buildstate_core.rules.reads import steps_below
from buildstate_core.vocabulary import Seen
from buildstate_worker.reads.arguments import Arguments
from buildstate_worker.reads.digests import Digests
from buildstate_worker.reads.judging import Judged, judge, written
from buildstate_worker.reads.made import Made
from buildstate_worker.reads.names import ALL
from buildstate_worker.reads.scope import Scope
from buildstate_worker.reads.tracing.outside import outside
from buildstate_worker.reads.tracing.trace import Trace
from buildstate_worker.reads.wording import COMMAND

NOTHING: Final = Judged((), frozenset())
"""What is seen of a command that is not traced, or has not succeeded."""


def judge_command(
    trace: Trace, scope: Scope, attempt: Attempt, *, digests: Digests, made: Made
) -> Judged:
    """Judge what a command has read, once it has succeeded.

    Args:
        trace: What it did.
        scope: What counts. What is declared, restored, an output or this program's own is known.
        attempt: What it ran for, as it was claimed.
        digests: Those that are known on this machine.
        made: What was made for the build on this machine.

    Raises:
        InvalidInput: It read what an earlier state made and did not hand over.
    """
    seen = trace.seen()
    if seen is None:
        return NOTHING
    judged = judge(
        seen,
        scope,
        Arguments({}, scope),
        state=attempt.state,
        stands_on=steps_below(attempt.fingerprint),
        digests=digests,
        made=made,
        wording=COMMAND,
    )
    if not trace.is_whole:
        judged = replace(judged, reads=(Discovered(path=ALL, what=Seen.UNSTABLE),))
    warnings = (*judged.warnings, *_how_far(trace))
    return replace(judged, warnings=warnings, outside=tuple(outside(seen, scope)))


def written_by(trace: Trace, scope: Scope) -> frozenset[str]:
    """Return the paths of what a command was seen to write, however it ended."""
    seen = trace.seen()
    return frozenset() if seen is None else written(seen, scope)


def _how_far(trace: Trace) -> Iterator[str]:
    """Yield what the user should know of how much was seen."""
    if not trace.is_whole:
        yield (
            "The trace of what it read ends before the command does, since strace was ended:"
            " nothing of it is compared, and it runs again each time."
        )
    elif trace.still_there:
        yield (
            f"It has left {trace.still_there} process(es) behind, which stay traced, and slow,"
            " until they end. What they read from now on is not seen. Start such a process before,"
            " or run the command with --no-trace."
        )
