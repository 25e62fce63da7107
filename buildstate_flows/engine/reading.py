"""What a function reads without having declared it: noted while it runs, compared before a skip."""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from buildstate_core.errors import InvalidInput
from buildstate_core.models import Attempt, Discovered
from buildstate_core.rules.reads import steps_below
from buildstate_core.vocabulary import Kind
from buildstate_flows.engine.milestone_call import MilestoneCall
from buildstate_flows.engine.session import BuildSession
from buildstate_flows.prefect_api.prefect_runs import say
from buildstate_worker.attempt import Done
from buildstate_worker.inputs.declared import changed_since
from buildstate_worker.inputs.ignoring import Ignored
from buildstate_worker.inputs.source import Checkout
from buildstate_worker.reads import (
    FUNCTION,
    Arguments,
    Compared,
    Digests,
    Made,
    Project,
    Recording,
    Scope,
    compare,
    judge,
    loaded_modules,
    recording,
    written,
)


@dataclass
class _Noted:
    """What one attempt did.

    Attributes:
        attempt: The attempt, as it was claimed.
        arguments: The paths that it was called with.
        seen: What it did.
        made: What it made, once that is judged.
    """

    attempt: Attempt
    arguments: Arguments
    seen: Recording
    made: frozenset[str] = frozenset()


class Reading:
    """What one call of a milestone reads.

    Args:
        session: The session.
        call: The call.
        attempt: The attempt that it is, as it was claimed; `None` if there is none yet.
    """

    def __init__(
        self, session: BuildSession, call: MilestoneCall, attempt: Attempt | None = None
    ) -> None:
        self._session = session
        self._call = call
        self._attempt = attempt
        self._folder = session.settings.cache_dir.absolute() / "reads"
        self._scope = Scope(
            project=Project.around(Path.cwd()),
            known=tuple(self._known()),
            ignore=call.spec.ignore_reads,
        )
        self._noted: _Noted | None = None

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Note what the block reads, unless the milestone is not to be looked at."""
        attempt = self._attempt
        if attempt is None or not self._call.spec.discover:
            yield
            return
        arguments = Arguments(self._call.parameters, self._scope)
        with recording() as seen:
            self._noted = _Noted(attempt, arguments, seen)
            try:
                yield
            except BaseException:
                self._made().note(attempt.id, attempt.state, written(seen, self._scope_now()))
                raise

    def compared(self, done: Done) -> Compared:
        """Compare what the call has read when it was done."""
        if not self._call.spec.discover:
            return Compared(0)
        return compare(done.reads, self._scope, digests=self._digests(), made=self._made())

    def judged(self) -> tuple[Discovered, ...]:
        """Judge what was read, once the function has returned.

        Raises:
            InvalidInput: It read what an earlier state made and did not return.
        """
        if self._noted is None:
            return ()
        attempt = self._noted.attempt
        judged = judge(
            self._noted.seen,
            self._scope_now(),
            self._noted.arguments,
            state=attempt.state,
            stands_on=steps_below(attempt.fingerprint),
            digests=self._digests(),
            made=self._made(),
            wording=FUNCTION,
            code=loaded_modules(),
        )
        self._noted.made = judged.made
        for warning in judged.warnings:
            say(f"State {attempt.state}: {warning}")
        return judged.reads

    @property
    def checkout(self) -> Checkout:
        """Where the call runs, for the inputs that it declares."""
        folder = Path.cwd()
        return Checkout(folder, self._scope.project, self._digests(), Ignored(folder))

    def revised(self) -> Mapping[str, str | None]:
        """Return the parts for declared inputs that changed while the function ran."""
        if self._attempt is None or not self._call.spec.inputs:
            return {}
        attempt = self._attempt
        try:
            now = self._call.inputs(self.checkout)
        except InvalidInput:  # one is gone
            now = {}
        changed = changed_since(attempt.fingerprint, now, str(attempt.id))
        for part in changed:
            name = part.partition(":")[2]
            say(f"State {attempt.state}: {name} changed while this ran: it runs again next time.")
        return dict(changed)

    def keep(self, results: Iterable[Path]) -> None:
        """Remember what was made here, once nobody touches it any more.

        Args:
            results: The files that the function has returned.
        """
        if self._noted is not None:
            attempt = self._noted.attempt
            if attempt.kind is Kind.EPHEMERAL:
                results = map(Path, self._noted.made)  # made again wherever it is needed
            self._made().note(attempt.id, attempt.state, self._noted.made, map(os.fspath, results))

    def _scope_now(self) -> Scope:
        """Return what counts, now that the function may have asked for the folder of the pass."""
        shared = (str(self._session.folder),) if self._session.has_folder else ()
        return replace(self._scope, shared=shared)

    def _known(self) -> Iterator[str]:
        """Yield what the call reads and is known otherwise, and what is this program's own."""
        yield str(self._session.settings.cache_dir.absolute())
        yield from map(os.path.abspath, self._call.spec.inputs)
        yield from map(str, self._session.results.paths())
        code = getattr(self._call.spec.function, "__code__", None)
        if code is not None:
            yield os.path.abspath(code.co_filename)  # noqa: PTH100 - as it is, not resolved

    def _digests(self) -> Digests:
        return Digests(self._folder, self._scope.project.folder)

    def _made(self) -> Made:
        return Made(self._folder, self._session.build.id)
