"""What people decide about one artifact: to keep it whatever happens, or to give it up.

Both, and what a policy decides, happen under the lock of the build's lineage: a claim, or a build
that is derived, comes before or after, and finds what was decided.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from buildstate_api.artifacts import queries
from buildstate_api.artifacts.service import find, get_artifact
from buildstate_api.attempts import lifecycle
from buildstate_api.attempts.leases import extend_leases_after_outage
from buildstate_api.attempts.queries import lock_objects
from buildstate_api.attempts.recorded_artifacts import lock_of
from buildstate_api.interventions.queries import key_name
from buildstate_api.retention.in_use import needing
from buildstate_api.retention.marks import emit_artifact, grace_of, mark, unmark
from buildstate_api.tables import ArtifactRow, BuildRow
from buildstate_api.views import artifact_view
from buildstate_core.errors import Conflict, Refused
from buildstate_core.models import Artifact, ArtifactDelete, HoldCreate
from buildstate_core.vocabulary import ArtifactKind, AttemptStatus


async def hold(session: AsyncSession, artifact_id: UUID, wanted: HoldCreate, by: UUID) -> Artifact:
    """Keep an artifact, whatever the policy says; said twice, the first reason stays.

    Raises:
        Conflict: Its bytes are being removed, or are gone.
    """
    lineage, row, now = await _locked_lineage(session, artifact_id)
    await _check_not_removed(session, row, lineage)
    if row.hold is None:
        actor = await key_name(session, by)
        is_back = unmark(row)
        row.hold = {"reason": wanted.reason, "actor": actor, "at": now.isoformat()}
        emit_artifact(session, "held", row, row.attempt, actor=actor, reason=wanted.reason)
        if is_back:
            await _derive(session, lineage)
        await session.flush()
    return await get_artifact(session, artifact_id)


async def release(session: AsyncSession, artifact_id: UUID, by: UUID) -> Artifact:
    """End a hold; there need not be one."""
    build_id = (await find(session, artifact_id)).build_id
    build = await lifecycle.find(session, build_id, lock=True)
    row = await find(session, artifact_id)
    if row.hold is not None:
        row.hold = None
        emit_artifact(session, "released", row, row.attempt, actor=await key_name(session, by))
        await session.flush()
    return artifact_view(build.number, row.attempt, row)


async def delete(
    session: AsyncSession, artifact_id: UUID, wanted: ArtifactDelete, by: UUID
) -> Artifact:
    """Give an artifact up: it is used no more, and a worker may remove its bytes once they are due.

    Said twice, the first reason stays. A handle is only used no more: what it names is not bytes
    of ours.

    Raises:
        Refused: It is held, a build needs it, or it is a value.
    """
    lineage, row, now = await _locked_lineage(session, artifact_id)
    build = _maker(row, lineage)
    if row.marked_at is None:
        _check_not_a_value(row, lineage)
        _check_not_held(row, lineage)
        await _check_not_needed(session, row, lineage, now)
        row = await find(session, artifact_id)
        actor = await key_name(session, by)
        because = f"deleted by {actor}: {wanted.reason}"
        grace = grace_of(build.project)
        mark(session, row, row.attempt, because=because, at=now, grace=grace, actor=actor)
        await _derive(session, lineage)
    return await get_artifact(session, artifact_id)


async def _locked_lineage(
    session: AsyncSession, artifact_id: UUID
) -> tuple[Sequence[BuildRow], ArtifactRow, datetime]:
    build_id = (await find(session, artifact_id)).build_id
    lineage = await lifecycle.lock_lineage(session, build_id)
    now = await extend_leases_after_outage(session)
    return lineage, await find(session, artifact_id), now


async def _derive(session: AsyncSession, lineage: Sequence[BuildRow]) -> None:
    for build in lineage:
        await lifecycle.derive(session, build)


async def _check_not_removed(
    session: AsyncSession, row: ArtifactRow, lineage: Sequence[BuildRow]
) -> None:
    """Refuse what has no bytes any more, also where they go as those of another artifact."""
    if row.object_uri is not None:
        await lock_objects(session, [lock_of(row.object_uri)])
    as_of = await queries.removal_at(session, row)
    if as_of is None:
        return
    how = "are gone" if as_of.removed_at is not None else "are being removed"
    raise Conflict(
        f"The bytes of {_named(row, lineage)} {how} since {as_of.removing_at:%Y-%m-%dT%H:%M:%SZ};"
        " it is too late to hold it.",
        code="artifact-removed" if as_of.removed_at is not None else "artifact-being-removed",
        field="artifact",
        hint="A rerun makes it again.",
    )


def _check_not_a_value(row: ArtifactRow, lineage: Sequence[BuildRow]) -> None:
    if row.kind == ArtifactKind.VALUE:
        raise Refused(
            f"{_named(row, lineage)} is a value, which has no bytes in a storage.",
            code="artifact-is-a-value",
            field="artifact",
            hint=f"To take it out of use: bldst revoke {row.id} --reason TEXT",
        )


def _check_not_held(row: ArtifactRow, lineage: Sequence[BuildRow]) -> None:
    if row.hold is not None:
        raise Refused(
            f"{_named(row, lineage)} is held by {row.hold['actor']}: {row.hold['reason']}.",
            code="artifact-held",
            field="artifact",
            hint=f"End the hold first: bldst artifact hold {row.id} --release",
        )


async def _check_not_needed(
    session: AsyncSession, row: ArtifactRow, lineage: Sequence[BuildRow], now: datetime
) -> None:
    named = _named(row, lineage)
    if AttemptStatus(row.attempt.status).is_live:
        raise Refused(
            f"{named} was recorded by a worker that is still at work.",
            code="artifact-needed",
            field="artifact",
            hint="Delete it when that attempt has ended.",
        )
    user = await needing(session, lineage, row.id, now)
    if user is not None:
        raise Refused(
            f"{named} is needed by build {user}, which is open and could resume from it.",
            code="artifact-needed",
            field="artifact",
            hint=f"Finish that build, or give it up: bldst build cancel {user} --reason TEXT. If"
            f" nobody may use the artifact any more: bldst revoke {row.id} --reason TEXT",
        )


def _maker(row: ArtifactRow, lineage: Sequence[BuildRow]) -> BuildRow:
    return next(build for build in lineage if build.id == row.build_id)


def _named(row: ArtifactRow, lineage: Sequence[BuildRow]) -> str:
    build = _maker(row, lineage).number
    return f"Artifact {row.name} of state {row.attempt.state} of build {build}"
