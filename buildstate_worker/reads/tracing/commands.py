"""What the commands of one build read on this machine: judged, remembered, and compared."""

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Final
from uuid import UUID

from buildstate_core.models import Attempt, Discovered, RecordedRead
from buildstate_core.rules.reads import steps_below
from buildstate_core.vocabulary import Kind, Seen
from buildstate_worker.reads.arguments import Arguments
from buildstate_worker.reads.comparing import Compared, compare
from buildstate_worker.reads.digests import Digests
from buildstate_worker.reads.judging import Judged, judge, written
from buildstate_worker.reads.made import Made
from buildstate_worker.reads.scope import Scope
from buildstate_worker.reads.tracing.outside import outside
from buildstate_worker.reads.tracing.trace import Trace
from buildstate_worker.reads.wording import COMMAND

NOTHING: Final = Judged((), frozenset())
"""What a command is seen to read that is not traced, or has not succeeded."""


class CommandReads:
    """What the commands of one build read.

    Args:
        scope: What counts. What is declared, restored, an output or this program's own is known.
        memory: Where digests, and what was made, are remembered on this machine.
        build: The build.
    """

    def __init__(self, scope: Scope, memory: Path, build: UUID) -> None:
        self._scope = scope
        self._memory = memory
        self._build = build

    def compared(self, reads: Iterable[RecordedRead]) -> Compared:
        """Compare what a command read when it was done."""
        return compare(reads, self._scope, digests=self._digests(), made=self._made())

    def judged(self, trace: Trace, attempt: Attempt) -> Judged:
        """Judge what a command has read, once it has succeeded; nothing, if it was not traced.

        Raises:
            InvalidInput: It read what an earlier state made and did not hand over.
        """
        seen = trace.seen()
        if seen is None:
            return NOTHING
        judged = judge(
            seen,
            self._scope,
            Arguments({}, self._scope),
            state=attempt.state,
            stands_on=steps_below(attempt.fingerprint),
            digests=self._digests(),
            made=self._made(),
            wording=COMMAND,
        )
        warnings = list(judged.warnings)
        if not trace.is_whole:
            judged = replace(judged, reads=(Discovered(path=".", what=Seen.UNSTABLE),))
            warnings.append(
                "The trace of what it read ends before the command does, since strace was ended:"
                " nothing of it is compared, and it runs again each time."
            )
        elif trace.still_there:
            warnings.append(
                f"It has left {trace.still_there} process(es) behind, which stay traced, and slow,"
                " until they end. What they read from now on is not seen. Start such a process"
                " before, or run the command with --no-trace."
            )
        return replace(judged, warnings=tuple(warnings), outside=tuple(outside(seen, self._scope)))

    def keep(self, attempt: Attempt, made: Iterable[str], results: Iterable[Path]) -> None:
        """Remember what a command has made here, once nobody touches it any more.

        Call it for those that are not traced, too: what they hand over is an input of nobody.

        Args:
            attempt: The attempt.
            made: What it was seen to write.
            results: Its artifacts.
        """
        made, results = set(made), list(results)
        for each in results:
            made.update(map(os.fspath, each.rglob("*")))
        if attempt.kind is Kind.EPHEMERAL:
            results = list(map(Path, made))  # made again wherever it is needed
        self._made().note(attempt.id, attempt.state, made, map(os.fspath, results))

    def keep_failed(self, trace: Trace, attempt: Attempt) -> None:
        """Remember what a command has made that did not succeed."""
        seen = trace.seen()
        if seen is not None:
            self._made().note(attempt.id, attempt.state, written(seen, self._scope))

    def _digests(self) -> Digests:
        return Digests(self._memory, self._scope.project.folder)

    def _made(self) -> Made:
        return Made(self._memory, self._build)
