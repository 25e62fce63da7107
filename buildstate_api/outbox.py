"""The outbox: what changed is written in the transaction that changed it."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from buildstate_api.tables import EventRow


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
