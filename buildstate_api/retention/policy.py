"""What a project's policy says about its blobs, and giving up what it does not keep.

The rules decide (`buildstate_core.rules.retention`). Many builds are looked at together. Those in
which something is to be given up are then taken one by one: in a transaction of its own, with the
build's lineage locked, everything is decided anew. So a claim, a derived build or a hold that comes
in between is there already, and what it needs is kept; or it comes after, and finds the marks.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from buildstate_api.attempts import lifecycle
from buildstate_api.attempts.leases import extend_leases_after_outage
from buildstate_api.database import Database
from buildstate_api.projects import service as projects
from buildstate_api.retention import queries
from buildstate_api.retention.answer import Pieces, as_json
from buildstate_api.retention.in_use import build_facts
from buildstate_api.retention.marks import grace_of, mark
from buildstate_api.tables import ArtifactRow, AttemptRow, BuildRow, ProjectRow
from buildstate_api.views import artifact_view
from buildstate_core import models
from buildstate_core.rules.facts import History
from buildstate_core.rules.reasons import describe
from buildstate_core.rules.retention import (
    BuildFact,
    Candidate,
    Policy,
    Verdict,
    judge_artifacts,
    needed,
)
from buildstate_core.vocabulary import BuildStatus

_log = logging.getLogger(__name__)

_AT_ONCE: Final = 20
"""So many builds are decided about together: others are answered in between."""

_LOOKED_AT: Final = 1000
"""So many builds are looked at for something to decide about, in one statement."""


class _Judged(NamedTuple):
    """One artifact, the number of its build, the attempt that made it, and what is decided."""

    build: int
    row: ArtifactRow
    attempt: AttemptRow
    verdict: Verdict


async def get_plan(database: Database, name: str, *, is_applied: bool = False) -> Pieces:
    """Return what a project's policy would keep and give up, as JSON that is made as it is sent.

    Args:
        database: Where some builds at a time are a transaction of their own.
        name: The project's name.
        is_applied: Whether what is given up is marked. Done twice, nothing more happens.
    """
    async with database.transaction() as session:
        project = await projects.find(session, name)
        now = await extend_leases_after_outage(session)
    plan = models.RetentionPlan(
        project=project.name,
        policy=_retention(project),
        dry_run=not is_applied,
        at=now,
        items=(),
        keep_count=0,
        keep_bytes=0,
        give_up_count=0,
        give_up_bytes=0,
    )
    return as_json(plan, _items(database, name, is_applied=is_applied))


async def apply_everywhere(database: Database) -> None:
    """Mark what the policies of all projects give up, and what has expired by itself.

    Builds in which nothing is old enough, or all is kept for good, are left out.
    """
    async with database.transaction() as session:
        names = await queries.projects_to_look_at(session)
    for name in names:
        try:
            async for _ in _pages(database, name, is_applied=True, only_due=True):
                pass
        except Exception as error:  # noqa: BLE001 - whatever it was, the other projects go on
            _log.warning("The policy of project %s was not applied: %s", name, error)


async def _items(
    database: Database, name: str, *, is_applied: bool
) -> AsyncIterator[list[models.Verdict]]:
    async for page in _pages(database, name, is_applied=is_applied, only_due=False):
        # Not on the event loop, on which others wait to be answered.
        yield await asyncio.to_thread(lambda: [*map(_item, page)])  # noqa: B023 - awaited at once


async def _pages(
    database: Database, name: str, *, is_applied: bool, only_due: bool
) -> AsyncIterator[list[_Judged]]:
    """Decide about the blobs of a project, those of some builds at a time."""
    async with database.transaction() as session:
        project = await projects.find(session, name)
        now = await extend_leases_after_outage(session)
        newest = await _newest_delivered(session, project)
    due = _due(project, now) if only_due else None
    after: int | None = 0
    while after is not None:
        async with database.transaction() as session:
            after, found = await queries.builds_with_blobs(
                session, project.id, after, _LOOKED_AT, due=due
            )
        for begin in range(0, len(found), _AT_ONCE):
            async with database.transaction() as session:
                now = await extend_leases_after_outage(session)
                builds = await queries.builds(session, found[begin : begin + _AT_ONCE])
                judged = await _judge(session, project, builds, newest, now)
            touched = {each.row.build_id for each in judged if not each.verdict.keep}
            if is_applied and touched:
                judged = [each for each in judged if each.row.build_id not in touched]
                for build_id in sorted(touched):
                    judged += await _give_up(database, build_id)
            yield judged


async def _give_up(database: Database, build_id: UUID) -> list[_Judged]:
    async with database.transaction() as session:
        lineage = await lifecycle.lock_lineage(session, build_id)
        now = await extend_leases_after_outage(session)
        build = next(each for each in lineage if each.id == build_id)
        newest = await _newest_delivered(session, build.project)
        judged = await _judge(session, build.project, [build], newest, now)
        given_up = [each for each in judged if not each.verdict.keep]
        grace = grace_of(build.project)
        for _, row, attempt, verdict in given_up:
            mark(session, row, attempt, because=describe(verdict.reason), at=now, grace=grace)
        if given_up:
            for each in lineage:
                await lifecycle.derive(session, each)
    return judged


async def _newest_delivered(session: AsyncSession, project: ProjectRow) -> list[BuildFact]:
    """Return the deliveries that a policy keeps whole; of them only that, and when, is known."""
    policy = _policy(project)
    count = 0 if policy is None else policy.keep_delivered_builds
    return [_delivered(each) for each in await queries.newest_delivered(session, project.id, count)]


async def _judge(
    session: AsyncSession,
    project: ProjectRow,
    builds: Sequence[BuildRow],
    newest: Sequence[BuildFact],
    now: datetime,
) -> list[_Judged]:
    """Decide about the blobs of some builds of a project."""
    if not builds:
        return []
    ids = [each.id for each in builds]
    others = await queries.heirs(session, ids)
    facts = await build_facts(session, [*builds, *others])
    rows = await queries.candidates(session, ids)
    of_project = {str(each.id) for each in [*builds, *others] if each.project_id == project.id}
    # Of the other builds only the delivery counts, and when it was.
    known = {
        each.id: each for each in [*newest, *(fact for fact in facts if fact.id in of_project)]
    }
    verdicts = await asyncio.to_thread(
        _verdicts, rows, facts, list(known.values()), _policy(project), now
    )
    numbers = {each.id: each.number for each in builds}
    return [
        _Judged(numbers[row.build_id], row, row.attempt, verdict)
        for row, verdict in zip(rows, verdicts, strict=True)
    ]


def _verdicts(
    rows: Sequence[ArtifactRow],
    facts: Sequence[BuildFact],
    known: Sequence[BuildFact],
    policy: Policy | None,
    now: datetime,
) -> tuple[Verdict, ...]:
    return judge_artifacts(
        [_candidate(each) for each in rows],
        known,
        needed_by={key: why for each in facts for key, why in needed(each, now=now).items()},
        policy=policy,
        now=now,
    )


def _policy(project: ProjectRow) -> Policy | None:
    retention = _retention(project)
    if retention is None:
        return None
    return Policy(
        keep_delivered_builds=retention.keep_delivered_builds,
        keep_delivered=retention.keep_delivered,
        keep_days=retention.keep_days,
    )


def _retention(project: ProjectRow) -> models.Retention | None:
    stored = project.retention
    return None if stored is None else models.Retention.model_validate(stored)


def _due(project: ProjectRow, now: datetime) -> queries.Due:
    policy = _policy(project)
    return queries.Due(
        now=now,
        made_before=None if policy is None else now - timedelta(days=policy.keep_days),
        keeps_delivered=policy is not None and policy.keep_delivered,
    )


def _candidate(row: ArtifactRow) -> Candidate:
    return Candidate(
        id=str(row.id),
        build=str(row.build_id),
        created_at=row.created_at,
        expires_at=row.expires_at,
        is_held=row.hold is not None,
    )


def _delivered(found: tuple[UUID, int, datetime | None]) -> BuildFact:
    build_id, number, finished_at = found
    return BuildFact(
        id=str(build_id),
        number=number,
        history=History(()),
        status=BuildStatus.COMPLETED,
        finished_at=finished_at,
    )


def _item(judged: _Judged) -> models.Verdict:
    build, row, attempt, verdict = judged
    artifact = artifact_view(build, attempt, row)
    return models.Verdict(
        artifact=artifact,
        keep=verdict.keep,
        reason=verdict.reason,
        text=describe(verdict.reason),
        size_bytes=artifact.stored_bytes,
    )
