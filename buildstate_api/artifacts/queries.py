"""The SQL of artifacts."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from buildstate_api.tables import ArtifactRow, AttemptRow


async def artifact(session: AsyncSession, artifact_id: UUID) -> ArtifactRow | None:
    """Find an artifact with its attempt."""
    query = (
        select(ArtifactRow)
        .where(ArtifactRow.id == artifact_id)
        .options(joinedload(ArtifactRow.attempt))
        .execution_options(populate_existing=True)
    )
    return (await session.execute(query)).scalar_one_or_none()


async def artifacts_after(
    session: AsyncSession, build_id: UUID, after: UUID | None, limit: int, *, state: int | None
) -> Sequence[ArtifactRow]:
    """List the artifacts of a build with their attempts, oldest first."""
    query = (
        select(ArtifactRow)
        .join(ArtifactRow.attempt)
        .where(ArtifactRow.build_id == build_id)
        .options(joinedload(ArtifactRow.attempt))
        .order_by(ArtifactRow.id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(ArtifactRow.id > after)
    if state is not None:
        query = query.where(AttemptRow.state == state)
    return (await session.execute(query)).scalars().all()
