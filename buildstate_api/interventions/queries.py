"""The SQL of what people decided."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from buildstate_api.tables import InterventionRow, KeyRow
from buildstate_core.vocabulary import InterventionKind


async def forces(session: AsyncSession, build_id: UUID) -> Sequence[InterventionRow]:
    """Load what people wanted to run again, in the order in which they said so."""
    query = (
        select(InterventionRow)
        .where(InterventionRow.build_id == build_id, InterventionRow.kind == InterventionKind.FORCE)
        .order_by(InterventionRow.at, InterventionRow.id)
    )
    return (await session.execute(query)).scalars().all()


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


async def key_name(session: AsyncSession, key_id: UUID) -> str:
    """Give the name of an API key: of who decided."""
    found: str = (
        await session.execute(select(KeyRow.name).where(KeyRow.id == key_id))
    ).scalar_one()
    return found
