"""`bldst run`: claim, restore, run the command, upload, complete.

If a state has to run first on this machine, and was called here in this pass, it is called again.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from buildstate_cli import exit_codes
from buildstate_cli.connection import connect
from buildstate_cli.options import Format
from buildstate_cli.output.messages import notice, print_message
from buildstate_cli.output.progress import meter
from buildstate_cli.run.child import Signalled, signals_raised
from buildstate_cli.run.flags import RunFlags
from buildstate_cli.run.journal import Call, Journal
from buildstate_cli.run.step import Ready, Site, Step, made_ready, told_if_unwritable
from buildstate_cli.session import Session
from buildstate_cli.validation import build_reference
from buildstate_core.errors import ArtifactLost, InvalidInput, Refused
from buildstate_core.models import Claim
from buildstate_worker.artifacts import Artifacts
from buildstate_worker.client import STEADY, Client
from buildstate_worker.rewind import TURNS, Rewind, names_what_to_run_first
from buildstate_worker.runner import Runner
from buildstate_worker.transfer_progress import OnTransfer
from buildstate_worker.workspace.machine_state import Workspace

_TELL_EVERY_SECONDS: Final = 30.0


def run(
    session: Session, output: Format, reference: str, command: Sequence[str], flags: RunFlags
) -> int:
    """Run a command as one state of a build, or skip it; give the exit code."""
    wanted = build_reference(reference)
    if not command:
        raise InvalidInput(
            "There is no command to run.",
            code="no-command",
            field="COMMAND",
            hint="Put it behind two dashes: bldst run 123 --state 25 -- make image",
        )
    workspace = Workspace(Path.cwd())
    call = Call(command=command, flags=flags)
    ready = made_ready(call, workspace.folder)
    with connect(session, retries=STEADY) as client:
        build = client.get_build(wanted)
        journal = Journal(workspace, build.id)
        with told_if_unwritable("how to run this state again, if a later one needs it"):
            journal.note(call)
        told = meter(session.environ)
        runner = _runner(session, client, told)
        site = Site(session, output, build, workspace, runner, told)
        try:
            with signals_raised():
                return _Pass(site, journal).perform(call, ready)
        except Signalled as ended:
            return ended.exit_code


class _Pass:
    """What `bldst run` does, and does again."""

    def __init__(self, site: Site, journal: Journal) -> None:
        self._site = site
        self._journal = journal

    def perform(
        self, call: Call, ready: Ready | None = None, *, outer: Rewind | None = None
    ) -> int:
        """Make a call, with what is missing below it made again as often as that helps.

        Args:
            call: What to do.
            ready: The same, made ready. That is done anew after something below it has run, which
                may have changed its inputs.
            outer: What is being made again, if this call is part of that.
        """
        rewind = outer or Rewind()
        for turn in range(TURNS):
            step = Step(
                self._site,
                call,
                ready or made_ready(call, self._site.workspace.folder),
                is_again=outer is not None,
                can_rewind=partial(self._can_rewind, call, turn),
            )
            try:
                return self._run(step, call, is_rewound=rewind.covers(call.flags.state))
            except (ArtifactLost, Refused) as error:
                if not self._can_rewind(call, turn, error):
                    raise
                code = self._make_again(call, rewind.because_of(error), error)
                if code != exit_codes.OK:
                    return code
            ready = None
        raise AssertionError  # the last turn returns or raises

    def _run(self, step: Step, call: Call, *, is_rewound: bool) -> int:
        """Make one try; one more, from where the trunk is, if a lane lacks only what is there."""
        workspace, lane = self._site.workspace, call.flags.lane
        try:
            return step.run(is_rewound=is_rewound)
        except Refused as error:
            is_of_trunk = any(each.flags.lane != lane for each in self._below(call, error)[:1])
            if not is_of_trunk or not workspace.can_begin_anew(self._site.build.id, lane):
                raise
        workspace.begin_anew(self._site.build.id, lane)
        return step.run(is_rewound=is_rewound)

    def _can_rewind(self, call: Call, turn: int, error: BaseException) -> bool:
        return turn < TURNS - 1 and bool(self._below(call, error))

    def _below(self, call: Call, error: BaseException) -> list[Call]:
        """Give the calls to make again, if the one that an error names was made here."""
        if not names_what_to_run_first(error):
            return []
        assert error.state is not None  # noqa: S101 - as `names_what_to_run_first` has seen
        return self._journal.calls(error.state, lane=call.flags.lane, below=call.flags.state)

    def _make_again(self, call: Call, rewind: Rewind, error: ArtifactLost | Refused) -> int:
        below, wanted = self._below(call, error), call.flags
        print_message(error.message, f"{_as_called(below)}; then state {wanted.state} goes on.")
        for each in below:
            rewind.count(each.key, error)
            flags = replace(each.flags, wait_seconds=wanted.wait_seconds)
            code = self.perform(replace(each, flags=flags), outer=rewind)
            if code != exit_codes.OK:
                print_message(
                    f"State {wanted.state} is not run: it needs state {flags.state} first."
                )
                return code
        return exit_codes.OK


def _as_called(calls: Sequence[Call]) -> str:
    """Say what is called again; a checkpoint among them may be as good as before."""
    states = [f"{each.flags.state}" for each in calls]
    if len(states) == 1:
        return f"State {states[0]} is run again now, as it was called here"
    every = f"{', '.join(states[:-1])} and {states[-1]}"
    return f"States {every} are called again now, as they were here, and run where that is needed"


def _runner(session: Session, client: Client, on_transfer: OnTransfer) -> Runner:
    settings = session.settings
    artifacts = Artifacts.of_worker(client, settings, on_transfer=on_transfer)
    told = 0.0

    def on_wait(claim: Claim) -> None:
        nonlocal told
        if time.monotonic() - told > _TELL_EVERY_SECONDS or not told:
            told = time.monotonic()
            attempt = claim.attempt
            notice(
                f"bldst: state {attempt.state} of build {attempt.build} is held by"
                f" {claim.holder or 'another worker'}; waiting until it is done."
            )

    return Runner(client, artifacts, worker=settings.worker, on_wait=on_wait)
