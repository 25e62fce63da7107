"""The SQL of retention.

A policy looks at many builds at a time, so that a large project takes few queries.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, Uuid, any_, cast, exists, func, or_, select, tuple_
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased, joinedload, selectinload, undefer

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
from buildstate_core.vocabulary import (
    ArtifactKind,
    ArtifactStatus,
    AttemptStatus,
    InterventionKind,
)

_WITH_STATES: Final = (
    joinedload(BuildRow.project),
    joinedload(BuildRow.catalog).selectinload(CatalogRow.states),
)
_STILL_WRITING: Final = timedelta(hours=1)
"""For so long after an attempt has ended, its worker may not have noticed and still write."""
_IS_CANDIDATE: Final = (ArtifactRow.kind == ArtifactKind.BLOB) & ArtifactRow.marked_at.is_(None)


async def projects_to_look_at(session: AsyncSession) -> Sequence[str]:
    """Find the projects that have a policy, or something that has expired by itself."""
    expired = (
        select(BuildRow.project_id)
        .join(ArtifactRow, ArtifactRow.build_id == BuildRow.id)
        .where(_IS_CANDIDATE, ArtifactRow.expires_at <= func.now())
    )
    of_expired = func.array(expired.scalar_subquery(), type_=ARRAY(Uuid))
    query = (
        select(ProjectRow.name)
        .where(or_(ProjectRow.retention.is_not(None), ProjectRow.id == any_(of_expired)))
        .order_by(ProjectRow.name)
    )
    return (await session.execute(query)).scalars().all()


@dataclass(frozen=True)
class Due:
    """What a job looks at: what has expired by itself, and what a policy may give up.

    Attributes:
        now: The database's time.
        made_before: What is younger stays; `None` without a policy.
        keeps_delivered: Whether what was delivered stays.
    """

    now: datetime
    made_before: datetime | None
    keeps_delivered: bool


async def builds_with_blobs(
    session: AsyncSession, project_id: UUID, after: int, limit: int, *, due: Due | None = None
) -> tuple[int | None, Sequence[UUID]]:
    """Go through some builds of a project, oldest first, for blobs that nobody has given up.

    So many builds are looked at in one statement, however few are found.

    Args:
        session: The transaction.
        project_id: The project's id.
        after: The number of the build that was looked at last.
        limit: At most so many are looked at.
        due: Find only those in which a blob may have to be given up now.

    Returns:
        The number of the build that is looked at last now, `None` if there are no more; and the
        ids of those found.
    """
    is_meant = _IS_CANDIDATE if due is None else _IS_CANDIDATE & _is_due(due)
    # Not EXISTS, which PostgreSQL may answer by going through all artifacts that there are.
    a_blob = (
        select(ArtifactRow.id)
        .where(
            ArtifactRow.build_id == BuildRow.id, ArtifactRow.attempt_id == AttemptRow.id, is_meant
        )
        .limit(1)
        .correlate(BuildRow)
        .scalar_subquery()
    )
    query = (
        select(BuildRow.id, BuildRow.number, a_blob.is_not(None).label("is_found"))
        .where(BuildRow.project_id == project_id, BuildRow.number > after)
        .order_by(BuildRow.number)
        .limit(limit)
    )
    rows = (await session.execute(query)).all()
    found = [each.id for each in rows if each.is_found]
    return (rows[-1].number if rows else None), found


async def builds(session: AsyncSession, build_ids: Collection[UUID]) -> Sequence[BuildRow]:
    """Load some builds with the states of their catalogues, oldest first."""
    query = (
        select(BuildRow)
        .where(BuildRow.id.in_(build_ids))
        .options(*_WITH_STATES)
        .order_by(BuildRow.number)
    )
    return (await session.execute(query)).scalars().all()


def _is_due(due: Due) -> ColumnElement[bool]:
    has_expired = ArtifactRow.expires_at <= due.now
    if due.made_before is None:
        return has_expired
    is_old = ArtifactRow.hold.is_(None) & (ArtifactRow.created_at <= due.made_before)
    if due.keeps_delivered:
        is_old &= ~_is_delivered()
    return or_(has_expired, is_old)


def _is_delivered() -> ColumnElement[bool]:
    """Match what a build without lanes delivered last, which stays: nearly all that is old.

    The rules decide about what is not matched; about what is, they would decide the same.
    """
    later = aliased(AttemptRow)
    is_followed = exists().where(
        later.build_id == AttemptRow.build_id,
        later.id != AttemptRow.id,
        tuple_(later.state, later.as_of) >= tuple_(AttemptRow.state, AttemptRow.as_of),
    )
    return (
        DELIVERED
        & (BuildRow.lanes == cast([], JSONB))
        & (ArtifactRow.status == ArtifactStatus.AVAILABLE)
        & (AttemptRow.status == AttemptStatus.COMPLETED)
        & (AttemptRow.state > func.coalesce(BuildRow.derived_state, -1))
        & ~is_followed
    )


async def heirs(session: AsyncSession, build_ids: Collection[UUID]) -> Sequence[BuildRow]:
    """Find the other builds that inherited something made in some builds."""
    inherited = (
        select(InheritedAttemptRow.build_id)
        .join(AttemptRow, AttemptRow.id == InheritedAttemptRow.attempt_id)
        .where(AttemptRow.build_id.in_(build_ids))
    )
    ids = func.array(inherited.scalar_subquery(), type_=ARRAY(Uuid))
    query = (
        select(BuildRow)
        .where(BuildRow.id == any_(ids), BuildRow.id.not_in(build_ids))
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
