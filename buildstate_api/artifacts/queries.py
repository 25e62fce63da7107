"""The SQL of artifacts."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased, joinedload

from buildstate_api.tables import UNAVAILABLE, ArtifactRow, AttemptRow, BuildRow
from buildstate_core.vocabulary import ArtifactKind, ArtifactStatus


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


async def artifacts_of_all_after(
    session: AsyncSession,
    after: UUID | None,
    limit: int,
    *,
    project_id: UUID | None,
    status: ArtifactStatus | None,
    checksum: str | None,
    removable: bool | None,
) -> Sequence[tuple[int, ArtifactRow]]:
    """List artifacts of whatever build with their attempts, oldest first.

    Returns:
        Each behind the number of its build.
    """
    query = (
        select(BuildRow.number, ArtifactRow)
        .join(BuildRow, BuildRow.id == ArtifactRow.build_id)
        .options(joinedload(ArtifactRow.attempt))
        .order_by(ArtifactRow.id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(ArtifactRow.id > after)
    if project_id is not None:
        query = query.where(BuildRow.project_id == project_id)
    if status is not None:
        query = query.where(ArtifactRow.status == status)
        if status is not ArtifactStatus.AVAILABLE:
            query = query.where(UNAVAILABLE)
    if checksum is not None:
        query = query.where(ArtifactRow.checksum == checksum)
    if removable is not None:
        query = query.where(_is_removable() if removable else ~_is_removable())
    return [(number, row) for number, row in await session.execute(query)]


def _is_removable() -> ColumnElement[bool]:
    """Match what a worker may remove now: given up, due, and nothing else that is needed."""
    other = aliased(ArtifactRow)
    is_needed_by_another = exists().where(
        other.object_uri == ArtifactRow.object_uri, other.id != ArtifactRow.id, keeps(other)
    )
    return (
        ArtifactRow.marked_at.is_not(None)
        & ArtifactRow.removed_at.is_(None)
        & (ArtifactRow.removable_at <= func.now())
        & (ArtifactRow.kind == ArtifactKind.BLOB)
        & ~is_needed_by_another
    )


def keeps(other: type[ArtifactRow]) -> ColumnElement[bool]:
    """Match an artifact whose bytes stay: it was not given up, or somebody can still hold it."""
    return other.marked_at.is_(None) | (
        other.removed_at.is_(None) & (other.removable_at > func.now())
    )
