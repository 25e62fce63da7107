"""The SQL of requests to resume.

Locks come in this order: the build, then its requests. An event of a build locks the build too.

Nothing here is loaded anew (`populate_existing`): a build that is there already would be, too, and
without what its own queries load with it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from buildstate_api.tables import AttemptRow, BuildRow, ResumeRequestRow
from buildstate_core.rules.reasons import FAILED_BEFORE, LOST_WORKER
from buildstate_core.vocabulary import AttemptStatus, ResumeStatus

AUTOMATIC: Final = frozenset({LOST_WORKER, FAILED_BEFORE})
"""The reasons of requests that nobody made by hand."""

_OPEN: Final = (ResumeStatus.PENDING, ResumeStatus.SENT, ResumeStatus.RUNNING)
_IS_OPEN: Final = ResumeRequestRow.status.in_(_OPEN)
_IS_OPEN_IN_INDEX: Final = text("status IN ('pending', 'sent', 'running')")
_IS_UNCONSIDERED: Final = AttemptRow.status.in_(
    [AttemptStatus.LOST, AttemptStatus.FAILED]
) & AttemptRow.resume_considered_at.is_(None)
_WITH_NAMES: Final = (
    joinedload(ResumeRequestRow.build),
    joinedload(ResumeRequestRow.attempt),
)


async def add(session: AsyncSession, values: Mapping[str, Any]) -> UUID | None:
    """Add a request, and return its id; `None` if its build and lane have an open one."""
    query = (
        insert(ResumeRequestRow)
        .values(**values)
        .on_conflict_do_nothing(
            index_elements=[ResumeRequestRow.build_id, ResumeRequestRow.lane],
            index_where=_IS_OPEN_IN_INDEX,
        )
        .returning(ResumeRequestRow.id)
    )
    return (await session.execute(query)).scalar_one_or_none()


async def get(session: AsyncSession, request_id: UUID) -> ResumeRequestRow:
    """Load a request that is there."""
    query = select(ResumeRequestRow).where(ResumeRequestRow.id == request_id).options(*_WITH_NAMES)
    return (await session.execute(query)).scalar_one()


async def open_request(session: AsyncSession, build_id: UUID, lane: str) -> ResumeRequestRow | None:
    """Find and lock the open request of a locked build's lane."""
    query = (
        select(ResumeRequestRow)
        .where(ResumeRequestRow.build_id == build_id, ResumeRequestRow.lane == lane, _IS_OPEN)
        .options(*_WITH_NAMES)
        .with_for_update(of=ResumeRequestRow)
    )
    return (await session.execute(query)).scalar_one_or_none()


async def requests_before(
    session: AsyncSession,
    before: UUID | None,
    limit: int,
    *,
    build_id: UUID | None,
    status: ResumeStatus | None,
) -> Sequence[ResumeRequestRow]:
    """List requests, newest first."""
    query = (
        select(ResumeRequestRow)
        .options(*_WITH_NAMES)
        .order_by(ResumeRequestRow.id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(ResumeRequestRow.id < before)
    if build_id is not None:
        query = query.where(ResumeRequestRow.build_id == build_id)
    if status is not None:
        query = query.where(ResumeRequestRow.status == status)
    return (await session.execute(query)).scalars().all()


async def runs_resumed(session: AsyncSession, build_id: UUID) -> set[UUID]:
    """Find the flow runs of a build in whose place another was started, or is to be, by itself.

    A request that came to nothing does not count; nor does a run twice because several lanes
    stopped with it.
    """
    query = (
        select(ResumeRequestRow.flow_run_id)
        .where(
            ResumeRequestRow.build_id == build_id,
            ResumeRequestRow.reason.in_(AUTOMATIC),
            _IS_OPEN | ResumeRequestRow.successor_id.is_not(None),
        )
        .distinct()
    )
    return set((await session.execute(query)).scalars())


async def successor_of(session: AsyncSession, build_id: UUID, flow_run_id: UUID) -> UUID | None:
    """Find the run that went on in the place of another, if its request has ended."""
    query = (
        select(ResumeRequestRow.successor_id)
        .where(
            ResumeRequestRow.build_id == build_id,
            ResumeRequestRow.flow_run_id == flow_run_id,
            ResumeRequestRow.successor_id.is_not(None),
            ~_IS_OPEN,
        )
        .limit(1)
    )
    return (await session.execute(query)).scalar_one_or_none()


async def newest_orchestrated(
    session: AsyncSession, build_id: UUID, lane: str
) -> AttemptRow | None:
    """Find the newest attempt that Prefect ran: in a lane, or anywhere if the lane has none."""
    query = (
        select(AttemptRow)
        .where(
            AttemptRow.build_id == build_id,
            AttemptRow.orchestrator["kind"].astext == "prefect",
        )
        .order_by(
            (AttemptRow.lane == lane).desc() if lane else text("1"),
            AttemptRow.as_of.desc(),
            AttemptRow.id.desc(),
        )
        .limit(1)
    )
    return (await session.execute(query)).scalar_one_or_none()


async def live_claim(session: AsyncSession, build_id: UUID) -> AttemptRow | None:
    """Find an attempt of a build under a live claim; of several, the newest."""
    query = _live_claims(build_id).limit(1)
    return (await session.execute(query)).scalar_one_or_none()


async def taken_over(
    session: AsyncSession, build_id: UUID, stopped: AttemptRow, flow_run_id: UUID
) -> AttemptRow | None:
    """Find the claim of another flow run that is on its way to a milestone that stopped, or at it.

    One that is past it goes on with something else.
    """
    run = AttemptRow.orchestrator["flow_run_id"].astext
    query = _live_claims(build_id).where(
        AttemptRow.lane == stopped.lane,
        AttemptRow.state <= stopped.state,
        run != str(flow_run_id),
    )
    return (await session.execute(query.limit(1))).scalar_one_or_none()


def _live_claims(build_id: UUID) -> Select[AttemptRow]:
    return (
        select(AttemptRow)
        .where(
            AttemptRow.build_id == build_id,
            AttemptRow.status == AttemptStatus.IN_PROGRESS,
            AttemptRow.lease_until.is_not(None),
        )
        .order_by(AttemptRow.as_of.desc(), AttemptRow.id.desc())
    )


async def has_lost(session: AsyncSession, build_id: UUID, flow_run_id: UUID) -> bool:
    """Whether a flow run stopped answering in a build."""
    query = select(
        select(AttemptRow.id)
        .where(
            AttemptRow.build_id == build_id,
            AttemptRow.status == AttemptStatus.LOST,
            AttemptRow.orchestrator["flow_run_id"].astext == str(flow_run_id),
        )
        .exists()
    )
    return bool((await session.execute(query)).scalar_one())


async def builds_to_consider(session: AsyncSession) -> Sequence[UUID]:
    """Find the builds in which an attempt has ended that nobody has considered yet."""
    query = (
        select(AttemptRow.build_id).where(_IS_UNCONSIDERED).distinct().order_by(AttemptRow.build_id)
    )
    return (await session.execute(query)).scalars().all()


async def unconsidered(session: AsyncSession, build_id: UUID) -> Sequence[AttemptRow]:
    """Load the attempts of a locked build that have ended and were not considered yet."""
    query = (
        select(AttemptRow)
        .where(AttemptRow.build_id == build_id, _IS_UNCONSIDERED)
        .order_by(AttemptRow.ended_at, AttemptRow.id)
    )
    return (await session.execute(query)).scalars().all()


async def take_due(
    session: AsyncSession, limit: int, lease_seconds: float
) -> Sequence[ResumeRequestRow]:
    """Take requests that are due: for so long nobody else takes them.

    Those that another copy of the service is taking at this moment are left to it.
    """
    now = func.clock_timestamp()
    due = (
        select(ResumeRequestRow.id)
        .where(_IS_OPEN, ResumeRequestRow.next_try_at <= now)
        .order_by(ResumeRequestRow.next_try_at, ResumeRequestRow.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ids = (await session.execute(due)).scalars().all()
    if not ids:
        return ()
    await session.execute(
        update(ResumeRequestRow)
        .where(ResumeRequestRow.id.in_(ids))
        .values(next_try_at=now + func.make_interval(0, 0, 0, 0, 0, 0, lease_seconds))
        .execution_options(synchronize_session=False)
    )
    query = select(ResumeRequestRow).where(ResumeRequestRow.id.in_(ids)).options(*_WITH_NAMES)
    return (await session.execute(query)).scalars().all()


async def lock_taken(session: AsyncSession, taken: ResumeRequestRow) -> ResumeRequestRow | None:
    """Lock a request that was taken, if nobody has taken or changed it since."""
    # An event's foreign key locks the build; it has to come first.
    await session.execute(
        select(BuildRow.id)
        .where(BuildRow.id == taken.build_id)
        .with_for_update(read=True, key_share=True)
    )
    query = (
        select(ResumeRequestRow)
        .where(
            ResumeRequestRow.id == taken.id,
            ResumeRequestRow.status == taken.status,
            ResumeRequestRow.next_try_at == taken.next_try_at,
        )
        .options(*_WITH_NAMES)
        .with_for_update(of=ResumeRequestRow)
    )
    return (await session.execute(query)).scalar_one_or_none()
