"""The SQL of retention.

A policy looks at many builds at a time, so that a large project takes few queries.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, exists, false, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload, selectinload, undefer

from buildstate_api.artifacts.queries import keeps
from buildstate_api.tables import (
    DELIVERED,
    ArtifactRow,
    AttemptRow,
    BuildRow,
    CatalogRow,
    InheritedAttemptRow,
    InterventionRow,
    ProjectRow,
)
from buildstate_core.vocabulary import ArtifactKind, AttemptStatus, InterventionKind

_WITH_STATES: Final = (
    joinedload(BuildRow.project),
    joinedload(BuildRow.catalog).selectinload(CatalogRow.states),
)
_STILL_WRITING: Final = timedelta(hours=1)
"""For so long after an attempt has ended, its worker may not have noticed and still write."""
_IS_CANDIDATE: Final = (ArtifactRow.kind == ArtifactKind.BLOB) & ArtifactRow.marked_at.is_(None)


async def projects_to_look_at(session: AsyncSession) -> Sequence[str]:
    """Find the projects that have a policy, or something that has expired by itself."""
    has_expired = exists().where(
        BuildRow.project_id == ProjectRow.id,
        ArtifactRow.build_id == BuildRow.id,
        _IS_CANDIDATE,
        ArtifactRow.expires_at <= func.now(),
    )
    query = (
        select(ProjectRow.name)
        .where(or_(ProjectRow.retention.is_not(None), has_expired))
        .order_by(ProjectRow.name)
    )
    return (await session.execute(query)).scalars().all()


async def builds_with_blobs(
    session: AsyncSession,
    project_id: UUID,
    after: UUID | None,
    limit: int,
    *,
    due: tuple[datetime, datetime | None] | None = None,
) -> Sequence[BuildRow]:
    """List the builds of a project that have blobs nobody has given up, oldest first.

    Args:
        session: The transaction.
        project_id: The project's id.
        after: Only builds after this one.
        limit: At most so many.
        due: Only with blobs that have expired by themselves at the first time, or were made before
            the second one.
    """
    has_blobs = [ArtifactRow.build_id == BuildRow.id, _IS_CANDIDATE]
    if due is not None:
        now, made_before = due
        has_expired = ArtifactRow.expires_at <= now
        is_old = false() if made_before is None else ArtifactRow.created_at <= made_before
        has_blobs.append(or_(has_expired, is_old))
    query = (
        select(BuildRow)
        .where(BuildRow.project_id == project_id, exists().where(*has_blobs))
        .options(*_WITH_STATES)
        .order_by(BuildRow.id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(BuildRow.id > after)
    return (await session.execute(query)).scalars().all()


async def heirs(session: AsyncSession, build_ids: Collection[UUID]) -> Sequence[BuildRow]:
    """Find the other builds that inherited something made in some builds."""
    inherited = (
        select(InheritedAttemptRow.build_id)
        .join(AttemptRow, AttemptRow.id == InheritedAttemptRow.attempt_id)
        .where(AttemptRow.build_id.in_(build_ids))
    )
    query = (
        select(BuildRow)
        .where(BuildRow.id.in_(inherited), BuildRow.id.not_in(build_ids))
        .options(*_WITH_STATES)
        .order_by(BuildRow.id)
    )
    return (await session.execute(query)).scalars().all()


async def newest_delivered(
    session: AsyncSession, project_id: UUID, count: int
) -> Sequence[tuple[UUID, int, datetime | None]]:
    """Find the builds of a project that were delivered last, the newest first.

    Returns:
        The id and number of each, and when it was delivered.
    """
    query = (
        select(BuildRow.id, BuildRow.number, BuildRow.finished_at)
        .where(BuildRow.project_id == project_id, DELIVERED)
        .order_by(BuildRow.finished_at.desc().nulls_last(), BuildRow.number.desc())
        .limit(count)
    )
    return [(each.id, each.number, each.finished_at) for each in await session.execute(query)]


async def candidates(session: AsyncSession, build_ids: Collection[UUID]) -> Sequence[ArtifactRow]:
    """Load the blobs of some builds that nobody has given up, with their attempts."""
    query = (
        select(ArtifactRow)
        .where(ArtifactRow.build_id.in_(build_ids), _IS_CANDIDATE)
        .options(joinedload(ArtifactRow.attempt))
        .order_by(ArtifactRow.id)
        .execution_options(populate_existing=True)
    )
    return (await session.execute(query)).scalars().all()


async def attempts_of(
    session: AsyncSession, build_ids: Collection[UUID]
) -> Mapping[UUID, Sequence[AttemptRow]]:
    """Load the attempts of some builds, and those that they inherited, with their artifacts."""
    inherited = select(InheritedAttemptRow.build_id, InheritedAttemptRow.attempt_id).where(
        InheritedAttemptRow.build_id.in_(build_ids)
    )
    heirs_of: dict[UUID, list[UUID]] = {}
    for build_id, attempt_id in await session.execute(inherited):
        heirs_of.setdefault(attempt_id, []).append(build_id)
    is_meant: ColumnElement[bool] = or_(
        AttemptRow.build_id.in_(build_ids), AttemptRow.id.in_(list(heirs_of))
    )
    query = (
        select(AttemptRow)
        .where(is_meant)
        .options(selectinload(AttemptRow.artifacts), undefer(AttemptRow.build_number))
        .order_by(AttemptRow.as_of, AttemptRow.id)
        .execution_options(populate_existing=True)
    )
    found: dict[UUID, list[AttemptRow]] = {each: [] for each in build_ids}
    for row in (await session.execute(query)).scalars():
        for build_id in {row.build_id, *heirs_of.get(row.id, ())} & found.keys():
            found[build_id].append(row)
    return found


async def forces_of(
    session: AsyncSession, build_ids: Collection[UUID]
) -> Mapping[UUID, Sequence[InterventionRow]]:
    """Load what people wanted to run again in some builds."""
    query = (
        select(InterventionRow)
        .where(
            InterventionRow.build_id.in_(build_ids), InterventionRow.kind == InterventionKind.FORCE
        )
        .order_by(InterventionRow.at, InterventionRow.id)
    )
    found: dict[UUID, list[InterventionRow]] = {}
    for row in (await session.execute(query)).scalars():
        found.setdefault(row.build_id, []).append(row)
    return found


async def other_at(session: AsyncSession, row: ArtifactRow) -> tuple[int, UUID] | None:
    """Find another artifact that is the same object, and was not given up, or is not due yet.

    Returns:
        The number of its build, and its id.
    """
    query = (
        select(BuildRow.number, ArtifactRow.id)
        .join(BuildRow, BuildRow.id == ArtifactRow.build_id)
        .where(
            ArtifactRow.object_uri == row.object_uri, ArtifactRow.id != row.id, keeps(ArtifactRow)
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
    is_recent = AttemptRow.ended_at > func.now() - _STILL_WRITING
    query = select(AttemptRow.id).where(
        AttemptRow.id.in_(attempt_ids), or_(AttemptRow.status.in_(live), is_recent)
    )
    return set((await session.execute(query)).scalars())
