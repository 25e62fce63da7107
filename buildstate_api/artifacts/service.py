"""Artifacts: listed, verified at their first pull, and taken out of use when they are lost."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from buildstate_api.artifacts import queries
from buildstate_api.attempts import lifecycle
from buildstate_api.outbox import emit
from buildstate_api.paging import Paging
from buildstate_api.projects import service as projects
from buildstate_api.tables import ArtifactRow, BuildRow
from buildstate_api.views import artifact_view
from buildstate_core.errors import Conflict, NotFound
from buildstate_core.models import Artifact, ArtifactVerified, Page, Quarantine
from buildstate_core.vocabulary import ArtifactStatus


async def list_artifacts(
    session: AsyncSession, ref: str, paging: Paging, state: int | None
) -> Page[Artifact]:
    """List the artifacts of a build, oldest first."""
    build = await lifecycle.find(session, ref)
    start = paging.start(UUID)
    after = start[0] if start else None
    found = await queries.artifacts_after(session, build.id, after, paging.limit + 1, state=state)
    rows, cursor = paging.cut(found, lambda row: (row.id,))
    return Page(
        items=tuple(artifact_view(build.number, row.attempt, row) for row in rows),
        next_cursor=cursor,
    )


async def find_artifacts(
    session: AsyncSession,
    paging: Paging,
    *,
    project: str | None,
    status: ArtifactStatus | None,
    checksum: str | None,
    removable: bool | None,
) -> Page[Artifact]:
    """List artifacts of whatever build, oldest first.

    Args:
        session: The transaction.
        paging: Which page.
        project: Only those of this project.
        status: Only those in this status.
        checksum: Only those with these bytes of their own.
        removable: Only those whose bytes a worker may remove now, or only the others.
    """
    start = paging.start(UUID)
    found = await queries.artifacts_of_all_after(
        session,
        start[0] if start else None,
        paging.limit + 1,
        project_id=None if project is None else (await projects.find(session, project)).id,
        status=status,
        checksum=checksum,
        removable=removable,
    )
    rows, cursor = paging.cut(found, lambda each: (each[1].id,))
    return Page(
        items=tuple(artifact_view(number, row.attempt, row) for number, row in rows),
        next_cursor=cursor,
    )


async def get_artifact(session: AsyncSession, artifact_id: UUID) -> Artifact:
    """Get one artifact."""
    row = await find(session, artifact_id)
    build = await lifecycle.find(session, row.build_id)
    return artifact_view(build.number, row.attempt, row)


async def find(session: AsyncSession, artifact_id: UUID) -> ArtifactRow:
    """Find an artifact with its attempt, or say that there is none."""
    row = await queries.artifact(session, artifact_id)
    if row is None:
        raise NotFound(
            f"There is no artifact {artifact_id}.",
            code="artifact-not-found",
            field="artifact",
            hint="To see a build's artifacts: bldst artifact list BUILD",
        )
    return row


async def find_locked(session: AsyncSession, artifact_id: UUID) -> tuple[BuildRow, ArtifactRow]:
    """Find an artifact and lock its build, in the order in which every writer locks them."""
    build_id = (await find(session, artifact_id)).build_id
    build = await lifecycle.find(session, build_id, lock=True)
    return build, await find(session, artifact_id)


async def verify(session: AsyncSession, artifact_id: UUID, seen: ArtifactVerified) -> Artifact:
    """Record the digest of an artifact that was reported without one.

    Raises:
        Conflict: It has another digest or size already.
    """
    build, row = await find_locked(session, artifact_id)
    for name, recorded, measured in (
        ("checksum", row.checksum, seen.checksum),
        ("size_bytes", row.size_bytes, seen.size_bytes),
    ):
        if recorded not in {None, measured}:
            raise Conflict(
                f"Artifact {row.name} of state {row.attempt.state} is recorded with "
                f"{name} {recorded}, not {measured}; that never changes.",
                code="artifact-verified-already",
                field=name,
                hint="If its content differs, it is corrupt: quarantine it.",
            )
    row.checksum, row.size_bytes = seen.checksum, seen.size_bytes
    await session.flush()
    return artifact_view(build.number, row.attempt, row)


async def quarantine(session: AsyncSession, artifact_id: UUID, found: Quarantine) -> Artifact:
    """Take an artifact out of use; if repeated, the first reason stays.

    The builds that derive from its build may have to go back for it too.
    """
    build_id = (await find(session, artifact_id)).build_id
    lineage = await lifecycle.lock_lineage(session, build_id)
    row = await find(session, artifact_id)
    if row.status == ArtifactStatus.AVAILABLE:
        row.status = ArtifactStatus.QUARANTINED
        row.status_reason = found.reason
        data = {
            "artifact_id": str(row.id),
            "state": row.attempt.state,
            "reason": found.reason,
            "message": found.message,
        }
        emit(session, "artifact.quarantined", data, build_id=build_id)
        for build in lineage:
            await lifecycle.derive(session, build)
    return await get_artifact(session, artifact_id)
