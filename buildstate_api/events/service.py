"""Reads what happened to a build."""

from sqlalchemy.ext.asyncio import AsyncSession

from buildstate_api.attempts import lifecycle
from buildstate_api.events import queries
from buildstate_api.paging import Paging, number
from buildstate_api.views import event_view
from buildstate_core.models import Event, Page


async def list_events(session: AsyncSession, ref: str, paging: Paging) -> Page[Event]:
    """List what happened to a build, oldest first."""
    build = await lifecycle.find(session, ref)
    start = paging.start(number)
    found = await queries.events_after(
        session, build.id, start[0] if start else 0, paging.limit + 1
    )
    rows, cursor = paging.cut(found, lambda row: (row.id,))
    return Page(items=tuple(event_view(build.number, row) for row in rows), next_cursor=cursor)
