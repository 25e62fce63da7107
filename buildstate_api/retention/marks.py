"""The first step of a deletion: an artifact is marked, and used no more.

    available ──mark──▶ expired ──(a worker removes the bytes, once they are due)──▶ deleted
        ▲                  │
        └────── hold ──────┘

What is quarantined or revoked is out of use already, and stays what it is until it is deleted.
"""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from buildstate_api.attempts.recorded_artifacts import emit_artifact
from buildstate_api.tables import ArtifactRow, AttemptRow, ProjectRow
from buildstate_core.models import Retention
from buildstate_core.rules.reasons import EXPIRED
from buildstate_core.vocabulary import ArtifactStatus


def mark(
    session: AsyncSession,
    row: ArtifactRow,
    attempt: AttemptRow,
    *,
    because: str,
    at: datetime,
    grace: timedelta,
    actor: str | None = None,
) -> None:
    """Give up an artifact of a locked lineage, and emit it.

    Args:
        session: The transaction.
        row: The artifact, which nobody holds and no build needs.
        attempt: The attempt that made it.
        because: Why, for people.
        at: The database's time.
        grace: How long its bytes stay, so that a person can still hold it.
        actor: Who wanted that; `None` for the project's policy.
    """
    if row.status == ArtifactStatus.AVAILABLE:
        row.status = ArtifactStatus.EXPIRED
        row.status_reason = EXPIRED
    row.marked_at, row.marked_because, row.removable_at = at, because, at + grace
    about = {"actor": actor, "reason": because, "due_at": row.removable_at.isoformat()}
    emit_artifact(session, "marked", row, attempt, **about)


def unmark(row: ArtifactRow) -> bool:
    """Take a mark away, if there is one; `True` if that made the artifact usable again."""
    if row.marked_at is None:
        return False
    row.marked_at = row.marked_because = row.removable_at = None
    is_back = row.status == ArtifactStatus.EXPIRED
    if is_back:
        row.status, row.status_reason = ArtifactStatus.AVAILABLE, None
    return is_back


def grace_of(project: ProjectRow) -> timedelta:
    """Return how long the bytes of what was given up stay in a project's storage."""
    retention = Retention.model_validate(project.retention or {})
    return timedelta(hours=retention.grace_hours)
