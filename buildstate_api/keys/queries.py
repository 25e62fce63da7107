"""The SQL of API keys."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from buildstate_api.tables import KeyRow

_IS_USE_OLD: Final = or_(
    KeyRow.last_used_at.is_(None), KeyRow.last_used_at < func.now() - timedelta(minutes=1)
)


class LiveKey(NamedTuple):
    """A key that is good, and whether its use was last noted some time ago."""

    id: UUID
    is_use_old: bool


async def live_key(session: AsyncSession, secret_hash: bytes) -> LiveKey | None:
    """Find the key with this digest, unless it was revoked."""
    query = select(KeyRow.id, _IS_USE_OLD).where(
        KeyRow.secret_hash == secret_hash, KeyRow.revoked_at.is_(None)
    )
    row = (await session.execute(query)).one_or_none()
    return None if row is None else LiveKey(*row)


async def note_use(session: AsyncSession, key_id: UUID) -> None:
    """Note that a key is in use, unless another request just did."""
    await session.execute(
        update(KeyRow).where(KeyRow.id == key_id, _IS_USE_OLD).values(last_used_at=func.now())
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
