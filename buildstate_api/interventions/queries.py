"""The SQL of what people decided."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from buildstate_api.tables import InterventionRow


async def interventions_after(
    session: AsyncSession, build_id: UUID, after: UUID | None, limit: int
) -> Sequence[InterventionRow]:
    """List what people decided about a build, with their keys, oldest first."""
    query = (
        select(InterventionRow)
        .where(InterventionRow.build_id == build_id)
        .options(joinedload(InterventionRow.api_key))
        .order_by(InterventionRow.id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(InterventionRow.id > after)
    return (await session.execute(query)).scalars().all()
