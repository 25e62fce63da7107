"""Builds: created, reported on, read, and swept for lost workers."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final, assert_never
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from buildstate_api.builds import changes, queries
from buildstate_api.events.service import emit, list_events
from buildstate_api.facts import attempt_fact, history_of
from buildstate_api.leases import builds_with_expired_leases, make_good
from buildstate_api.paging import Paging, moment, number
from buildstate_api.projects import service as projects
from buildstate_api.tables import AttemptRow, BuildRow
from buildstate_api.views import artifact_view, attempt_view, build_view, state_names
from buildstate_core.errors import Held, InvalidInput
from buildstate_core.models import (
    Attempt,
    Build,
    BuildCreate,
    Event,
    Page,
    Plan,
    PlannedMilestone,
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
from buildstate_core.rules.plan import Planned, plan
from buildstate_core.rules.reasons import describe
from buildstate_core.vocabulary import AttemptStatus, BuildStatus, Kind

_EVER: Final = datetime.min.replace(tzinfo=UTC)


async def create_build(session: AsyncSession, wanted: BuildCreate) -> tuple[Build, bool]:
    """Create a build, or find the one that its key means already.

    Returns:
        The build, and whether it is new.
    """
    # The lock makes two workers that start the same build at once agree on one.
    project = await projects.find(session, wanted.project, lock=True)
    # Without a version there is nothing to tell it by: then each request is a build of its own.
    key = wanted.key or (wanted.derived_key if wanted.version else str(uuid7()))
    existing = await queries.build_by_key(session, project.id, key, lock=wanted.restart)
    if existing is not None and not wanted.restart:
        return build_view(existing), False
    row = BuildRow(
        id=uuid7(),
        project_id=project.id,
        catalog_version=project.catalog_version,
        key=key,
        version=wanted.version,
        platform=wanted.platform,
        os=wanted.os,
        image_type=wanted.image_type,
        labels=wanted.labels,
        failure=None,
    )
    if existing is not None:
        existing.superseded_by = row.id
        emit(session, "build.superseded", {"by": str(row.id)}, build_id=existing.id)
    session.add(row)
    await session.flush()
    emit(session, "build.created", {"project": wanted.project, "key": key}, build_id=row.id)
    return build_view(await changes.find(session, row.id)), True


async def get_build(session: AsyncSession, ref: str) -> Build:
    """Get one build."""
    return build_view(await changes.find(session, ref))


async def list_builds(
    session: AsyncSession, paging: Paging, filters: Mapping[str, str]
) -> Page[Build]:
    """List builds, newest first."""
    start = paging.start(number)
    found = await queries.builds_before(
        session, start[0] if start else None, paging.limit + 1, filters
    )
    rows, cursor = paging.cut(found, lambda row: (row.number,))
    return Page(items=tuple(build_view(row) for row in rows), next_cursor=cursor)


async def get_history(session: AsyncSession, ref: str, paging: Paging) -> Page[Attempt]:
    """List every attempt of a build, oldest first."""
    build = await changes.find(session, ref)
    start = paging.start(moment, UUID)
    after = (start[0], start[1]) if start else None
    found = await queries.attempts_after(session, build.id, after, paging.limit + 1)
    rows, cursor = paging.cut(found, lambda row: (row.as_of, row.id))
    return Page(items=tuple(attempt_view(build, row) for row in rows), next_cursor=cursor)


async def get_events(session: AsyncSession, ref: str, paging: Paging) -> Page[Event]:
    """List what happened to a build, oldest first."""
    return await list_events(session, await changes.find(session, ref), paging)


async def get_plan(session: AsyncSession, ref: str) -> Plan:
    """Say what a rerun of a build would do with each milestone."""
    build = await changes.find(session, ref)
    rows = {str(row.id): row for row in await queries.attempts(session, build.id)}
    planned = plan(
        history_of(rows.values()),
        states=[each.code for each in build.catalog.states],
        now=await make_good(session),
        is_closed=changes.why_closed(build) is not None,
    )
    return Plan(
        build=build.number,
        status=BuildStatus(build.status),
        resume_from=build.resume_from,
        milestones=tuple(_planned_view(build, each, rows) for each in planned),
    )


async def report(session: AsyncSession, ref: str, wanted: Report) -> Attempt:
    """Record a plain report.

    An older report never overwrites a newer one; it is kept in the history.

    Raises:
        InvalidInput: The status is not one to report, or an artifact comes without completion.
        Held: A worker holds the milestone under a claim.
        Conflict: The build takes no more reports.
    """
    _check(wanted)
    build = await changes.find(session, ref, lock=True)
    now = await changes.mark_lost(session, build)
    closed = changes.why_closed(build)
    if closed is not None:
        raise changes.closed(build, closed)
    at = min(wanted.at or now, now)  # a client's clock that is ahead must not hide what follows
    rows = {
        str(row.id): row
        for row in await queries.attempts(session, build.id)
        if (row.lane, row.state) == (wanted.lane, wanted.state)
    }
    placement = place_report(wanted.status, at, [attempt_fact(row) for row in rows.values()])
    match placement:
        case HeldByClaim(attempt):
            raise _held(build, rows[attempt.id])
        case NewAttempt(number):
            row = _add_reported(session, build, wanted, number, at)
        case Update(attempt):
            row = rows[attempt.id]
            _update_reported(session, build, row, wanted, at)
        case Outdated(attempt):
            row = rows[attempt.id]
            _fill_in_start(row, wanted, at, rows.values())
            emit(session, "report.outdated", {"state": row.state}, build_id=build.id)
        case _:
            assert_never(placement)
    await changes.derive(session, build)
    return await _fresh(session, build, row.id)


async def sweep(session: AsyncSession) -> None:
    """End every attempt whose lease ran out; each build is a transaction of its own."""
    for build_id in await builds_with_expired_leases(session, await make_good(session)):
        await session.commit()
        await changes.mark_lost(session, await changes.find(session, build_id, lock=True))


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
    changes.add_artifacts(session, row, wanted.artifacts)
    changes.emit_attempt(session, build, row)
    return row


def _update_reported(
    session: AsyncSession, build: BuildRow, row: AttemptRow, wanted: Report, at: datetime
) -> None:
    row.worker = wanted.worker or row.worker
    if not wanted.status.is_live:
        row.kind = Kind.CHECKPOINT if wanted.artifacts else row.kind
        changes.add_artifacts(session, row, wanted.artifacts)
        changes.end(session, build, row, wanted.status, at=at, message=wanted.message)
        return
    before = row.status
    row.status = merged(AttemptStatus(row.status), wanted.status)
    row.as_of = max(row.as_of, at)
    row.message = wanted.message or row.message
    if wanted.status is AttemptStatus.IN_PROGRESS:
        row.started_at = at if row.started_at is None else min(row.started_at, at)
    if row.status != before:
        changes.emit_attempt(session, build, row)


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


def _planned_view(
    build: BuildRow, planned: Planned, rows: Mapping[str, AttemptRow]
) -> PlannedMilestone:
    row = None if planned.attempt is None else rows[planned.attempt.id]
    return PlannedMilestone(
        state=planned.state,
        state_name=state_names(build).get(planned.state),
        lane=planned.lane,
        decision=planned.decision,
        reason=planned.reason,
        text=describe(planned.reason),
        artifacts=()
        if row is None
        else tuple(artifact_view(build.number, row, each) for each in row.artifacts),
    )
