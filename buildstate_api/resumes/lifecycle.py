"""What every change of a request to resume does in its transaction: write it, and emit it."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from buildstate_api.outbox import emit
from buildstate_api.resumes import queries
from buildstate_api.tables import AttemptRow, ResumeRequestRow
from buildstate_core.vocabulary import ResumeStatus

_ENDED: Final = frozenset({ResumeStatus.DONE, ResumeStatus.FAILED})


def flow_run_of(attempt: AttemptRow) -> UUID | None:
    """Return the flow run that an attempt was made in, if Prefect ran it."""
    orchestrator = attempt.orchestrator
    if orchestrator is None or orchestrator.get("kind") != "prefect":
        return None
    return UUID(orchestrator["flow_run_id"])


async def begin(
    session: AsyncSession,
    build_id: UUID,
    lane: str,
    attempt: AttemptRow,
    *,
    flow_run_id: UUID,
    reason: str,
) -> ResumeRequestRow | None:
    """Add a request of a locked build; nothing if its lane has an open one."""
    made = await queries.add(
        session,
        {
            "id": uuid7(),
            "build_id": build_id,
            "lane": lane,
            "attempt_id": attempt.id,
            "reason": reason,
            "flow_run_id": flow_run_id,
        },
    )
    if made is None:
        return None
    row = await queries.get(session, made)
    emit_request(session, row)
    return row


def move(
    session: AsyncSession,
    row: ResumeRequestRow,
    status: ResumeStatus,
    *,
    message: str,
    now: datetime,
    wait_seconds: float = 0,
) -> None:
    """Write how far a locked request has come, and emit a change of its status.

    Args:
        session: The transaction.
        row: The request.
        status: What it is now.
        message: What happened, in words.
        now: The database's time.
        wait_seconds: After how long it is looked at again, unless it has ended.
    """
    is_ended = status in _ENDED
    has_changed = row.status != status
    row.status = status
    row.message = message
    row.updated_at = now
    row.next_try_at = None if is_ended else now + timedelta(seconds=wait_seconds)
    if has_changed:
        emit_request(session, row)


def emit_request(session: AsyncSession, row: ResumeRequestRow) -> None:
    """Add the event of a request's new status to the outbox."""
    data = {
        "request_id": str(row.id),
        "lane": row.lane,
        "state": None if row.attempt is None else row.attempt.state,
        "attempt": None if row.attempt is None else row.attempt.number,
        "reason": row.reason,
        "flow_run_id": str(row.flow_run_id),
        "successor_id": None if row.successor_id is None else str(row.successor_id),
        "successor_name": row.successor_name,
        "message": row.message,
    }
    emit(session, f"build.resume-{row.status}", data, build_id=row.build_id)
