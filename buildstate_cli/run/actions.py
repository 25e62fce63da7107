"""`bldst run`: one call of it, and the calls below it that have to be made again first.

If a state has to run first on this machine, and was called here in this pass, it is called again.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from buildstate_cli import exit_codes
from buildstate_cli.connection import connect
from buildstate_cli.options import Format
from buildstate_cli.output.messages import explain_error, notice, print_message
from buildstate_cli.output.progress import meter
from buildstate_cli.output.show import show_error
from buildstate_cli.run.attempt import attempt
from buildstate_cli.run.call.flags import RunFlags
from buildstate_cli.run.call.journal import Journal, RunCall
from buildstate_cli.run.call.prepare import PreparedCall, prepare, prepare_again
from buildstate_cli.run.site import Site, told_if_unwritable
from buildstate_cli.session import Session
from buildstate_cli.signals import ENDING, Signalled, signals_raised
from buildstate_cli.validation import build_reference
from buildstate_core.errors import ArtifactLost, BuildStateError, InvalidInput, Refused
from buildstate_core.models import Claim
from buildstate_core.rules.reasons import HELD
from buildstate_worker.artifacts import Artifacts
from buildstate_worker.attempt import Worker
from buildstate_worker.client import STEADY
from buildstate_worker.inputs.standard_input import feed_of_this_process
from buildstate_worker.rewind import (
    Rewind,
    Turn,
    failed_in_this_pass,
    names_what_to_run_first,
    with_rewinds,
)
from buildstate_worker.workspace.machine_key import MachineKey
from buildstate_worker.workspace.machine_state import Workspace

_TELL_EVERY_SECONDS: Final = 30.0


def run(
    session: Session, output: Format, reference: str, command: Sequence[str], flags: RunFlags
) -> int:
    """Run a command as one state of a build, or skip it; return the exit code."""
    try:
        return _run(session, output, reference, command, flags)
    except BuildStateError as error:
        show_error(error, output)
        raise


def _run(
    session: Session, output: Format, reference: str, command: Sequence[str], flags: RunFlags
) -> int:
    wanted = build_reference(reference)
    if not command:
        raise InvalidInput(
            "There is no command to run.",
            code="no-command",
            field="COMMAND",
            hint="Put it behind two dashes: bldst run 123 --state 25 -- make image",
        )
    workspace = Workspace(Path.cwd())
    with ExitStack() as stack:
        feed = feed_of_this_process(is_declared=flags.counting.takes_stdin)
        stack.callback(feed.close)
        call = RunCall(command=command, flags=flags, fed_file=feed.file)
        prepared = prepare(call, workspace.folder, feed=feed)
        client = stack.enter_context(connect(session, retries=STEADY))
        build = client.get_build(wanted)
        journal = Journal(workspace, build.id, MachineKey(session.settings.data_dir))
        with told_if_unwritable("how to run this state again, if a later one needs it"):
            journal.note(call)
        told = meter(session.environ)
        settings = session.settings
        artifacts = Artifacts.of_worker(client, settings, on_transfer=told)
        worker = Worker(client, artifacts, settings.worker)
        site = Site(session, output, build, workspace, worker, told, _teller_of_waits())
        try:
            with signals_raised(ENDING):
                return _Pass(site, journal).perform(prepared)
        except Signalled as ended:
            return ended.exit_code


class _NotMadeAgain(Exception):
    """A state that was made again did not succeed, so that what needs it is not run.

    Attributes:
        exit_code: As it ended.
        refusal: What becomes of what needs it.
    """

    def __init__(self, exit_code: int, refusal: Refused) -> None:
        super().__init__(exit_code)
        self.exit_code = exit_code
        self.refusal = refusal


class _Pass:
    """What `bldst run` does, and does again."""

    def __init__(self, site: Site, journal: Journal) -> None:
        self._site = site
        self._journal = journal

    def perform(self, prepared: PreparedCall, *, outer: Rewind | None = None) -> int:
        """Make a call, with what is missing below it made again as often as that helps.

        Args:
            prepared: What to do. It is prepared anew after something below it has run, which may
                have changed its inputs.
            outer: What is being made again, if this call is part of that.

        Returns:
            The exit code.
        """
        call, rewind = prepared.call, outer or Rewind()
        below = partial(self._below, call)

        def once(turn: Turn) -> int:
            return self._attempt(
                prepared if turn.number == 0 else self._prepared_anew(prepared),
                is_rewound=rewind.covers(call.flags.state),
                can_rewind=lambda error: bool(turn.remedy(error, below)),
            )

        def make_again(calls: Sequence[RunCall], error: ArtifactLost | Refused) -> None:
            self._make_again(call, calls, rewind.because_of(error), error)

        try:
            code = with_rewinds(once, below=below, make_again=make_again)
        except _NotMadeAgain as ended:
            if outer is None:
                self._site.show_error(ended.refusal)
            return ended.exit_code
        self._note_pipe(prepared)
        if code != exit_codes.OK:
            with told_if_unwritable("that this state has failed in this pass"):
                self._journal.note_failure(call)
        return code

    def _prepared_anew(self, prepared: PreparedCall) -> PreparedCall:
        """Read a call once more, after something below it has run."""
        if prepared.is_again:
            return self._prepare_again(prepared.call)
        return prepare(prepared.call, self._site.workspace.folder, feed=prepared.feed)

    def _prepare_again(self, call: RunCall) -> PreparedCall:
        return prepare_again(call, self._site.workspace.folder)

    def _attempt(
        self,
        prepared: PreparedCall,
        *,
        is_rewound: bool,
        can_rewind: Callable[[ArtifactLost], bool],
    ) -> int:
        """Make one try; one more, from where the trunk is, if a lane lacks only what is there."""
        workspace, build, lane = self._site.workspace, self._site.build.id, prepared.flags.lane
        once = partial(attempt, self._site, prepared, is_rewound=is_rewound, can_rewind=can_rewind)
        try:
            return once()
        except Refused as error:
            below = self._below(prepared.call, error)
            is_of_trunk = any(each.flags.lane != lane for each in below[:1])
            if not is_of_trunk or not workspace.can_begin_anew(build, lane):
                raise
        workspace.begin_anew(build, lane)
        return once()

    def _note_pipe(self, prepared: PreparedCall) -> None:
        """Keep that what the call was fed with is gone, so that it cannot be made again."""
        if prepared.feed is not None and prepared.feed.is_used_up():
            with told_if_unwritable("that this state cannot be fed again"):
                self._journal.note_pipe(prepared.call)

    def _below(self, call: RunCall, error: BaseException) -> list[RunCall]:
        """Return the calls to make again, if the one that an error names was made here."""
        if not names_what_to_run_first(error):
            return []
        assert error.state is not None  # noqa: S101 - as `names_what_to_run_first` has seen
        calls = self._journal.calls(error.state, lane=call.flags.lane, below=call.flags.state)
        if calls and calls[0].has_failed and isinstance(error, Refused):
            raise failed_in_this_pass(error)
        return calls

    def _make_again(
        self,
        call: RunCall,
        below: Sequence[RunCall],
        rewind: Rewind,
        error: ArtifactLost | Refused,
    ) -> None:
        """Make the calls below one again.

        Raises:
            _NotMadeAgain: One of them did not succeed.
        """
        wanted = call.flags
        print_message(error.message, f"{_as_called(below)}; then state {wanted.state} goes on.")
        for each in below:
            rewind.count(each.key, error)
            flags = replace(each.flags, wait_seconds=wanted.wait_seconds)
            prepared = self._prepare_again(replace(each, flags=flags))
            code = self.perform(prepared, outer=rewind)
            if code != exit_codes.OK:
                refusal = Refused(
                    f"State {wanted.state} is not run: it needs state {flags.state} first.",
                    code="run-first",
                    state=flags.state,
                )
                explain_error(refusal)
                raise _NotMadeAgain(code, refusal)


def _as_called(calls: Sequence[RunCall]) -> str:
    """Return a sentence of what is called again. Not all of it runs: a checkpoint may be good."""
    states = [f"{each.flags.state}" for each in calls]
    if len(states) == 1:
        return f"State {states[0]} is run again now, as it was called here"
    every = f"{', '.join(states[:-1])} and {states[-1]}"
    return f"States {every} are called again now, as they were here, and run where that is needed"


def _teller_of_waits() -> Callable[[Claim], None]:
    """Return what says now and then that another worker has the state."""
    told = 0.0

    def on_wait(claim: Claim) -> None:
        nonlocal told
        if time.monotonic() - told > _TELL_EVERY_SECONDS or not told:
            told = time.monotonic()
            where = f"build {claim.attempt.build}"
            if claim.reason == HELD:
                where = f"state {claim.attempt.state} of {where}"
            notice(f"bldst: {where}: {claim.text}; waiting until it is done.")

    return on_wait
