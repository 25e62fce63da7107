"""Builds: created, reported on, read, and swept for lost workers."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final, assert_never
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from buildstate_api.attempts import lifecycle, queries
from buildstate_api.attempts.facts import attempt_fact
from buildstate_api.attempts.leases import builds_with_expired_leases, extend_leases_after_outage
from buildstate_api.attempts.recorded_artifacts import add_artifacts
from buildstate_api.events.service import emit, list_events
from buildstate_api.paging import Paging, moment, number
from buildstate_api.tables import AttemptRow, BuildRow
from buildstate_api.views import attempt_view, build_view
from buildstate_core.errors import Held, InvalidInput
from buildstate_core.models import (
    Attempt,
    Build,
    Event,
    Page,
    Report,
)
from buildstate_core.rules.attempts import (
    REPORTABLE,
    HeldByClaim,
    NewAttempt,
    Outdated,
    Update,
    merged,
    place_report,
)
from buildstate_core.vocabulary import AttemptStatus, Kind

_EVER: Final = datetime.min.replace(tzinfo=UTC)


async def get_build(session: AsyncSession, ref: str) -> Build:
    """Get one build."""
    return build_view(await lifecycle.find(session, ref))


async def list_builds(
    session: AsyncSession,
    paging: Paging,
    filters: Mapping[str, str],
    *,
    derived_from: str | None = None,
) -> Page[Build]:
    """List builds, newest first.

    Args:
        session: The transaction.
        paging: Which page.
        filters: Column to value; `project` is the project's name.
        derived_from: Only those that derive from this build.
    """
    wanted: dict[str, str | UUID] = dict(filters)
    if derived_from is not None:
        parent = await lifecycle.find(session, derived_from, field="derived_from")
        wanted["derived_from"] = parent.id
    start = paging.start(number)
    found = await queries.builds_before(
        session, start[0] if start else None, paging.limit + 1, wanted
    )
    rows, cursor = paging.cut(found, lambda row: (row.number,))
    return Page(items=tuple(build_view(row) for row in rows), next_cursor=cursor)


async def get_history(
    session: AsyncSession, ref: str, paging: Paging, *, with_inherited: bool
) -> Page[Attempt]:
    """List every attempt of a build, oldest first; those that it inherited too, if wanted."""
    build = await lifecycle.find(session, ref)
    start = paging.start(moment, UUID)
    after = (start[0], start[1]) if start else None
    found = await queries.attempts_after(
        session, build.id, after, paging.limit + 1, with_inherited=with_inherited
    )
    rows, cursor = paging.cut(found, lambda row: (row.as_of, row.id))
    return Page(items=tuple(attempt_view(build, row) for row in rows), next_cursor=cursor)


async def get_events(session: AsyncSession, ref: str, paging: Paging) -> Page[Event]:
    """List what happened to a build, oldest first."""
    return await list_events(session, await lifecycle.find(session, ref), paging)


async def report(session: AsyncSession, ref: str, wanted: Report) -> Attempt:
    """Record a plain report.

    An older report never overwrites a newer one; it is kept in the history.

    Raises:
        InvalidInput: The status is not one to report, or an artifact comes without completion.
        Held: A worker holds the milestone under a claim.
        Conflict: The build takes no more reports.
    """
    _check(wanted)
    build = await lifecycle.find(session, ref, lock=True)
    now = await lifecycle.mark_lost(session, build)
    closed = lifecycle.why_closed(build, for_lane=wanted.lane)
    if closed is not None:
        raise lifecycle.closed(build, closed)
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
    return await _fresh(session, build, row.id)


async def sweep(session: AsyncSession) -> None:
    """End every attempt whose lease ran out; each build is a transaction of its own."""
    now = await extend_leases_after_outage(session)
    for build_id in await builds_with_expired_leases(session, now):
        await session.commit()
        await lifecycle.mark_lost(session, await lifecycle.find(session, build_id, lock=True))


def _check(wanted: Report) -> None:
    if wanted.status not in REPORTABLE:
        raise InvalidInput(
            f"status is {wanted.status}, which is not for a report to say; "
            f"use one of {', '.join(REPORTABLE)}.",
            code="invalid-value",
            field="status",
        )
    if wanted.artifacts and wanted.status is not AttemptStatus.COMPLETED:
        raise InvalidInput(
            f"artifacts come with status completed only, not with {wanted.status}.",
            code="invalid-value",
            field="artifacts",
        )


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


async def _fresh(session: AsyncSession, build: BuildRow, attempt_id: UUID) -> Attempt:
    row = await queries.attempt(session, attempt_id)
    assert row is not None  # noqa: S101 - written in this transaction
    return attempt_view(build, row)
