"""The SQL of API keys."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from buildstate_api.tables import KeyRow


async def keys_after(session: AsyncSession, after: UUID | None, limit: int) -> Sequence[KeyRow]:
    """List keys, oldest first."""
    query = select(KeyRow).order_by(KeyRow.id).limit(limit)
    if after is not None:
        query = query.where(KeyRow.id > after)
    return (await session.execute(query)).scalars().all()


async def any_key(session: AsyncSession) -> bool:
    """Whether a key was ever made."""
    return (await session.execute(select(KeyRow.id).limit(1))).first() is not None


async def key_name(session: AsyncSession, key_id: UUID) -> str:
    """Return the name of an API key: of who decided."""
    found: str = (
        await session.execute(select(KeyRow.name).where(KeyRow.id == key_id))
    ).scalar_one()
    return found
