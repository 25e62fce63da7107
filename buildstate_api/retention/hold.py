"""Holds: a person keeps an artifact, whatever the policy says."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from buildstate_api.artifacts.service import find_locked, get_artifact
from buildstate_api.attempts.queries import lock_objects
from buildstate_api.attempts.recorded_artifacts import emit_artifact, lock_of
from buildstate_api.keys.queries import key_name
from buildstate_api.retention import queries
from buildstate_api.retention.lineages import LockedArtifact
from buildstate_api.retention.marks import unmark
from buildstate_api.views import artifact_view
from buildstate_core.errors import Conflict
from buildstate_core.models import Artifact, HoldCreate


async def hold_artifact(
    session: AsyncSession, artifact_id: UUID, wanted: HoldCreate, by: UUID
) -> Artifact:
    """Keep an artifact, whatever the policy says; if repeated, the first reason stays.

    Raises:
        Conflict: Its bytes are being removed, or are gone.
    """
    locked = await LockedArtifact.of(session, artifact_id)
    await _check_not_removed(session, locked)
    row = locked.row
    if row.hold is None:
        actor = await key_name(session, by)
        is_back = unmark(row)
        row.hold = {"reason": wanted.reason, "actor": actor, "at": locked.now.isoformat()}
        emit_artifact(session, "held", row, row.attempt, actor=actor, reason=wanted.reason)
        if is_back:
            await locked.derive(session)
        await session.flush()
    return await get_artifact(session, artifact_id)


async def release_artifact(session: AsyncSession, artifact_id: UUID, by: UUID) -> Artifact:
    """End a hold; there need not be one."""
    build, row = await find_locked(session, artifact_id)
    if row.hold is not None:
        row.hold = None
        emit_artifact(session, "released", row, row.attempt, actor=await key_name(session, by))
        await session.flush()
    return artifact_view(build.number, row.attempt, row)


async def _check_not_removed(session: AsyncSession, locked: LockedArtifact) -> None:
    """Refuse an artifact whose bytes are gone or going, be it as those of another artifact."""
    if locked.row.object_uri is not None:
        await lock_objects(session, [lock_of(locked.row.object_uri)])
    as_of = await queries.removal_at(session, locked.row)
    if as_of is None:
        return
    how = "are gone" if as_of.removed_at is not None else "are being removed"
    raise Conflict(
        f"The bytes of {locked.name} {how} since {as_of.removing_at:%Y-%m-%dT%H:%M:%SZ};"
        " it is too late to hold it.",
        code="artifact-removed" if as_of.removed_at is not None else "artifact-being-removed",
        field="artifact",
        hint="A rerun makes it again.",
    )
