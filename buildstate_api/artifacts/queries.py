"""The SQL of artifacts."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased, joinedload

from buildstate_api.tables import ArtifactRow, AttemptRow, BuildRow
from buildstate_core.vocabulary import ArtifactKind, ArtifactStatus, AttemptStatus

STILL_WRITING: Final = timedelta(hours=1)
"""For how long after its attempt a worker may not have noticed that it has ended."""


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
    if checksum is not None:
        query = query.where(ArtifactRow.checksum == checksum)
    if removable is not None:
        query = query.where(_is_removable() if removable else ~_is_removable())
    return [(number, row) for number, row in await session.execute(query)]


async def other_at(session: AsyncSession, row: ArtifactRow) -> tuple[int, UUID] | None:
    """Find another artifact that is the same object, and was not given up, or is not due yet.

    Returns:
        The number of its build, and its id.
    """
    query = (
        select(BuildRow.number, ArtifactRow.id)
        .join(BuildRow, BuildRow.id == ArtifactRow.build_id)
        .where(
            ArtifactRow.object_uri == row.object_uri, ArtifactRow.id != row.id, _keeps(ArtifactRow)
        )
        .order_by(ArtifactRow.id)
        .limit(1)
    )
    found = (await session.execute(query)).one_or_none()
    return None if found is None else (found.number, found.id)


async def removal_at(session: AsyncSession, row: ArtifactRow) -> ArtifactRow | None:
    """Find the artifact, be it this one, as which the bytes of this one are or were removed."""
    query = (
        select(ArtifactRow)
        .where(ArtifactRow.object_uri == row.object_uri, ArtifactRow.removing_at >= row.created_at)
        .order_by(ArtifactRow.removing_at.desc(), ArtifactRow.id)
        .limit(1)
    )
    return (await session.execute(query)).scalar_one_or_none()


async def artifacts_at(
    session: AsyncSession, object_uris: Collection[str]
) -> Sequence[ArtifactRow]:
    """Load the artifacts that are some objects, and are there; what was given up comes first."""
    query = (
        select(ArtifactRow)
        .where(ArtifactRow.object_uri.in_(object_uris), ArtifactRow.removed_at.is_(None))
        .order_by(ArtifactRow.marked_at.is_(None), ArtifactRow.id)
    )
    return (await session.execute(query)).scalars().all()


async def still_writing(session: AsyncSession, attempt_ids: Collection[UUID]) -> set[UUID]:
    """Find those of some attempts whose workers may be at work, or not know that they are not."""
    live = [each for each in AttemptStatus if each.is_live]
    is_recent = AttemptRow.ended_at > func.now() - STILL_WRITING
    query = select(AttemptRow.id).where(
        AttemptRow.id.in_(attempt_ids), or_(AttemptRow.status.in_(live), is_recent)
    )
    return set((await session.execute(query)).scalars())


def _is_removable() -> ColumnElement[bool]:
    """Match what a worker may remove now: given up, due, and nothing else that is needed."""
    other = aliased(ArtifactRow)
    is_needed_by_another = exists().where(
        other.object_uri == ArtifactRow.object_uri, other.id != ArtifactRow.id, _keeps(other)
    )
    return (
        ArtifactRow.marked_at.is_not(None)
        & ArtifactRow.removed_at.is_(None)
        & (ArtifactRow.removable_at <= func.now())
        & (ArtifactRow.kind == ArtifactKind.BLOB)
        & ~is_needed_by_another
    )


def _keeps(other: type[ArtifactRow]) -> ColumnElement[bool]:
    """Match an artifact whose bytes stay: it was not given up, or somebody can still hold it."""
    return other.marked_at.is_(None) | (
        other.removed_at.is_(None) & (other.removable_at > func.now())
    )
