"""Leases, and why an outage of the service is not a crash of its workers.

A claim gives its holder a lease. The holder renews it; when it runs out, the attempt is lost, and
another worker may take over. Only the database's clock counts.

While no copy of the service is up, nobody can renew, so that time must not count. One row says
when a copy was last alive (`service_clock`), and each copy writes it once a second. Whoever finds
it older than `OUTAGE_SECONDS` moves every lease that was good at that time on by the time that was
missed, in the same transaction in which it says "alive again". This comes before any lease is
judged, so that no lease is ever judged against an outage that was not made good.

    holder           ──beat────beat──· · (down) · ·──beat──
    service_clock    ──────────────┤               ├───────
    lease                          └─ what was left ─┘ is left afterwards
"""

import asyncio
import logging
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from buildstate_api.database import Database
from buildstate_api.tables import AttemptRow, ServiceClockRow
from buildstate_core.vocabulary import AttemptStatus

_log = logging.getLogger(__name__)

BEAT_SECONDS: Final = 1.0
OUTAGE_SECONDS: Final = 2.5

_IS_LIVE_CLAIM = (AttemptRow.status == AttemptStatus.IN_PROGRESS) & AttemptRow.lease_until.is_not(
    None
)


async def make_good(session: AsyncSession) -> timedelta:
    """Move leases on by the time for which no copy of the service was alive.

    Returns:
        That time; zero when there was no outage.
    """
    now = func.clock_timestamp()
    gap = timedelta(seconds=OUTAGE_SECONDS)
    seen = select(ServiceClockRow.last_seen_at, now).where(ServiceClockRow.last_seen_at < now - gap)
    # Looks first without a lock: nearly always there was no outage.
    if (await session.execute(seen)).first() is None:
        return timedelta(0)
    found = (await session.execute(seen.with_for_update())).one_or_none()
    if found is None:  # another copy was faster
        return timedelta(0)
    last_seen_at, seen_at = found
    last_contact = func.greatest(last_seen_at, AttemptRow.heartbeat_at)
    await session.execute(
        update(AttemptRow)
        .where(_IS_LIVE_CLAIM, AttemptRow.lease_until > last_seen_at)
        .values(
            lease_until=AttemptRow.lease_until
            + func.greatest(seen_at - last_contact, text("interval '0'"))
        )
        .execution_options(synchronize_session=False)
    )
    await session.execute(update(ServiceClockRow).values(last_seen_at=seen_at))
    missed: timedelta = seen_at - last_seen_at
    return missed


async def beat(session: AsyncSession) -> None:
    """Say that a copy of the service is alive."""
    missed = await make_good(session)
    if missed:
        _log.info("Leases were moved on by %.1f s: the service was down", missed.total_seconds())
    await session.execute(
        insert(ServiceClockRow)
        .values(id=1, last_seen_at=func.clock_timestamp())
        .on_conflict_do_update(
            index_elements=[ServiceClockRow.id],
            set_={"last_seen_at": func.clock_timestamp()},
        )
    )


async def keep_beating(database: Database) -> None:
    """Say every second that this copy is alive, until cancelled."""
    while True:
        try:
            async with database.transaction() as session:
                await beat(session)
        except (SQLAlchemyError, OSError) as error:
            # Then this is an outage too, and is made good when the database is back.
            _log.warning("The database cannot be reached: %s", error)
        await asyncio.sleep(BEAT_SECONDS)


async def builds_with_expired_leases(session: AsyncSession) -> list[UUID]:
    """Find the builds in which a lease ran out."""
    rows = await session.execute(
        select(AttemptRow.build_id)
        .where(_IS_LIVE_CLAIM, AttemptRow.lease_until <= func.clock_timestamp())
        .distinct()
    )
    return list(rows.scalars())
