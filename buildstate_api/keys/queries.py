"""The SQL of API keys."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from buildstate_api.tables import KeyRow

_TOUCH_EVERY: Final = timedelta(minutes=1)


async def live_key(session: AsyncSession, secret_hash: bytes) -> UUID | None:
    """Find the key with this digest, unless it was revoked."""
    query = select(KeyRow.id).where(KeyRow.secret_hash == secret_hash, KeyRow.revoked_at.is_(None))
    return (await session.execute(query)).scalar_one_or_none()


async def touch(session: AsyncSession, key_id: UUID) -> None:
    """Note that a key is in use, at most once a minute."""
    is_old = or_(KeyRow.last_used_at.is_(None), KeyRow.last_used_at < func.now() - _TOUCH_EVERY)
    await session.execute(
        update(KeyRow).where(KeyRow.id == key_id, is_old).values(last_used_at=func.now())
    )


async def keys_after(session: AsyncSession, after: UUID | None, limit: int) -> Sequence[KeyRow]:
    """List keys, oldest first."""
    query = select(KeyRow).order_by(KeyRow.id).limit(limit)
    if after is not None:
        query = query.where(KeyRow.id > after)
    return (await session.execute(query)).scalars().all()


async def any_key(session: AsyncSession) -> bool:
    """Whether a key was ever made."""
    return (await session.execute(select(KeyRow.id).limit(1))).first() is not None
