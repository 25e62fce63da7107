"""Reports: what is said about a milestone without a claim, and where it belongs."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final, assert_never

from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from buildstate_api.attempts import lifecycle, queries
from buildstate_api.attempts.facts import attempt_fact
from buildstate_api.attempts.recorded_artifacts import add_artifacts
from buildstate_api.outbox import emit
from buildstate_api.tables import AttemptRow, BuildRow
from buildstate_core.errors import Held
from buildstate_core.models import Report
from buildstate_core.rules.attempts import (
    HeldByClaim,
    NewAttempt,
    Outdated,
    Update,
    merged,
    place_report,
)
from buildstate_core.vocabulary import AttemptStatus, Kind

_EVER: Final = datetime.min.replace(tzinfo=UTC)


async def place(
    session: AsyncSession, build: BuildRow, wanted: Report, now: datetime
) -> AttemptRow:
    """Record a report about a locked build with the attempt that it belongs to.

    An older report never overwrites a newer one; it is kept in the history.

    Args:
        session: The transaction.
        build: The build, which takes work still.
        wanted: The report.
        now: The database's time, by which the build's leases were judged.

    Returns:
        The attempt, which may be new.

    Raises:
        Held: A worker holds the milestone under a claim.
        InvalidInput: An artifact lies where the project does not allow it.
        Conflict: The attempt has an artifact of that name already.
    """
    at = min(wanted.at or now, now)  # a client's clock that is ahead must not hide what follows
    rows = {
        str(row.id): row
        for row in await queries.attempts(session, build.id)
        if (row.build_id, row.lane, row.state) == (build.id, wanted.lane, wanted.state)
    }
    known = [attempt_fact(row, build) for row in rows.values()]
    placement = place_report(wanted.status, at, known)
    match placement:
        case HeldByClaim(attempt):
            raise _held(build, rows[attempt.id])
        case NewAttempt(number):
            row = _add_reported(session, build, wanted, number, at)
            await add_artifacts(session, build, row, wanted.artifacts)
        case Update(attempt):
            row = rows[attempt.id]
            _update_reported(session, build, row, wanted, at)
            await add_artifacts(session, build, row, wanted.artifacts)
        case Outdated(attempt):
            row = rows[attempt.id]
            _fill_in_start(row, wanted, at, rows.values())
            emit(session, "report.outdated", {"state": row.state}, build_id=build.id)
        case _:
            assert_never(placement)
    await lifecycle.derive(session, build)
    return row


def _held(build: BuildRow, row: AttemptRow) -> Held:
    return Held(
        f"State {row.state} of build {build.number} is held by {row.worker or 'a worker'}; "
        "only that worker can say how it went.",
        holder=row.worker,
        until=row.lease_until,
        field="state",
        hint="Report it after the claim has ended.",
    )


def _add_reported(
    session: AsyncSession, build: BuildRow, wanted: Report, number: int, at: datetime
) -> AttemptRow:
    is_live = wanted.status.is_live
    row = AttemptRow(
        id=uuid7(),
        build_id=build.id,
        lane=wanted.lane,
        state=wanted.state,
        number=number,
        status=wanted.status,
        kind=Kind.CHECKPOINT if wanted.artifacts else None,
        message=wanted.message,
        worker=wanted.worker,
        as_of=at,
        started_at=at if wanted.status is AttemptStatus.IN_PROGRESS else None,
        ended_at=None if is_live else at,
        fingerprint={},
    )
    session.add(row)
    lifecycle.emit_attempt(session, build, row)
    return row


def _update_reported(
    session: AsyncSession, build: BuildRow, row: AttemptRow, wanted: Report, at: datetime
) -> None:
    row.worker = wanted.worker or row.worker
    if not wanted.status.is_live:
        row.kind = Kind.CHECKPOINT if wanted.artifacts else row.kind
        lifecycle.end(session, build, row, wanted.status, at=at, message=wanted.message)
        return
    before = row.status
    row.status = merged(AttemptStatus(row.status), wanted.status)
    row.as_of = max(row.as_of, at)
    row.message = wanted.message or row.message
    if wanted.status is AttemptStatus.IN_PROGRESS:
        row.started_at = at if row.started_at is None else min(row.started_at, at)
    if row.status != before:
        lifecycle.emit_attempt(session, build, row)


def _fill_in_start(
    row: AttemptRow, wanted: Report, at: datetime, known: Iterable[AttemptRow]
) -> None:
    """Take an attempt's start from a report that arrived after the one that ended it."""
    before = [each.as_of for each in known if each.as_of < row.as_of]
    is_its_start = wanted.status is AttemptStatus.IN_PROGRESS and at > max(before, default=_EVER)
    if is_its_start and row.started_at is None:
        row.started_at = at
