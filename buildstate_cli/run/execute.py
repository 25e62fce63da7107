"""Third phase: run the command as a child process, until it ends or the claim is lost.

The command is told:

- `BLDST_BUILD_ID`, `BLDST_STATE`, `BLDST_LANE`, `BLDST_ATTEMPT`: which attempt it is.
- `BLDST_INSIDE`: the ids of that attempt and of those around it. A `bldst run` inside of another
  one of the same build would wait for it for ever, and is refused.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from buildstate_cli.options import Format
from buildstate_cli.output.messages import warn
from buildstate_cli.run.call.prepare import PreparedCall
from buildstate_cli.run.child import Child, Ended
from buildstate_cli.run.place import Placed
from buildstate_cli.run.site import Site
from buildstate_core.errors import StaleClaim
from buildstate_worker.attempt import Claimed
from buildstate_worker.files.stat_signature import MISSING, signature
from buildstate_worker.heartbeat import LEASE_RUNNING_OUT, margin_seconds, running_out
from buildstate_worker.inputs.command import Settled
from buildstate_worker.inputs.created import Before
from buildstate_worker.workspace.one_run import MachineDuringRun


@dataclass(frozen=True)
class Ran:
    """A command that has run.

    Attributes:
        ended: How it ended.
        stale: The claim was lost, so that nothing of it can be recorded as done; why.
        machine: What the workspace remembers of the machine that it ran on.
        settled: What turned out of what went into it, if it succeeded.
        touched: The absolute paths of files in the working directory that it made or changed.
    """

    claimed: Claimed
    ended: Ended
    stale: StaleClaim | None
    machine: MachineDuringRun
    settled: Settled
    touched: frozenset[str]


def execute(site: Site, prepared: PreparedCall, placed: Placed) -> Ran:
    """Run the command. What the workspace remembers is emptied before the command starts.

    Raises:
        OSError: The workspace cannot be written, and remembers something else.
    """
    claimed, folder = placed.claimed, site.workspace.folder
    machine = MachineDuringRun(
        site.workspace,
        site.build.id,
        claimed.attempt.lane,
        kind=prepared.kind,
        is_in_place=claimed.claim.is_in_place,
        restored=[folder / each for each in placed.paths],
    )
    machine.begin()
    untouched = _untouched(prepared, placed, folder)
    before = Before.look(folder)
    assert prepared.feed is not None  # noqa: S101 - it was not asked for without one
    child = Child(
        prepared.call.command,
        folder=folder,
        environ={**site.environ(claimed.attempt), **placed.environ},
        stdout_to_stderr=prepared.is_again or site.output is not Format.TABLE,
        stdin=prepared.feed.for_child(),
        grace_seconds=prepared.flags.grace_seconds,
    )
    claimed.when_renewed(
        lambda until: child.note_lease(until, stops_before=claimed.guards_before_seconds)
    )
    # The claim may have been lost while files were restored: then the child does not even start.
    claimed.when_stale(lambda stale: _stop(child, claimed, stale))
    ended = child.run()
    stale = claimed.stale
    if stale is not None and stale.code == LEASE_RUNNING_OUT and not child.was_stopped:
        stale = None  # it had ended before it could be stopped
    elif stale is None and child.was_stopped:
        stale = running_out()  # this process was frozen meanwhile, and does not know it yet
    touched = _note_made(prepared, placed, before)
    settled = Settled()
    if stale is None and ended.problem is None:
        _warn_of_leftovers(prepared, untouched)
        settled = placed.asked.recipe.settled(prepared, str(claimed.attempt.id))
        for warning in settled.warnings:
            warn(warning)
    return Ran(claimed, ended, stale, machine, settled, touched)


def _note_made(prepared: PreparedCall, placed: Placed, before: Before) -> frozenset[str]:
    """Remember what the command has made, and what it has left of what earlier ones made.

    Returns:
        All that it has touched.
    """
    attempt, made = placed.claimed.attempt, placed.asked.recipe.made
    created, changed = before.since()
    known = [each for each in changed if made.has(each)]
    restored = [str(before.folder / each) for each in placed.paths]
    results = [*restored, *(str(each.path) for each in prepared.blobs)]
    made.note(attempt.id, attempt.state, [*created, *known], results)
    return frozenset([*created, *changed])


def _stop(child: Child, claimed: Claimed, stale: StaleClaim) -> None:
    if stale.code == LEASE_RUNNING_OUT:
        # Half of what is left is for killing what does not end by itself.
        child.stop(grace_seconds=margin_seconds(claimed.claim.lease_seconds or 0) / 2)
    else:
        child.stop()


def _untouched(prepared: PreparedCall, placed: Placed, folder: Path) -> Sequence[str | None]:
    """Return the signatures of what the command should make, unless it may well leave that.

    That is what was restored for it, or is on this machine since a step before.
    """
    known = {Path(os.path.normpath(folder / each)) for each in placed.paths}
    return [
        None
        if placed.claimed.claim.is_in_place or Path(os.path.normpath(blob.path)) in known
        else signature(blob.path)
        for blob in prepared.blobs
    ]


def _warn_of_leftovers(prepared: PreparedCall, before: Sequence[str | None]) -> None:
    for blob, was in zip(prepared.blobs, before, strict=True):
        if was not in {None, MISSING} and signature(blob.path) == was:
            warn(
                f"--artifact {blob.place or blob.path} was there before, and the command has"
                " not touched it.",
                "It is recorded as what the command made. If it is a leftover, remove it and"
                f" have state {prepared.flags.state} run again.",
            )
