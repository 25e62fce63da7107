"""Writes what changed, in the transaction that changed it."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from buildstate_api.events import queries
from buildstate_api.paging import Paging, number
from buildstate_api.tables import BuildRow, EventRow
from buildstate_api.views import event_view
from buildstate_core.models import Event, Page


def emit(
    session: AsyncSession, kind: str, data: Mapping[str, Any], *, build_id: UUID | None = None
) -> None:
    """Add an event to the outbox.

    Args:
        session: The transaction of the change.
        kind: What happened, as `noun.verb`.
        data: JSON about it.
        build_id: The build that it happened to.
    """
    session.add(EventRow(build_id=build_id, type=kind, data=dict(data)))


async def list_events(session: AsyncSession, build: BuildRow, paging: Paging) -> Page[Event]:
    """List what happened to a build, oldest first."""
    start = paging.start(number)
    found = await queries.events_after(
        session, build.id, start[0] if start else 0, paging.limit + 1
    )
    rows, cursor = paging.cut(found, lambda row: (row.id,))
    return Page(items=tuple(event_view(build.number, row) for row in rows), next_cursor=cursor)
