"""API keys: made, listed, revoked. Only a digest of the secret is stored."""

import secrets
from typing import Final
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from buildstate_api.keys import queries
from buildstate_api.paging import Paging
from buildstate_api.rest.auth import live_key, secret_hash
from buildstate_api.tables import KeyRow
from buildstate_api.views import key_view
from buildstate_core.errors import NotFound
from buildstate_core.models import Key, NewKey, Page

_PREFIX: Final = "bldst_"
_SHOWN: Final = len(_PREFIX) + 6


async def create_key(session: AsyncSession, name: str) -> NewKey:
    """Make a key; its secret is in the answer and nowhere else."""
    secret = _PREFIX + secrets.token_urlsafe(32)
    row = KeyRow(id=uuid7(), name=name, prefix=secret[:_SHOWN], secret_hash=secret_hash(secret))
    session.add(row)
    await session.flush()
    await session.refresh(row)
    return NewKey(**key_view(row).model_dump(), key=secret)


async def list_keys(session: AsyncSession, paging: Paging) -> Page[Key]:
    """List keys, oldest first."""
    start = paging.start(UUID)
    found = await queries.keys_after(session, start[0] if start else None, paging.limit + 1)
    rows, cursor = paging.cut(found, lambda row: (row.id,))
    return Page(items=tuple(key_view(row) for row in rows), next_cursor=cursor)


async def revoke_key(session: AsyncSession, key_id: UUID) -> Key:
    """Make a key useless; revoking it again changes nothing."""
    row = await session.get(KeyRow, key_id, with_for_update=True)
    if row is None:
        raise NotFound(
            f"There is no API key with the id {key_id}.", code="key-not-found", field="key"
        )
    if row.revoked_at is None:
        row.revoked_at = func.now()
        await session.flush()
        await session.refresh(row)
    return key_view(row)


async def ensure_administrator(session: AsyncSession, known: str | None = None) -> str | None:
    """Make the first key of an installation.

    Args:
        session: A transaction that no other copy of the service runs at the same time.
        known: A key that the caller has already.

    Returns:
        The new key's secret; `None` if `known` is good, or if there are keys and none is `known`.
    """
    if known is not None and await live_key(session, known) is not None:
        return None
    if known is None and await queries.any_key(session):
        return None
    return (await create_key(session, "administrator")).key
