"""Deletion: a person gives an artifact up."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from buildstate_api.artifacts.service import find, get_artifact
from buildstate_api.keys.queries import key_name
from buildstate_api.retention.in_use import needing
from buildstate_api.retention.lineages import LockedArtifact
from buildstate_api.retention.marks import grace_of, mark
from buildstate_core.errors import Refused
from buildstate_core.models import Artifact, ArtifactDelete
from buildstate_core.vocabulary import ArtifactKind, AttemptStatus


async def delete_artifact(
    session: AsyncSession, artifact_id: UUID, wanted: ArtifactDelete, by: UUID
) -> Artifact:
    """Give an artifact up: it is used no more, and a worker may remove its bytes once they are due.

    If repeated, the first reason stays. A handle is only used no more: what it names is not bytes
    of ours.

    Raises:
        Refused: It is held, a build needs it, or it is a value.
    """
    locked = await LockedArtifact.of(session, artifact_id)
    if locked.row.marked_at is None:
        _check_not_a_value(locked)
        _check_not_held(locked)
        await _check_not_needed(session, locked)
        row = await find(session, artifact_id)  # the check has loaded it without its attempt
        actor = await key_name(session, by)
        mark(
            session,
            row,
            row.attempt,
            because=f"deleted by {actor}: {wanted.reason}",
            at=locked.now,
            grace=grace_of(locked.build.project),
            actor=actor,
        )
        await locked.derive(session)
    return await get_artifact(session, artifact_id)


def _check_not_a_value(locked: LockedArtifact) -> None:
    if locked.row.kind == ArtifactKind.VALUE:
        raise Refused(
            f"{locked.name} is a value, which has no bytes in a storage.",
            code="artifact-is-a-value",
            field="artifact",
            hint=f"To take it out of use: bldst revoke {locked.row.id} --reason TEXT",
        )


def _check_not_held(locked: LockedArtifact) -> None:
    row = locked.row
    if row.hold is not None:
        raise Refused(
            f"{locked.name} is held by {row.hold['actor']}: {row.hold['reason']}.",
            code="artifact-held",
            field="artifact",
            hint=f"End the hold first: bldst artifact hold {row.id} --release",
        )


async def _check_not_needed(session: AsyncSession, locked: LockedArtifact) -> None:
    name, row = locked.name, locked.row
    if AttemptStatus(row.attempt.status).is_live:
        raise Refused(
            f"{name} was recorded by a worker that is still at work.",
            code="artifact-needed",
            field="artifact",
            hint="Delete it when that attempt has ended.",
        )
    user = await needing(session, locked.lineage, row.id, locked.now)
    if user is not None:
        raise Refused(
            f"{name} is needed by build {user}, which is open and could resume from it.",
            code="artifact-needed",
            field="artifact",
            hint=f"Finish that build, or give it up: bldst build cancel {user} --reason TEXT. If"
            f" nobody may use the artifact any more: bldst revoke {row.id} --reason TEXT",
        )
