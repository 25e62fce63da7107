"""The SQL of builds and their attempts."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload, selectinload

from buildstate_api.tables import AttemptRow, BuildRow, CatalogRow, ProjectRow

_WITH_NAMES: Final = (
    joinedload(BuildRow.project),
    joinedload(BuildRow.parent),
    joinedload(BuildRow.catalog).selectinload(CatalogRow.states),
)


async def build(session: AsyncSession, ref: UUID | int, *, lock: bool = False) -> BuildRow | None:
    """Find a build by id or number, with its project and catalogue.

    Args:
        session: The transaction.
        ref: The build's id or number.
        lock: Whether to keep every other writer of this build waiting until the commit.
    """
    column = BuildRow.id if isinstance(ref, UUID) else BuildRow.number
    query = select(BuildRow).where(column == ref).options(*_WITH_NAMES)
    if lock:
        query = query.with_for_update(of=BuildRow).execution_options(populate_existing=True)
    return (await session.execute(query)).scalar_one_or_none()


async def build_by_key(
    session: AsyncSession, project_id: UUID, key: str, *, lock: bool = False
) -> BuildRow | None:
    """Find the build that a key means now."""
    query = (
        select(BuildRow)
        .where(
            BuildRow.project_id == project_id,
            BuildRow.key == key,
            BuildRow.superseded_by.is_(None),
        )
        .options(*_WITH_NAMES)
    )
    if lock:
        query = query.with_for_update(of=BuildRow)
    return (await session.execute(query)).scalar_one_or_none()


async def builds_before(
    session: AsyncSession, before: int | None, limit: int, filters: Mapping[str, str]
) -> Sequence[BuildRow]:
    """List builds, newest first.

    Args:
        session: The transaction.
        before: Only those with a lower number.
        limit: At most so many.
        filters: Column to value; `project` is the project's name.
    """
    query = select(BuildRow).options(*_WITH_NAMES).order_by(BuildRow.number.desc()).limit(limit)
    if before is not None:
        query = query.where(BuildRow.number < before)
    for column, value in filters.items():
        if column == "project":
            query = query.join(BuildRow.project).where(ProjectRow.name == value)
        else:
            query = query.where(getattr(BuildRow, column) == value)
    return (await session.execute(query)).scalars().all()


async def attempts(session: AsyncSession, build_id: UUID) -> Sequence[AttemptRow]:
    """Load all attempts of a build with their artifacts, in the order in which they happened."""
    query = (
        select(AttemptRow)
        .where(AttemptRow.build_id == build_id)
        .options(selectinload(AttemptRow.artifacts))
        .order_by(AttemptRow.as_of, AttemptRow.id)
        .execution_options(populate_existing=True)
    )
    return (await session.execute(query)).scalars().all()


async def attempts_after(
    session: AsyncSession, build_id: UUID, after: tuple[datetime, UUID] | None, limit: int
) -> Sequence[AttemptRow]:
    """List the attempts of a build with their artifacts, oldest first."""
    order = tuple_(AttemptRow.as_of, AttemptRow.id)
    query = (
        select(AttemptRow)
        .where(AttemptRow.build_id == build_id)
        .options(selectinload(AttemptRow.artifacts))
        .order_by(AttemptRow.as_of, AttemptRow.id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(order > after)
    return (await session.execute(query)).scalars().all()


async def attempt(
    session: AsyncSession, attempt_id: UUID, *, lock: bool = False
) -> AttemptRow | None:
    """Find an attempt with its artifacts."""
    query = (
        select(AttemptRow)
        .where(AttemptRow.id == attempt_id)
        .options(selectinload(AttemptRow.artifacts))
    )
    if lock:
        query = query.with_for_update(of=AttemptRow)
    return (
        await session.execute(query.execution_options(populate_existing=True))
    ).scalar_one_or_none()
