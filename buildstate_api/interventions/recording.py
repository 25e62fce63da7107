"""Writes down who decided what about a build, when and why."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from buildstate_api.keys.queries import key_name
from buildstate_api.outbox import emit
from buildstate_api.tables import BuildRow, InterventionRow
from buildstate_core.vocabulary import InterventionKind


async def record(
    session: AsyncSession,
    build: BuildRow,
    kind: InterventionKind,
    *,
    by: UUID,
    reason: str,
    at: datetime,
    state: int | None = None,
    lane: str | None = None,
    artifact_id: UUID | None = None,
) -> str:
    """Record what a person decided about a locked build, and emit it.

    Args:
        session: The transaction of the decision.
        build: The build.
        kind: What was decided.
        by: The id of the API key that it came with.
        reason: Why.
        at: The database's time of the decision.
        state: The milestone's state, if it is about one.
        lane: The milestone's lane.
        artifact_id: The artifact that it is about.

    Returns:
        The name of the key: who decided.
    """
    actor = await key_name(session, by)
    session.add(
        InterventionRow(
            id=uuid7(),
            build_id=build.id,
            kind=kind,
            state=state,
            lane=lane,
            artifact_id=artifact_id,
            reason=reason,
            api_key_id=by,
            at=at,
        )
    )
    data: dict[str, object] = {"actor": actor, "reason": reason, "state": state, "lane": lane}
    if artifact_id is not None:
        data["artifact_id"] = str(artifact_id)
    emit(session, f"build.{kind}", data, build_id=build.id)
    return actor
