"""The SQL of attempts, and of finding and locking their builds."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Uuid,
    any_,
    cast,
    func,
    or_,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload, selectinload, undefer

from buildstate_api.tables import (
    ArtifactRow,
    AttemptRow,
    BuildRow,
    CatalogRow,
    InheritedAttemptRow,
    InterventionRow,
)
from buildstate_core.vocabulary import InterventionKind

WITH_NAMES: Final = (
    joinedload(BuildRow.project),
    joinedload(BuildRow.parent),
    joinedload(BuildRow.catalog).selectinload(CatalogRow.states),
)
"""Loads with a build all that its view names."""


async def build(session: AsyncSession, ref: UUID | int, *, lock: bool = False) -> BuildRow | None:
    """Find a build by id or number, with its project and catalogue.

    Args:
        session: The transaction.
        ref: The build's id or number.
        lock: Whether to keep every other writer of this build waiting until the commit.
    """
    column = BuildRow.id if isinstance(ref, UUID) else BuildRow.number
    query = select(BuildRow).where(column == ref).options(*WITH_NAMES)
    if lock:
        await _lock(session, column == ref)
        query = query.execution_options(populate_existing=True)
    return (await session.execute(query)).scalar_one_or_none()


async def build_id(session: AsyncSession, ref: UUID | int) -> UUID | None:
    """Find the id of a build by its id or number."""
    column = BuildRow.id if isinstance(ref, UUID) else BuildRow.number
    return (await session.execute(select(BuildRow.id).where(column == ref))).scalar_one_or_none()


async def lock_builds(session: AsyncSession, build_ids: Iterable[UUID]) -> Sequence[BuildRow]:
    """Lock several builds, in ascending order of their ids as everybody does.

    Call it before a clock or an attempt is locked.
    """
    is_meant = BuildRow.id.in_(list(build_ids))
    await _lock(session, is_meant)
    query = (
        select(BuildRow)
        .where(is_meant)
        .options(*WITH_NAMES)
        .order_by(BuildRow.id)
        .execution_options(populate_existing=True)
    )
    return (await session.execute(query)).scalars().all()


async def _lock(session: AsyncSession, is_meant: ColumnElement[bool]) -> None:
    """Lock builds, in ascending order of their ids.

    In a statement of its own: one that has waited for a lock sees the newest row of the build,
    but what it joins to that as it was before, so that a new catalogue would be missing.
    """
    query = select(BuildRow.id).where(is_meant).order_by(BuildRow.id).with_for_update()
    await session.execute(query)


async def descendants(session: AsyncSession, build_id: UUID) -> set[UUID]:
    """Find the builds that derive from a build, and those that derive from these."""
    found = select(BuildRow.id).where(BuildRow.derived_from == build_id).cte(recursive=True)
    found = found.union(select(BuildRow.id).where(BuildRow.derived_from == found.c.id))
    return set((await session.execute(select(found.c.id))).scalars())


async def attempts(session: AsyncSession, build_id: UUID) -> Sequence[AttemptRow]:
    """Load all attempts of a build, and those that it inherited, with their artifacts.

    In the order in which they happened. An inherited one is told by its build.
    """
    query = (
        select(AttemptRow)
        .where(_of_build(build_id))
        .options(
            selectinload(AttemptRow.artifacts),
            undefer(AttemptRow.build_number),
        )
        .order_by(AttemptRow.as_of, AttemptRow.id)
        .execution_options(populate_existing=True)
    )
    return (await session.execute(query)).scalars().all()


async def build_of(session: AsyncSession, attempt_id: UUID) -> UUID | None:
    """Find the id of the build that an attempt was made in."""
    query = select(AttemptRow.build_id).where(AttemptRow.id == attempt_id)
    return (await session.execute(query)).scalar_one_or_none()


async def attempts_after(
    session: AsyncSession,
    build_id: UUID,
    after: tuple[datetime, UUID] | None,
    limit: int,
    *,
    with_inherited: bool,
) -> Sequence[AttemptRow]:
    """List the attempts of a build with their artifacts, oldest first."""
    order = tuple_(AttemptRow.as_of, AttemptRow.id)
    query = (
        select(AttemptRow)
        .where(_of_build(build_id) if with_inherited else AttemptRow.build_id == build_id)
        .options(selectinload(AttemptRow.artifacts), undefer(AttemptRow.build_number))
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


async def forces(session: AsyncSession, build_id: UUID) -> Sequence[InterventionRow]:
    """Load what people wanted to run again, in the order in which they said so."""
    query = (
        select(InterventionRow)
        .where(InterventionRow.build_id == build_id, InterventionRow.kind == InterventionKind.FORCE)
        .order_by(InterventionRow.at, InterventionRow.id)
    )
    return (await session.execute(query)).scalars().all()


async def names_taken(
    session: AsyncSession, attempt_id: UUID, names: Collection[str]
) -> Sequence[str]:
    """Find those of some names that an attempt has artifacts of already."""
    query = select(ArtifactRow.name).where(
        ArtifactRow.attempt_id == attempt_id, ArtifactRow.name.in_(names)
    )
    return (await session.execute(query)).scalars().all()


async def lock_objects(session: AsyncSession, numbers: Sequence[int]) -> None:
    """Keep others from recording or removing the same objects until the commit.

    Call it after builds and attempts are locked, with ascending numbers.
    """
    each = func.unnest(cast(numbers, ARRAY(BigInteger))).column_valued("each")
    await session.execute(select(func.pg_advisory_xact_lock(each)))


async def being_removed(session: AsyncSession, object_uris: Collection[str]) -> str | None:
    """Find one of some objects whose bytes a worker has begun to remove."""
    query = (
        select(ArtifactRow.uri)
        .where(
            ArtifactRow.object_uri.in_(object_uris),
            ArtifactRow.removing_at.is_not(None),
            ArtifactRow.removed_at.is_(None),
        )
        .limit(1)
    )
    return (await session.execute(query)).scalar_one_or_none()


def _of_build(build_id: UUID) -> ColumnElement[bool]:
    """Match the attempts of a build and those that it inherited.

    What it inherited is an array by then: beside `OR`, a subquery cannot be looked up in an index,
    and every attempt that there is would be read.
    """
    inherited = select(InheritedAttemptRow.attempt_id).where(
        InheritedAttemptRow.build_id == build_id
    )
    ids = func.array(inherited.scalar_subquery(), type_=ARRAY(Uuid))
    return or_(AttemptRow.build_id == build_id, AttemptRow.id == any_(ids))
