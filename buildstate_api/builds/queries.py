"""The SQL of builds: found by what names them, listed, and measured."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Float,
    ScalarSelect,
    SmallInteger,
    cast,
    exists,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from buildstate_api.attempts.queries import WITH_NAMES
from buildstate_api.tables import UNDELIVERED, BuildRow, RunSampleRow
from buildstate_core.vocabulary import BuildStatus

_RUNS_TO_LEARN_FROM: Final = 20


async def build_by_key(session: AsyncSession, project_id: UUID, key: str) -> BuildRow | None:
    """Find the build that a key means now."""
    query = (
        select(BuildRow)
        .where(
            BuildRow.project_id == project_id,
            BuildRow.key == key,
            BuildRow.superseded_by.is_(None),
        )
        .options(*WITH_NAMES)
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
        .options(*WITH_NAMES)
        .order_by(BuildRow.number)
    )
    return (await session.execute(query)).scalars().all()


async def number(session: AsyncSession, build_id: UUID) -> int:
    """Return the number of an existing build."""
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
        filters: Column to value.
    """
    query = select(BuildRow).options(*WITH_NAMES).order_by(BuildRow.number.desc()).limit(limit)
    if before is not None:
        query = query.where(BuildRow.number < before)
    for column, value in filters.items():
        query = query.where(getattr(BuildRow, column) == value)
    if filters.get("status", BuildStatus.COMPLETED) != BuildStatus.COMPLETED:
        query = query.where(UNDELIVERED)
    return (await session.execute(query)).scalars().all()


async def median_seconds(
    session: AsyncSession, build: BuildRow, states: Collection[int]
) -> Mapping[int, float]:
    """Return the median duration, in seconds, of the last runs of a build's project at some states.

    Those on the build's platform count, or, at a state that has none of them, those on any.
    """
    each = func.unnest(cast(list(states), ARRAY(SmallInteger))).column_valued("each")
    platform = RunSampleRow.platform
    is_alike = platform.is_(None) if build.platform is None else platform == build.platform
    of_state = (RunSampleRow.project_id == build.project_id, RunSampleRow.state == each)
    median = func.coalesce(_median(*of_state, is_alike), _median(*of_state))
    query = select(each.label("state"), cast(median, Float).label("seconds"))
    found = await session.execute(query)
    return {row.state: row.seconds for row in found if row.seconds is not None}


def _median(*is_meant: ColumnElement[bool]) -> ScalarSelect[float]:
    """Return the median of the last runs that are meant."""
    last = (
        select(RunSampleRow.seconds)
        .where(*is_meant)
        .order_by(RunSampleRow.ended_at.desc())
        .limit(_RUNS_TO_LEARN_FROM)
        .correlate_except(RunSampleRow)
        .subquery()
    )
    return select(func.percentile_cont(0.5).within_group(last.c.seconds)).scalar_subquery()
