"""The SQL of builds and their attempts."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Float,
    cast,
    exists,
    func,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased, joinedload, selectinload, undefer

from buildstate_api.tables import (
    ArtifactRow,
    AttemptRow,
    BuildRow,
    CatalogRow,
    InheritedAttemptRow,
    ProjectRow,
)
from buildstate_core.vocabulary import AttemptStatus, BuildStatus

_RUNS_TO_LEARN_FROM: Final = 20
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
        await _lock(session, column == ref)
        query = query.execution_options(populate_existing=True)
    return (await session.execute(query)).scalar_one_or_none()


async def build_by_key(session: AsyncSession, project_id: UUID, key: str) -> BuildRow | None:
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
    return (await session.execute(query)).scalar_one_or_none()


async def builds_of_version(
    session: AsyncSession, project_id: UUID, version: str
) -> Sequence[BuildRow]:
    """Find the builds of a version that none has superseded, oldest first.

    Those that derive from another of them are left out: they are what became of it.
    """
    parent = aliased(BuildRow)
    is_of_version = (BuildRow.project_id == project_id, BuildRow.version == version)
    derives_from_one = exists().where(
        parent.id == BuildRow.derived_from,
        parent.project_id == project_id,
        parent.version == version,
    )
    query = (
        select(BuildRow)
        .where(*is_of_version, BuildRow.superseded_by.is_(None), ~derives_from_one)
        .options(*_WITH_NAMES)
        .order_by(BuildRow.number)
    )
    return (await session.execute(query)).scalars().all()


async def lock_builds(session: AsyncSession, build_ids: Iterable[UUID]) -> Sequence[BuildRow]:
    """Lock several builds, in ascending order of their ids as everybody does.

    Call it before a clock or an attempt is locked.
    """
    is_meant = BuildRow.id.in_(list(build_ids))
    await _lock(session, is_meant)
    query = (
        select(BuildRow)
        .where(is_meant)
        .options(*_WITH_NAMES)
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


async def lock_open_builds(session: AsyncSession, project_id: UUID) -> Sequence[UUID]:
    """Lock the builds of a project that still take work, in ascending order of their ids."""
    query = (
        select(BuildRow.id)
        .where(
            BuildRow.project_id == project_id,
            BuildRow.status.not_in([BuildStatus.COMPLETED, BuildStatus.CANCELLED]),
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


async def descendants(session: AsyncSession, build_id: UUID) -> set[UUID]:
    """Find the builds that derive from a build, and those that derive from these."""
    found = select(BuildRow.id).where(BuildRow.derived_from == build_id).cte(recursive=True)
    found = found.union(select(BuildRow.id).where(BuildRow.derived_from == found.c.id))
    return set((await session.execute(select(found.c.id))).scalars())


async def number(session: AsyncSession, build_id: UUID) -> int:
    """Give the number of a build that is known to be there."""
    query = select(BuildRow.number).where(BuildRow.id == build_id)
    found: int = (await session.execute(query)).scalar_one()
    return found


async def builds_before(
    session: AsyncSession, before: int | None, limit: int, filters: Mapping[str, str | UUID]
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


async def median_seconds(
    session: AsyncSession, build: BuildRow, states: Collection[int]
) -> Mapping[int, float]:
    """Find how long the last runs of a build's project took at some states: their median.

    Those on the build's platform count, or, at a state that has none of them, those on any.
    """
    is_alike = BuildRow.platform.is_not_distinct_from(build.platform).label("is_alike")
    last = (
        select(
            AttemptRow.state,
            is_alike,
            func.extract("epoch", AttemptRow.ended_at - AttemptRow.started_at).label("seconds"),
            func.row_number()
            .over(partition_by=(AttemptRow.state, is_alike), order_by=AttemptRow.ended_at.desc())
            .label("place"),
        )
        .join(BuildRow, BuildRow.id == AttemptRow.build_id)
        .where(
            BuildRow.project_id == build.project_id,
            AttemptRow.state.in_(states),
            AttemptRow.status == AttemptStatus.COMPLETED,
            AttemptRow.lease_until.is_not(None),
            AttemptRow.started_at.is_not(None),
        )
        .subquery()
    )
    median = func.percentile_cont(0.5).within_group(last.c.seconds)
    query = (
        select(last.c.state, cast(median, Float).label("seconds"))
        .where(last.c.place <= _RUNS_TO_LEARN_FROM)
        .group_by(last.c.state, last.c.is_alike)
        .order_by(last.c.state, last.c.is_alike)  # the platform's own come last, and win
    )
    return {row.state: row.seconds for row in await session.execute(query)}


def _of_build(build_id: UUID) -> ColumnElement[bool]:
    """Match the attempts of a build and those that it inherited."""
    inherited = select(InheritedAttemptRow.attempt_id).where(
        InheritedAttemptRow.build_id == build_id
    )
    return or_(AttemptRow.build_id == build_id, AttemptRow.id.in_(inherited))
