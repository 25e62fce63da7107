"""Ends what nobody works on any more: the attempts whose lease has run out.

Each build is a transaction of its own, with its row locked. The caller waits for them, and so must
not hold a lock, nor a connection to the database.

The whole contract of leases, tokens and fences is in docs/explanation/lease-contract.md.
"""

from collections.abc import Iterable
from uuid import UUID

from buildstate_api.attempts import lifecycle
from buildstate_api.attempts.leases import builds_with_expired_leases
from buildstate_api.database import Database


async def end_expired(database: Database, build_ids: Iterable[UUID]) -> None:
    """End the attempts of some builds whose lease has run out."""
    for build_id in build_ids:
        async with database.transaction() as session:
            await lifecycle.mark_lost(session, await lifecycle.find(session, build_id, lock=True))


async def sweep(database: Database) -> None:
    """End every attempt of the installation whose lease has run out."""
    async with database.transaction() as session:
        expired = await builds_with_expired_leases(session)
    await end_expired(database, expired)
