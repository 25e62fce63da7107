"""What a project's policy says about its blobs, and giving up what it does not keep.

The rules decide (`buildstate_core.rules.retention`). Many builds are looked at together. Those in
which something is to be given up are then taken one by one: in a transaction of its own, with the
build's lineage locked, everything is decided anew. So a claim, a derived build or a hold that comes
in between is there already, and what it needs is kept; or it comes after, and finds the marks.
"""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from buildstate_api.attempts import lifecycle
from buildstate_api.attempts.leases import extend_leases_after_outage
from buildstate_api.database import Database
from buildstate_api.projects import service as projects
from buildstate_api.retention import queries
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

_AT_ONCE: Final = 100
"""So many builds are looked at together."""


class _Judged(NamedTuple):
    """One artifact, the number of its build, the attempt that made it, and what is decided."""

    build: int
    row: ArtifactRow
    attempt: AttemptRow
    verdict: Verdict


async def get_plan(session: AsyncSession, name: str) -> models.RetentionPlan:
    """Return what a project's policy would keep and give up; nothing is changed."""
    project = await projects.find(session, name)
    now = await extend_leases_after_outage(session)
    judged: list[_Judged] = []
    after: UUID | None = None
    while builds := await queries.builds_with_blobs(session, project.id, after, _AT_ONCE):
        judged += await _judge(session, project, builds, now)
        after = builds[-1].id
    return _plan(project, judged, now)


async def apply(database: Database, name: str, *, only_due: bool = False) -> models.RetentionPlan:
    """Mark what a project's policy gives up; done twice, nothing more happens.

    Args:
        database: Where each build is a transaction of its own.
        name: The project's name.
        only_due: Leave out builds in which nothing is old enough: what is kept there is not told.
    """
    judged: list[_Judged] = []
    after: UUID | None = None
    while True:
        async with database.transaction() as session:
            project = await projects.find(session, name)
            now = await extend_leases_after_outage(session)
            due = (now, _made_before(project, now)) if only_due else None
            builds = await queries.builds_with_blobs(session, project.id, after, _AT_ONCE, due=due)
            found = await _judge(session, project, builds, now)
        if not builds:
            return _plan(project, judged, now, is_applied=True)
        after = builds[-1].id
        touched = {each.row.build_id for each in found if not each.verdict.keep}
        judged += [each for each in found if each.row.build_id not in touched]
        for build_id in sorted(touched):
            judged += await _give_up(database, build_id)


async def apply_everywhere(database: Database) -> None:
    """Mark what the policies of all projects give up, and what has expired by itself."""
    async with database.transaction() as session:
        names = await queries.projects_to_look_at(session)
    for name in names:
        try:
            await apply(database, name, only_due=True)
        except Exception as error:  # noqa: BLE001 - whatever it was, the other projects go on
            _log.warning("The policy of project %s was not applied: %s", name, error)


async def _give_up(database: Database, build_id: UUID) -> list[_Judged]:
    async with database.transaction() as session:
        lineage = await lifecycle.lock_lineage(session, build_id)
        now = await extend_leases_after_outage(session)
        build = next(each for each in lineage if each.id == build_id)
        judged = await _judge(session, build.project, [build], now)
        given_up = [each for each in judged if not each.verdict.keep]
        grace = grace_of(build.project)
        for _, row, attempt, verdict in given_up:
            mark(session, row, attempt, because=describe(verdict.reason), at=now, grace=grace)
        if given_up:
            for each in lineage:
                await lifecycle.derive(session, each)
    return judged


async def _judge(
    session: AsyncSession, project: ProjectRow, builds: Sequence[BuildRow], now: datetime
) -> list[_Judged]:
    """Decide about the blobs of some builds of a project."""
    if not builds:
        return []
    ids = [each.id for each in builds]
    others = await queries.heirs(session, ids)
    facts = await build_facts(session, [*builds, *others])
    policy = _policy(project)
    of_project = {str(each.id) for each in [*builds, *others] if each.project_id == project.id}
    count = 0 if policy is None else policy.keep_delivered_builds
    # Of the other builds only the delivery counts, and when it was.
    known = {
        each.id: each
        for each in [
            *map(_delivered, await queries.newest_delivered(session, project.id, count)),
            *(fact for fact in facts if fact.id in of_project),
        ]
    }
    rows = await queries.candidates(session, ids)
    verdicts = judge_artifacts(
        [_candidate(each) for each in rows],
        list(known.values()),
        needed_by={key: why for each in facts for key, why in needed(each, now=now).items()},
        policy=policy,
        now=now,
    )
    numbers = {each.id: each.number for each in builds}
    return [
        _Judged(numbers[row.build_id], row, row.attempt, verdict)
        for row, verdict in zip(rows, verdicts, strict=True)
    ]


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


def _made_before(project: ProjectRow, now: datetime) -> datetime | None:
    policy = _policy(project)
    return None if policy is None else now - timedelta(days=policy.keep_days)


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


def _plan(
    project: ProjectRow, judged: Iterable[_Judged], now: datetime, *, is_applied: bool = False
) -> models.RetentionPlan:
    items = [_item(each) for each in judged]
    kept = [each for each in items if each.keep]
    given_up = [each for each in items if not each.keep]
    return models.RetentionPlan(
        project=project.name,
        policy=_retention(project),
        dry_run=not is_applied,
        at=now,
        items=tuple(items),
        keep_count=len(kept),
        keep_bytes=_bytes(kept),
        give_up_count=len(given_up),
        give_up_bytes=_bytes(given_up),
        marked=tuple(each.artifact.id for each in given_up) if is_applied else (),
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


def _bytes(items: Iterable[models.Verdict]) -> int:
    return sum(each.size_bytes or 0 for each in items)
