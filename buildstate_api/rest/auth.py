"""Who asks: an API key, of which only a digest is stored."""

import hashlib
from datetime import timedelta
from typing import Annotated, Final, NamedTuple
from uuid import UUID

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from buildstate_api.rest.transactions import Transaction
from buildstate_api.tables import KeyRow
from buildstate_core.errors import NotAllowed

_bearer = HTTPBearer(auto_error=False, description="An API key: bldst key create --name NAME")

_IS_USE_OLD: Final = or_(
    KeyRow.last_used_at.is_(None), KeyRow.last_used_at < func.now() - timedelta(minutes=1)
)


async def require_key(
    session: Transaction,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> UUID:
    """Let a request in by its API key, and return the key's id."""
    if credentials is None:
        raise NotAllowed(
            "This request has no API key.",
            code="key-missing",
            hint="Send the header Authorization: Bearer KEY; with bldst, set BLDST_API_KEY.",
        )
    key_id = await recognise(session, credentials.credentials)
    if key_id is None:
        raise NotAllowed(
            "This API key is unknown or revoked.",
            code="key-unknown",
            hint="Make another one with: bldst key create --name NAME",
        )
    return key_id


KeyDep = Annotated[UUID, Depends(require_key)]


class LiveKey(NamedTuple):
    """A key that is good, and whether its use was last noted some time ago."""

    id: UUID
    is_use_old: bool


async def recognise(session: AsyncSession, secret: str) -> UUID | None:
    """Return the id of the key with this secret, unless it is unknown or revoked."""
    key = await live_key(session, secret)
    if key is None:
        return None
    if key.is_use_old:
        # Unless another request has just noted it.
        await session.execute(
            update(KeyRow).where(KeyRow.id == key.id, _IS_USE_OLD).values(last_used_at=func.now())
        )
    return key.id


async def live_key(session: AsyncSession, secret: str) -> LiveKey | None:
    """Find the key with this secret, unless it was revoked."""
    query = select(KeyRow.id, _IS_USE_OLD).where(
        KeyRow.secret_hash == secret_hash(secret), KeyRow.revoked_at.is_(None)
    )
    row = (await session.execute(query)).one_or_none()
    return None if row is None else LiveKey(*row)


def secret_hash(secret: str) -> bytes:
    """Return what is stored of a key's secret."""
    return hashlib.sha256(secret.encode()).digest()
