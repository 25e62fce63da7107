"""What makes a request to resume by itself: a worker that stopped answering, or a failure.

The transaction that ends an attempt as lost or failed leaves it unconsidered. Within seconds a job
considers it, in a transaction of its own.
"""

import logging
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from buildstate_api.attempts import lifecycle as builds
from buildstate_api.database import Database, database_now
from buildstate_api.outbox import emit
from buildstate_api.resumes import lifecycle, queries
from buildstate_api.tables import AttemptRow, BuildRow
from buildstate_core.rules.reasons import FAILED_BEFORE, LOST_WORKER
from buildstate_core.vocabulary import AttemptStatus, AutoResume, BuildStatus, ResumeStatus

_log = logging.getLogger(__name__)

_REASONS: Final = {AttemptStatus.LOST: LOST_WORKER, AttemptStatus.FAILED: FAILED_BEFORE}
_WANTED_AFTER: Final = {
    AutoResume.NEVER: frozenset[str](),
    AutoResume.LOST: frozenset({LOST_WORKER}),
    AutoResume.FAILED: frozenset({LOST_WORKER, FAILED_BEFORE}),
}


async def consider_all(database: Database) -> None:
    """Consider every attempt that has ended; each build is a transaction of its own."""
    async with database.transaction() as session:
        build_ids = await queries.builds_to_consider(session)
    for build_id in build_ids:
        try:
            async with database.transaction() as session:
                await consider(session, await builds.find(session, build_id, lock=True))
        except Exception:  # noqa: BLE001 - whatever it was, the other builds go on
            _log.exception("Build %s could not be considered for a resume", build_id)


async def consider(session: AsyncSession, build: BuildRow) -> None:
    """Request what the project wants after what has ended in a locked build, once for each end."""
    ended = await queries.unconsidered(session, build.id)
    if not ended:
        return
    await _ask_to_resume(session, build, ended)
    now = await database_now(session)
    for row in ended:
        row.resume_considered_at = now
    await session.flush()


async def _ask_to_resume(
    session: AsyncSession, build: BuildRow, ended: Sequence[AttemptRow]
) -> None:
    """Request what the project wants after attempts of a locked build have ended.

    A request whose own run has stopped now ends as well, whatever the project wants.
    """
    over: set[UUID] = set()
    for row in ended:
        reason = _REASONS.get(AttemptStatus(row.status))
        flow_run_id = lifecycle.flow_run_of(row)
        if reason is None or flow_run_id is None:
            continue
        await _end_if_succeeded_by(session, row, flow_run_id)
        if reason not in _WANTED_AFTER[AutoResume(build.project.auto_resume)] or _is_closed(build):
            continue
        if await _is_within_limit(session, build, flow_run_id):
            await lifecycle.begin(
                session, build.id, row.lane, row, flow_run_id=flow_run_id, reason=reason
            )
        elif flow_run_id not in over:
            over.add(flow_run_id)
            data = {"limit": build.project.max_auto_resumes, "flow_run_id": str(flow_run_id)}
            emit(session, "build.resume-limit", data, build_id=build.id)


async def _end_if_succeeded_by(
    session: AsyncSession, attempt: AttemptRow, flow_run_id: UUID
) -> None:
    """End the open request whose successor is the run that has just stopped."""
    before = await queries.open_request(session, attempt.build_id, attempt.lane)
    if before is None or before.successor_id != flow_run_id:
        return
    how = "died as well" if attempt.status == AttemptStatus.LOST else "failed as well"
    where = f"state {attempt.state}, attempt {attempt.number}"
    lifecycle.move(
        session,
        before,
        ResumeStatus.FAILED,
        message=f"Its run {before.successor_name} {how}, in {where}.",
        now=await database_now(session),
    )
    await session.flush()


async def _is_within_limit(session: AsyncSession, build: BuildRow, flow_run_id: UUID) -> bool:
    """Whether a run may be resumed by itself; several lanes that stop with it are one resume."""
    resumed = await queries.runs_resumed(session, build.id)
    limit = build.project.max_auto_resumes
    return len(resumed | {flow_run_id}) <= limit


def _is_closed(build: BuildRow) -> bool:
    return build.superseded_by is not None or build.status in {
        BuildStatus.COMPLETED,
        BuildStatus.CANCELLED,
    }
