"""Requests to resume, as people make and read them."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from buildstate_api.attempts import lifecycle as builds
from buildstate_api.paging import Paging
from buildstate_api.resumes import lifecycle, queries
from buildstate_api.resumes.triggers import consider
from buildstate_api.tables import AttemptRow, BuildRow, InterventionRow, ResumeRequestRow
from buildstate_core.errors import Conflict, Held
from buildstate_core.models import Page, ResumeCreate, ResumeRequest
from buildstate_core.vocabulary import InterventionKind, ResumeStatus

_BY_HAND = "asked by hand"


async def resume(
    session: AsyncSession, ref: str, wanted: ResumeCreate, *, api_key_id: UUID
) -> tuple[ResumeRequest, bool]:
    """Request that a build goes on, whatever its project's policy is.

    Returns:
        The request, and whether it is new: an open one of the lane is enough.

    Raises:
        Held: A worker is at it.
        Conflict: The build takes no more work, or nothing is known that could be started again.
    """
    build = await builds.find(session, ref, lock=True)
    now = await builds.mark_lost(session, build)
    await consider(session, build)  # what has ended comes first, and may have asked already
    closed = builds.why_closed(build)
    if closed is not None:
        raise builds.closed(build, closed)
    existing = await queries.open_request(session, build.id, wanted.lane)
    if existing is not None:
        if existing.status == ResumeStatus.PENDING:
            existing.next_try_at = now  # somebody waits for it
        return _view(existing), False
    holder = await queries.live_claim(session, build.id)
    if holder is not None:
        raise _held(build, holder)
    attempt = await queries.newest_orchestrated(session, build.id, wanted.lane)
    if attempt is None:
        raise _no_orchestrator(build)
    reason = wanted.reason.strip() or _BY_HAND
    if reason in queries.AUTOMATIC:
        reason = f"{_BY_HAND}: {reason}"
    stopped = await _last_run(session, build.id, attempt)
    row = await lifecycle.begin(
        session, build.id, wanted.lane, attempt, flow_run_id=stopped, reason=reason
    )
    assert row is not None  # noqa: S101 - the build is locked, and its lane had none
    session.add(
        InterventionRow(
            id=uuid7(),
            build_id=build.id,
            kind=InterventionKind.RESUME,
            lane=wanted.lane,
            reason=reason,
            api_key_id=api_key_id,
            at=now,
        )
    )
    return _view(row), True


async def list_requests(
    session: AsyncSession, paging: Paging, *, build: str | None, status: ResumeStatus | None
) -> Page[ResumeRequest]:
    """List requests, newest first."""
    start = paging.start(UUID)
    found = await queries.requests_before(
        session,
        start[0] if start else None,
        paging.limit + 1,
        build_id=None if build is None else (await builds.find(session, build)).id,
        status=status,
    )
    rows, cursor = paging.cut(found, lambda row: (row.id,))
    return Page(items=tuple(_view(row) for row in rows), next_cursor=cursor)


async def _last_run(session: AsyncSession, build_id: UUID, attempt: AttemptRow) -> UUID:
    """Find the run to start again: a run that went on in another's place is not repeated twice."""
    run = lifecycle.flow_run_of(attempt)
    assert run is not None  # noqa: S101 - it was looked for
    seen = {run}
    while (later := await queries.successor_of(session, build_id, run)) not in {None, *seen}:
        assert later is not None  # noqa: S101 - the condition says so
        run = later
        seen.add(run)
    return run


def _held(build: BuildRow, row: AttemptRow) -> Held:
    return Held(
        f"Build {build.number} is being worked on: {row.worker or 'a worker'} has state"
        f" {row.state}.",
        holder=row.worker,
        until=row.lease_until,
        field="build",
        hint="There is nothing to resume as long as it answers.",
    )


def _no_orchestrator(build: BuildRow) -> Conflict:
    return Conflict(
        f"No Prefect flow run is known that worked on build {build.number}, so that there is"
        " nothing to start again from here.",
        code="no-orchestrator",
        field="build",
        hint="Run the pipeline again where it usually runs; what is done is skipped. To see what"
        f" that would do: bldst plan {build.number}",
    )


def _view(row: ResumeRequestRow) -> ResumeRequest:
    attempt = row.attempt
    return ResumeRequest(
        id=row.id,
        build=row.build.number,
        lane=row.lane,
        state=None if attempt is None else attempt.state,
        attempt=None if attempt is None else attempt.number,
        status=ResumeStatus(row.status),
        reason=row.reason,
        flow_run_id=row.flow_run_id,
        successor_id=row.successor_id,
        successor_name=row.successor_name,
        tries=row.tries,
        next_try_at=row.next_try_at,
        message=row.message,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
