"""One try at one call of `bldst run`, phase by phase.

    prepare ──► ask ──► put in place ──► execute ──► upload ──► record
                 │                          │
                 └─► done: skipped          └─► failed, or the claim was lost: recorded as that

Each phase takes what the one before it returned, and none calls back.
"""

from collections.abc import Callable

from buildstate_cli import exit_codes
from buildstate_cli.run.ask import ask
from buildstate_cli.run.call.prepare import PreparedCall
from buildstate_cli.run.execute import execute
from buildstate_cli.run.place import Placed, put_in_place, put_where_asked
from buildstate_cli.run.record import record, record_failure, tell_lost, tell_skipped
from buildstate_cli.run.site import Site
from buildstate_cli.run.upload import upload
from buildstate_core.errors import ArtifactLost, Refused
from buildstate_worker.attempt import Done
from buildstate_worker.reads.tracing import Strace


def attempt(
    site: Site,
    prepared: PreparedCall,
    *,
    is_rewound: bool,
    can_rewind: Callable[[ArtifactLost], bool],
) -> int:
    """Skip it or run it; return the exit code.

    Args:
        site: Where.
        prepared: What.
        is_rewound: Whether a later state starts from before it.
        can_rewind: Returns whether what made a lost artifact is run again from here.

    Raises:
        ArtifactLost: What it needs is gone or corrupt. It was not run.
        Refused: Another state has to run first.
        InvalidInput: It is to be traced, and cannot be here. Nothing is asked for.
    """
    strace = site.strace(prepared.call.command, is_wanted=prepared.flags.counting.trace)
    asked = ask(site, prepared, is_rewound=is_rewound)
    if isinstance(asked, Done):
        put_where_asked(site, prepared, asked)
        tell_skipped(site, prepared, asked)
        return exit_codes.OK
    with asked.claimed as claimed:
        if prepared.feed is None:
            claimed.fail("given up: what fed it is gone", is_cancelled=True)
            raise _not_fed_again(prepared)
        try:
            placed = put_in_place(site, prepared, asked)
        except ArtifactLost as lost:
            if can_rewind(lost):
                message = f"given up to run state {lost.state} again first: {lost.message}"
                claimed.fail(message, is_cancelled=True)
            raise
        return _carry_out(site, prepared, placed, strace)


def _carry_out(site: Site, prepared: PreparedCall, placed: Placed, strace: Strace | None) -> int:
    ran = execute(site, prepared, placed, strace)
    if ran.stale is not None:
        return tell_lost(site, prepared, ran.claimed, ran.stale)
    if ran.ended.problem is not None:
        return record_failure(site, prepared, ran)
    record(site, prepared, ran, upload(site, prepared, ran))
    return exit_codes.OK


def _not_fed_again(prepared: PreparedCall) -> Refused:
    state = prepared.flags.state
    return Refused(
        f"State {state} has to run first, and cannot be called again from here: what it was fed"
        " with on its standard input is gone.",
        code="stdin-gone",
        state=state,
        field="stdin",
        hint=f"Run the call of state {state} again as your pipeline has it, then this one.",
    )
