"""The SQL of claims."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from buildstate_api.tables import AttemptRow, ReadsRow, fences
from buildstate_core.vocabulary import AttemptStatus, Seen


async def next_fence(session: AsyncSession) -> int:
    """Take the next fence, which is higher than every fence before it in the installation."""
    fence: int = (await session.execute(select(fences.next_value()))).scalar_one()
    return fence


async def reads(session: AsyncSession, attempt_id: UUID) -> list[dict[str, Any]]:
    """Load what an attempt was seen to read."""
    query = select(ReadsRow.reads).where(ReadsRow.attempt_id == attempt_id)
    return (await session.execute(query)).scalar_one_or_none() or []


async def files_read(
    session: AsyncSession, attempts: Collection[UUID]
) -> dict[str, dict[str, str]]:
    """Load the digests of the files that attempts were seen to read, by path and attempt."""
    query = select(ReadsRow.attempt_id, ReadsRow.reads).where(ReadsRow.attempt_id.in_(attempts))
    return {
        str(attempt): {each["path"]: each["digest"] for each in reads if each["what"] == Seen.FILE}
        for attempt, reads in await session.execute(query)
    }


async def read_before(session: AsyncSession, row: AttemptRow) -> list[dict[str, Any]]:
    """Load what the newest completed attempt before a live one was seen to read.

    It may have been made in the build that this one derives from.
    """
    is_of_it = (
        (AttemptRow.build_id == row.build_id)
        & (AttemptRow.lane == row.lane)
        & (AttemptRow.state == row.state)
    )
    query = (
        select(ReadsRow.reads)
        .select_from(AttemptRow)
        .outerjoin(ReadsRow, ReadsRow.attempt_id == AttemptRow.id)
        .where(
            or_(is_of_it, AttemptRow.id == row.compared_with),
            AttemptRow.status == AttemptStatus.COMPLETED,
        )
        .order_by(AttemptRow.as_of.desc(), AttemptRow.id.desc())
        .limit(1)
    )
    return (await session.execute(query)).scalar_one_or_none() or []
