"""What people decide about a build: a state is waived, forced or adopted, or all is cancelled.

Each decision is one transaction that holds the build's row, so that it and a claim at the same
time come one after the other: either the claim is there and the decision is refused, or the claim
finds what was decided.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from buildstate_api.attempts import lifecycle, queries
from buildstate_api.attempts.history import BuildHistory, load_history
from buildstate_api.attempts.recorded_artifacts import add_artifacts
from buildstate_api.builds.planning import plan_of
from buildstate_api.interventions.queries import interventions_after
from buildstate_api.interventions.recording import record
from buildstate_api.paging import Paging
from buildstate_api.tables import AttemptRow, BuildRow
from buildstate_api.views import attempt_view, build_view, intervention_view
from buildstate_core.errors import Held
from buildstate_core.models import (
    Adopt,
    Attempt,
    Build,
    Cancel,
    Force,
    Intervention,
    Page,
    Plan,
    Waive,
)
from buildstate_core.rules.reasons import WAIVED
from buildstate_core.vocabulary import (
    TRUNK,
    AttemptStatus,
    BuildStatus,
    InterventionKind,
    Kind,
)


async def waive(session: AsyncSession, ref: str, wanted: Waive, by: UUID) -> Attempt:
    """Record that a milestone is not needed, as an attempt of its own.

    Raises:
        Held: A worker has it.
        Conflict: The build takes no more work.
    """
    build, now, row = await _decided(session, ref, wanted, AttemptStatus.WAIVED)
    row.reason = WAIVED
    await _record(session, build, InterventionKind.WAIVE, wanted, by, now)
    return await _finished(session, build, row)


async def adopt(session: AsyncSession, ref: str, wanted: Adopt, by: UUID) -> Attempt:
    """Record something that exists already as what a state left.

    Raises:
        Held: A worker has the milestone.
        Conflict: The build takes no more work.
    """
    build, now, row = await _decided(session, ref, wanted, AttemptStatus.COMPLETED)
    row.kind = Kind.CHECKPOINT
    await add_artifacts(session, build, row, wanted.artifacts)
    await _record(session, build, InterventionKind.ADOPT, wanted, by, now)
    return await _finished(session, build, row)


async def force(session: AsyncSession, ref: str, wanted: Force, by: UUID) -> Plan:
    """Have everything from a state on run again, and say what a rerun then does.

    Raises:
        Held: A worker is at work there.
        NotFound: There is no such lane.
        Conflict: The build takes no more work.
    """
    build, now = await _open(session, ref)
    known = await load_history(session, build)
    if wanted.lane != TRUNK and wanted.lane not in known.history.lanes:
        raise lifecycle.no_lane(build, wanted.lane, known.history.lanes)
    holder = next((row for row in known.rows.values() if _is_in_the_way(row, wanted)), None)
    if holder is not None:
        raise _held(
            build,
            holder,
            "what it makes would count as made before you asked",
            f"Wait until it has ended, or give the build up: bldst build cancel {build.number}"
            " --reason TEXT",
        )
    await _record(session, build, InterventionKind.FORCE, wanted, by, now)
    await lifecycle.derive(session, build)
    return await plan_of(session, build, now)


async def cancel(session: AsyncSession, ref: str, wanted: Cancel, by: UUID) -> Build:
    """Give a build up, and end what is being worked on; if repeated, the first reason stays.

    A holder learns it by its next heartbeat.

    Raises:
        Conflict: The build is delivered or was superseded.
    """
    build = await lifecycle.find(session, ref, lock=True)
    now = await lifecycle.mark_lost(session, build)
    reason = lifecycle.why_closed(build)
    if reason == BuildStatus.CANCELLED:
        return build_view(build)
    if reason is not None:
        raise lifecycle.closed(build, reason)
    actor = await record(
        session, build, InterventionKind.CANCEL, by=by, reason=wanted.reason, at=now
    )
    message = f"{actor}: {wanted.reason}"
    for row in _live(build, (await load_history(session, build)).rows.values()):
        lifecycle.end(session, build, row, AttemptStatus.CANCELLED, at=now, message=message)
    await lifecycle.derive(session, build, cancel=True)
    return build_view(build)


async def list_interventions(session: AsyncSession, ref: str, paging: Paging) -> Page[Intervention]:
    """List what people decided about a build, oldest first."""
    build = await lifecycle.find(session, ref)
    start = paging.start(UUID)
    found = await interventions_after(
        session, build.id, start[0] if start else None, paging.limit + 1
    )
    rows, cursor = paging.cut(found, lambda row: (row.id,))
    return Page(
        items=tuple(intervention_view(build.number, row) for row in rows), next_cursor=cursor
    )


async def _open(session: AsyncSession, ref: str) -> tuple[BuildRow, datetime]:
    build = await lifecycle.find(session, ref, lock=True)
    now = await lifecycle.mark_lost(session, build)
    reason = lifecycle.why_closed(build)
    if reason is not None:
        raise lifecycle.closed(build, reason)
    return build, now


async def _decided(
    session: AsyncSession, ref: str, wanted: Waive | Adopt, status: AttemptStatus
) -> tuple[BuildRow, datetime, AttemptRow]:
    """Make the attempt by which a person settles a milestone, and end what was left open there."""
    build, now = await _open(session, ref)
    tries = _tries(build, await load_history(session, build), wanted)
    for row in _live(build, tries):
        if row.lease_until is not None:
            raise _held(
                build,
                row,
                "only that worker can say how it goes",
                "Try again when it has ended; to see what it is doing: "
                f"bldst build get {build.number}",
            )
        message = f"settled by a person: {wanted.reason}"
        lifecycle.end(session, build, row, AttemptStatus.CANCELLED, at=now, message=message)
    await session.flush()  # the live one has to end first: there is at most one
    settled = AttemptRow(
        id=uuid7(),
        build_id=build.id,
        lane=wanted.lane,
        state=wanted.state,
        number=1 + max((each.number for each in tries), default=0),
        status=status,
        message=wanted.reason,
        as_of=now,
        ended_at=now,
        fingerprint={},
    )
    session.add(settled)
    return build, now, settled


async def _finished(session: AsyncSession, build: BuildRow, row: AttemptRow) -> Attempt:
    lifecycle.emit_attempt(session, build, row)
    await lifecycle.derive(session, build)
    found = await queries.attempt(session, row.id)
    assert found is not None  # noqa: S101 - written in this transaction
    return attempt_view(build, found)


async def _record(  # noqa: PLR0917 - what a decision about a milestone is made of
    session: AsyncSession,
    build: BuildRow,
    kind: InterventionKind,
    wanted: Waive | Adopt | Force,
    by: UUID,
    at: datetime,
) -> None:
    await record(
        session,
        build,
        kind,
        by=by,
        reason=wanted.reason,
        at=at,
        state=wanted.state,
        lane=wanted.lane,
    )


def _tries(build: BuildRow, known: BuildHistory, wanted: Waive | Adopt) -> list[AttemptRow]:
    return [
        row
        for row in known.rows.values()
        if (row.build_id, row.lane, row.state) == (build.id, wanted.lane, wanted.state)
    ]


def _live(build: BuildRow, rows: Iterable[AttemptRow]) -> list[AttemptRow]:
    return [row for row in rows if row.build_id == build.id and AttemptStatus(row.status).is_live]


def _is_in_the_way(row: AttemptRow, wanted: Force) -> bool:
    """Whether a worker holds something that is to run again."""
    return (
        AttemptStatus(row.status).is_live
        and row.lease_until is not None
        and row.state >= wanted.state
        and wanted.lane in {TRUNK, row.lane}
    )


def _held(build: BuildRow, row: AttemptRow, why: str, hint: str) -> Held:
    lane = f" in lane {row.lane}" if row.lane else ""
    return Held(
        f"State {row.state}{lane} of build {build.number} is held by {row.worker or 'a worker'};"
        f" {why}.",
        holder=row.worker,
        until=row.lease_until,
        field="state",
        hint=hint,
    )
