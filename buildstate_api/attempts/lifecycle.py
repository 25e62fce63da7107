"""What every change of a build does in its transaction: lock, record, derive, emit."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from buildstate_api.attempts import queries
from buildstate_api.attempts.history import load_history
from buildstate_api.attempts.leases import expired_attempts, extend_leases_after_outage
from buildstate_api.database import database_now
from buildstate_api.outbox import emit
from buildstate_api.tables import AttemptRow, BuildRow, RunSampleRow
from buildstate_core.errors import Conflict, NotFound
from buildstate_core.rules.facts import AttemptFact
from buildstate_core.rules.progress import Progress, progress
from buildstate_core.vocabulary import MAX_STATE, TRUNK, AttemptStatus, BuildStatus

_MAX_NUMBER = 2**63 - 1


async def find(
    session: AsyncSession, ref: str | UUID, *, lock: bool = False, field: str = "build"
) -> BuildRow:
    """Find a build by id or number, or say that there is none.

    With `lock`, every other writer of this build waits until the commit. Several builds are locked
    in ascending order of their ids, after the project and before anything else.
    """
    parsed = ref if isinstance(ref, UUID) else _parsed(ref)
    row = None if parsed is None else await queries.build(session, parsed, lock=lock)
    if row is None:
        raise NotFound(
            f"There is no build {str(ref)[:80]!r}.",
            code="build-not-found",
            field=field,
            hint="Name it by its number or id. To see them: bldst build list",
        )
    return row


async def find_id(session: AsyncSession, ref: str) -> UUID | None:
    """Find the id of a build by its id or number; `None` if there is no such build."""
    parsed = _parsed(ref)
    return None if parsed is None else await queries.build_id(session, parsed)


async def lock_lineage(session: AsyncSession, build_id: UUID) -> Sequence[BuildRow]:
    """Lock a build and all that derive from it.

    Returns:
        Them, parents before children.
    """
    lineage: set[UUID] = set()
    while True:
        found = {build_id, *await queries.descendants(session, build_id)}
        rows = await queries.lock_builds(session, found)
        if found == lineage:  # none was derived while the others were waited for
            return sorted(rows, key=lambda row: row.number)
        lineage = found


def why_closed(build: BuildRow, *, for_lane: str | None = None) -> str | None:
    """Return why a build takes no more work, or `None` if it does.

    Args:
        build: The build.
        for_lane: The lane that is to be worked in. What is delivered in lanes is delivered lane
            by lane: another one may still begin, and changes nothing in the others.
    """
    if build.superseded_by is not None:
        return "superseded"
    if build.status == BuildStatus.COMPLETED:
        lanes = {each["lane"] for each in build.lanes}
        is_new = bool(for_lane) and bool(lanes) and for_lane not in lanes
        return None if is_new else build.status
    return build.status if build.status == BuildStatus.CANCELLED else None


def closed(build: BuildRow, reason: str) -> Conflict:
    """Make the error for work on a build that takes no more."""
    return Conflict(
        f"Build {build.number} is {reason}; what is delivered or given up no longer changes.",
        code=f"build-{reason}",
        field="build",
        hint="Start a new build with another version or key, or with restart.",
    )


def no_lane(build: BuildRow, lane: str, lanes: Iterable[str], field: str = "lane") -> NotFound:
    """Make the error for a lane in which nothing is recorded."""
    known = ", ".join(lanes)
    return NotFound(
        f"Build {build.number} has no lane {lane}.",
        code="lane-not-found",
        field=field,
        hint=f"Its lanes are: {known}." if known else "It has only the trunk: leave the lane out.",
    )


async def mark_lost(session: AsyncSession, build: BuildRow) -> datetime:
    """End the attempts of a locked build whose lease ran out.

    Returns:
        The database's time by which they were judged: an attempt that is still live was live then.
    """
    now = await extend_leases_after_outage(session)
    expired = await expired_attempts(session, build.id, now)
    for row in expired:
        assert row.lease_until is not None  # noqa: S101 - an expired one has a lease
        message = f"{row.worker or 'its worker'} stopped answering: the lease ran out"
        at = max(row.as_of, row.lease_until)  # however late that is noticed
        end(session, build, row, AttemptStatus.LOST, at=at, message=message)
    if expired:
        await derive(session, build)
    return now


def end(
    session: AsyncSession,
    build: BuildRow,
    row: AttemptRow,
    status: AttemptStatus,
    *,
    at: datetime,
    message: str | None,
) -> None:
    """End a live attempt of a locked build, and keep for how long it ran if a claim completes."""
    row.status = status
    row.message = message if message is not None else row.message
    row.as_of = at
    row.ended_at = at
    row.transfer = None
    if status is AttemptStatus.COMPLETED and row.lease_until is not None:
        session.add(_sample(build, row))
    emit_attempt(session, build, row)


def emit_attempt(session: AsyncSession, build: BuildRow, row: AttemptRow) -> None:
    """Add the event of an attempt's new status to the outbox."""
    data = {
        "attempt_id": str(row.id),
        "state": row.state,
        "lane": row.lane,
        "attempt": row.number,
        "status": row.status,
        "reason": row.reason,
        "message": row.message,
        "worker": row.worker,
    }
    emit(session, f"attempt.{row.status}", data, build_id=build.id)


def emit_skip(
    session: AsyncSession, build: BuildRow, row: AttemptRow, worker: str | None, reason: str
) -> None:
    """Add to the outbox that a worker was told to skip a milestone, and why."""
    data = {
        "attempt_id": str(row.id),
        "state": row.state,
        "lane": row.lane,
        "reason": reason,
        "worker": worker,
    }
    emit(session, "milestone.skipped", data, build_id=build.id)


async def derive(session: AsyncSession, build: BuildRow, *, cancel: bool = False) -> None:
    """Bring what is derived of a locked build up to date, and emit a change of its status.

    With `cancel`, a person has given it up just now.
    """
    await session.flush()
    known = await load_history(session, build)
    required = [each.code for each in build.catalog.states if each.required]
    found = progress(
        known.history,
        last_state=max((each.code for each in build.catalog.states), default=MAX_STATE),
        required=required,
        is_cancelled=cancel or build.status == BuildStatus.CANCELLED,
        is_delivered=build.status == BuildStatus.COMPLETED,
    )
    now = await database_now(session)
    before = build.status
    _store(build, found, now)
    own = [row for row in known.rows.values() if row.build_id == build.id]
    begun = [row.started_at or row.ended_at for row in own]
    build.started_at = min((at for at in begun if at is not None), default=None)
    ended = [row.ended_at for row in own if row.ended_at is not None]
    is_finished = build.status == BuildStatus.COMPLETED
    build.finished_at = max(ended, default=None) if is_finished else None
    if build.status != before:
        emit(session, f"build.{build.status}", {"number": build.number}, build_id=build.id)
    await session.flush()


def _store(build: BuildRow, found: Progress, now: datetime) -> None:
    build.status = found.status
    build.current_state = found.current_state
    build.frontier = found.frontier
    build.peak = found.peak
    build.active = list(found.active)
    build.resume_from = found.resume_from
    build.updated_at = now
    build.lanes = [
        {
            "lane": each.lane,
            "status": each.status,
            "current_state": each.current_state,
            "frontier": each.frontier,
            "resume_from": each.resume_from,
        }
        for each in found.lanes
    ]
    build.failure = None if found.failure is None else _failure(found.failure)


def _sample(build: BuildRow, row: AttemptRow) -> RunSampleRow:
    assert row.started_at is not None  # noqa: S101 - a claim begins
    assert row.ended_at is not None  # noqa: S101 - it has just ended
    return RunSampleRow(
        attempt_id=row.id,
        project_id=build.project_id,
        platform=build.platform,
        state=row.state,
        is_in_lane=row.lane != TRUNK,
        ended_at=row.ended_at,
        seconds=max((row.ended_at - row.started_at).total_seconds(), 0.0),
    )


def _failure(attempt: AttemptFact) -> dict[str, object]:
    return {
        "state": attempt.state,
        "lane": attempt.lane,
        "attempt": attempt.number,
        "message": attempt.message,
        "at": attempt.as_of.isoformat(),
    }


def _parsed(ref: str) -> UUID | int | None:
    if ref.isascii() and ref.isdigit():
        number = int(ref) if len(ref) <= len(str(_MAX_NUMBER)) else _MAX_NUMBER + 1
        return number if number <= _MAX_NUMBER else None
    try:
        return UUID(ref)
    except ValueError:
        return None
