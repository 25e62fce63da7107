"""Leases, and why an outage of the service is not a crash of its workers.

A claim gives its holder a lease. The holder renews it; when it runs out, the attempt is lost, and
another worker may take over. Only the database's clock counts.

While no copy of the service is up, nobody can renew, so that time must not count. One row says
when a copy was last alive (`service_clock`), and each copy writes it once a second. A copy that
finds it older than `OUTAGE_SECONDS` extends every lease that was good at that time by the time that
was missed, in the same transaction in which it says "alive again". This comes before any lease is
judged, so that no holder loses a lease that it could not renew.

    holder           ──beat────beat──· · (down) · ·──beat──
    service_clock    ──────────────┤               ├───────
    lease                          └─ what was left ─┘ is left afterwards

The whole contract of leases, tokens and fences is in docs/explanation/lease-contract.md.
"""

import asyncio
import logging
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from buildstate_api.database import Database
from buildstate_api.tables import AttemptRow, ServiceClockRow
from buildstate_core.vocabulary import AttemptStatus

_log = logging.getLogger(__name__)

BEAT_SECONDS: Final = 1.0
OUTAGE_SECONDS: Final = 2.5

_NOW = func.clock_timestamp()
_IS_LIVE_CLAIM = (AttemptRow.status == AttemptStatus.IN_PROGRESS) & AttemptRow.lease_until.is_not(
    None
)


async def extend_leases_after_outage(session: AsyncSession) -> datetime:
    """Extend leases by the time for which no copy of the service was alive.

    Locks, in this order: builds, the service's clock, attempts. So call it before an attempt is
    locked.

    Returns:
        The database's time at which no lease had to be extended. Leases are judged by it and
        not by a later look at the clock: the service may have been down in between.
    """
    # The first look takes no lock: nearly always there was no outage.
    last_seen = select(ServiceClockRow.last_seen_at).scalar_subquery()
    now: datetime
    now, last_seen_at = (await session.execute(select(_NOW, last_seen))).one()
    if not _is_outage(last_seen_at, now):
        return now
    locked = select(_NOW, ServiceClockRow.last_seen_at).with_for_update()
    now, last_seen_at = (await session.execute(locked)).one()
    if not _is_outage(last_seen_at, now):  # another copy was faster
        return now
    last_contact = func.greatest(last_seen_at, AttemptRow.heartbeat_at)
    await session.execute(
        update(AttemptRow)
        .where(_IS_LIVE_CLAIM, AttemptRow.lease_until > last_seen_at)
        .values(
            lease_until=AttemptRow.lease_until
            + func.greatest(now - last_contact, text("interval '0'"))
        )
        .execution_options(synchronize_session=False)
    )
    await session.execute(update(ServiceClockRow).values(last_seen_at=now))
    _log.info("Leases were extended by %s: the service was down", now - last_seen_at)
    return now


async def beat(session: AsyncSession) -> None:
    """Record that a copy of the service is alive."""
    await extend_leases_after_outage(session)
    await session.execute(
        insert(ServiceClockRow)
        .values(id=1, last_seen_at=_NOW)
        .on_conflict_do_update(
            index_elements=[ServiceClockRow.id],
            set_={"last_seen_at": _NOW},
        )
    )


async def keep_beating(database: Database) -> None:
    """Record every second that this copy is alive, until cancelled."""
    while True:
        try:
            async with database.transaction() as session:
                await beat(session)
        except Exception as error:  # noqa: BLE001 - whatever it was, the next beat may work
            # Then this is an outage, too: leases are extended when the database is back.
            _log.warning("The service cannot say that it is alive: %s", error)
        await asyncio.sleep(BEAT_SECONDS)


async def builds_with_expired_leases(
    session: AsyncSession, among: Collection[UUID] | None = None
) -> Sequence[UUID]:
    """Find the builds in which a lease seems to have run out, in ascending order of their ids.

    They may still have to be extended after an outage; that comes before an attempt is ended.

    Args:
        session: The transaction, in which nothing is locked or written.
        among: Look at these builds only.
    """
    query = (
        select(AttemptRow.build_id)
        .where(_IS_LIVE_CLAIM, AttemptRow.lease_until <= _NOW)
        .distinct()
        .order_by(AttemptRow.build_id)
    )
    if among is not None:
        query = query.where(AttemptRow.build_id.in_(among))
    return (await session.execute(query)).scalars().all()


async def expired_attempts(
    session: AsyncSession, build_id: UUID, now: datetime
) -> Sequence[AttemptRow]:
    """Find and lock the attempts of a locked build whose lease ran out.

    A holder that renews its lease at the same time is waited for, and wins.
    """
    query = (
        select(AttemptRow)
        .where(AttemptRow.build_id == build_id, _IS_LIVE_CLAIM, AttemptRow.lease_until <= now)
        .order_by(AttemptRow.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return (await session.execute(query)).scalars().all()


def _is_outage(last_seen_at: datetime | None, now: datetime) -> bool:
    return last_seen_at is not None and (now - last_seen_at).total_seconds() > OUTAGE_SECONDS
