"""The SQL of events."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from buildstate_api.tables import EventRow


async def events_after(
    session: AsyncSession, build_id: UUID, after: int, limit: int
) -> Sequence[EventRow]:
    """List the events of a build after one of them, oldest first."""
    query = (
        select(EventRow)
        .where(EventRow.build_id == build_id, EventRow.id > after)
        .order_by(EventRow.id)
        .limit(limit)
    )
    return (await session.execute(query)).scalars().all()
