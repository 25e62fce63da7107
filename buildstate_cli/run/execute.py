"""Third phase: run the command as a child process, until it ends or the claim is lost.

The command is told:

- `BLDST_BUILD_ID`, `BLDST_STATE`, `BLDST_LANE`, `BLDST_ATTEMPT`: which attempt it is.
- `BLDST_INSIDE`: the ids of that attempt and of those around it. A `bldst run` inside of another
  one of the same build would wait for it for ever, and is refused.
"""

import os
from collections.abc import Collection, Sequence
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
from buildstate_worker.inputs.source import is_glob, matches, split_glob
from buildstate_worker.reads import Judged
from buildstate_worker.reads.tracing import NOTHING, Strace, Trace, judge_command, written_by
from buildstate_worker.workspace.one_run import MachineDuringRun


@dataclass(frozen=True)
class Ran:
    """A command that has run.

    Attributes:
        ended: How it ended.
        stale: The claim was lost, so that nothing of it can be recorded as done; why.
        machine: What the workspace remembers of the machine that it ran on.
        settled: What turned out of what went into it, if it succeeded.
        judged: What it was seen to read, as far as it was traced and has succeeded.
        touched: The absolute paths of files in the working directory that it made or changed.
    """

    claimed: Claimed
    ended: Ended
    stale: StaleClaim | None
    machine: MachineDuringRun
    settled: Settled
    judged: Judged
    touched: frozenset[str]


def execute(site: Site, prepared: PreparedCall, placed: Placed, strace: Strace | None) -> Ran:
    """Run the command. What the workspace remembers is emptied before the command starts.

    Args:
        site: Where.
        prepared: What.
        placed: The attempt, with what it needs in place.
        strace: What traces it; `None` if it is not traced.

    Raises:
        OSError: The workspace cannot be written, and remembers something else.
        InvalidInput: It was seen to read what an earlier state made and does not hand over.
    """
    claimed, folder, recipe = placed.claimed, site.workspace.folder, placed.asked.recipe
    restored = [folder / each for each in placed.paths]
    machine = MachineDuringRun(
        site.workspace,
        site.build.id,
        claimed.attempt.lane,
        kind=prepared.kind,
        is_in_place=claimed.claim.is_in_place,
        restored=restored,
    )
    machine.begin()
    untouched = _untouched(prepared, placed, folder)
    before = Before.look(folder)
    settled, judged = Settled(), NOTHING
    with Trace(strace, prepared.call.command, folder=folder, environ=site.session.environ) as trace:
        ended, stale = _run(site, prepared, placed, trace)
        scope = recipe.scope([site.cache_folder, *map(os.path.realpath, restored)])
        touched = _note_made(prepared, placed, before, written_by(trace, scope))
        if stale is None and ended.problem is None:
            _warn_of_leftovers(prepared, untouched)
            settled = recipe.settled(prepared, str(claimed.attempt.id))
            judged = judge_command(
                trace, scope, claimed.attempt, digests=recipe.checkout.digests, made=recipe.made
            )
            for warning in (*settled.warnings, *judged.warnings):
                warn(warning)
    return Ran(claimed, ended, stale, machine, settled, judged, touched)


def _run(
    site: Site, prepared: PreparedCall, placed: Placed, trace: Trace
) -> tuple[Ended, StaleClaim | None]:
    """Run the command; return how it ended, and why its claim was lost."""
    claimed = placed.claimed
    assert prepared.feed is not None  # noqa: S101 - it was not asked for without one
    with prepared.feed.given() as stdin:
        child = Child(
            trace.words(),
            folder=site.workspace.folder,
            environ={**site.environ(claimed.attempt), **placed.environ},
            stdout_to_stderr=prepared.is_again or site.output is not Format.TABLE,
            stdin=stdin,
            grace_seconds=prepared.flags.grace_seconds,
        )
        claimed.when_renewed(
            lambda until: child.note_lease(until, stops_before=claimed.guards_before_seconds)
        )
        # The claim may have been lost while files were restored: then it does not even start.
        claimed.when_stale(lambda stale: _stop(child, claimed, stale))
        ended = child.run()
    stale = claimed.stale
    if stale is not None and stale.code == LEASE_RUNNING_OUT and not child.was_stopped:
        stale = None  # it had ended before it could be stopped
    elif stale is None and child.was_stopped:
        stale = running_out()  # this process was frozen meanwhile, and does not know it yet
    return ended, stale


def _note_made(
    prepared: PreparedCall, placed: Placed, before: Before, written: Collection[str]
) -> frozenset[str]:
    """Remember what the command has made, and what it has left of what earlier ones made.

    Args:
        prepared: The call.
        placed: The attempt.
        before: What was in the working directory before.
        written: What it was seen to write, there and elsewhere.

    Returns:
        All that it has touched.
    """
    attempt, made = placed.claimed.attempt, placed.asked.recipe.made
    created, changed = before.since()
    created.extend(set(written).difference(created, changed))
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
        else _signature(blob.path)
        for blob in prepared.blobs
    ]


def _signature(path: Path) -> str | None:
    """Return the signature of what is at a place, or of the one file that a glob matches there."""
    if not is_glob(str(path), path):
        return signature(path)
    found = matches(*split_glob(str(path)))
    return signature(Path(found[0])) if len(found) == 1 else None


def _warn_of_leftovers(prepared: PreparedCall, before: Sequence[str | None]) -> None:
    for blob, was in zip(prepared.blobs, before, strict=True):
        if was not in {None, MISSING} and _signature(blob.path) == was:
            warn(
                f"--artifact {blob.place or blob.path} was there before, and the command has"
                " not touched it.",
                "It is recorded as what the command made. If it is a leftover, remove it and"
                f" have state {prepared.flags.state} run again.",
            )
