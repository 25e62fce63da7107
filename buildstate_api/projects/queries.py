"""The SQL of projects and catalogues."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from buildstate_api.tables import UNDELIVERED, BuildRow, CatalogRow, ProjectRow
from buildstate_core.vocabulary import BuildStatus


async def project_by_name(
    session: AsyncSession, name: str, *, lock: bool = False
) -> ProjectRow | None:
    """Find a project; `lock` keeps its catalogue version from changing until the commit."""
    query = select(ProjectRow).where(ProjectRow.name == name)
    if lock:
        query = query.with_for_update()
    return (await session.execute(query)).scalar_one_or_none()


async def projects_after(
    session: AsyncSession, after: str | None, limit: int
) -> Sequence[ProjectRow]:
    """List projects by name."""
    query = select(ProjectRow).order_by(ProjectRow.name).limit(limit)
    if after is not None:
        query = query.where(ProjectRow.name > after)
    return (await session.execute(query)).scalars().all()


async def catalog(session: AsyncSession, project: ProjectRow, version: int) -> CatalogRow | None:
    """Load one version of a project's catalogue, with its states."""
    query = (
        select(CatalogRow)
        .where(CatalogRow.project_id == project.id, CatalogRow.version == version)
        .options(selectinload(CatalogRow.states))
    )
    return (await session.execute(query)).scalar_one_or_none()


async def catalogs_before(
    session: AsyncSession, project: ProjectRow, before: int | None, limit: int
) -> Sequence[CatalogRow]:
    """List the versions of a project's catalogue with their states, newest first."""
    query = (
        select(CatalogRow)
        .where(CatalogRow.project_id == project.id)
        .options(selectinload(CatalogRow.states))
        .order_by(CatalogRow.version.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(CatalogRow.version < before)
    return (await session.execute(query)).scalars().all()


async def lock_open_builds(session: AsyncSession, project_id: UUID) -> Sequence[UUID]:
    """Lock the builds of a project that still take work, in ascending order of their ids."""
    query = (
        select(BuildRow.id)
        .where(
            BuildRow.project_id == project_id,
            UNDELIVERED,
            BuildRow.status != BuildStatus.CANCELLED,
            BuildRow.superseded_by.is_(None),
        )
        .order_by(BuildRow.id)
        .with_for_update()
    )
    return (await session.execute(query)).scalars().all()


async def pin_catalog(session: AsyncSession, build_ids: Iterable[UUID], version: int) -> None:
    """Move locked builds to another version of their project's catalogue."""
    await session.execute(
        update(BuildRow)
        .where(BuildRow.id.in_(list(build_ids)))
        .values(catalog_version=version)
        .execution_options(synchronize_session=False)
    )
