"""The artifacts of an attempt: each name once, and only at places that the project allows."""

import hashlib
from collections.abc import Iterable, Sequence

from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from buildstate_api.attempts import queries
from buildstate_api.outbox import emit
from buildstate_api.tables import ArtifactRow, AttemptRow, BuildRow, ProjectRow
from buildstate_core.errors import Conflict, InvalidInput
from buildstate_core.locations import canonical, is_allowed
from buildstate_core.models import ArtifactRecord
from buildstate_core.vocabulary import ArtifactKind, AttemptStatus


async def add_artifacts(
    session: AsyncSession,
    build: BuildRow,
    attempt: AttemptRow,
    records: Sequence[ArtifactRecord],
) -> None:
    """Record what a locked build's attempt produced.

    Raises:
        InvalidInput: Something lies where the project does not allow it.
        Conflict: The attempt has one of that name already, or its bytes are being removed.
    """
    if not records:
        return
    for index, record in enumerate(records):
        check_place(build.project, record, field=f"artifacts.{index}.uri")
    taken = await queries.names_taken(session, attempt.id, [each.name for each in records])
    if taken:
        raise _taken(build, attempt, min(taken))
    await _check_not_being_removed(session, records)
    session.add_all(_row(attempt, record) for record in records)


def check_place(project: ProjectRow, record: ArtifactRecord, *, field: str) -> None:
    """Refuse a blob that lies where the project does not allow it.

    A handle's id and a value do not say where something lies, so they are not checked.

    Args:
        project: The project.
        record: The artifact.
        field: How the request calls its URI, for the error.
    """
    if record.kind is not ArtifactKind.BLOB or record.uri is None:
        return
    allowed = project.allowed_places.get(record.sensitivity)
    if allowed is None or is_allowed(record.uri, allowed):
        return
    label = str(record.sensitivity)
    places = ", ".join(allowed) or "nowhere"
    raise InvalidInput(
        f"Artifact {record.name} is {label}, and project {project.name} allows no {label}"
        f" artifact at {record.uri}; allowed: {places}.",
        code="place-not-allowed",
        field=field,
        hint="Store it at an allowed place, or give it the label that it should have. To see what"
        f" is allowed: bldst project show {project.name}",
    )


def lock_of(object_uri: str) -> int:
    """Return the number of the lock under which one object is recorded or removed."""
    return int.from_bytes(hashlib.sha256(object_uri.encode()).digest()[:8], signed=True)


def emit_artifact(
    session: AsyncSession, what: str, row: ArtifactRow, attempt: AttemptRow, **about: str | None
) -> None:
    """Add what happened to an artifact to the outbox."""
    data = {
        "artifact_id": str(row.id),
        "name": row.name,
        "state": attempt.state,
        "lane": attempt.lane,
        **about,
    }
    emit(session, f"artifact.{what}", data, build_id=row.build_id)


async def _check_not_being_removed(
    session: AsyncSession, records: Iterable[ArtifactRecord]
) -> None:
    objects = {canonical(each.uri) for each in records if each.uri is not None}
    await queries.lock_objects(session, sorted(map(lock_of, objects)))
    uri = await queries.being_removed(session, objects)
    if uri is not None:
        raise Conflict(
            f"What is at {uri} is being removed at this moment, as an older artifact.",
            code="artifact-being-removed",
            field="uri",
            hint="Put it somewhere else, or again when that is done: bldst artifact gc",
        )


def _taken(build: BuildRow, attempt: AttemptRow, name: str) -> Conflict:
    is_live = AttemptStatus(attempt.status).is_live
    return Conflict(
        f"Attempt {attempt.number} of state {attempt.state} of build {build.number} has an artifact"
        f" named {name} already; what is recorded never changes.",
        code="artifact-exists",
        field="name",
        hint="Give this one another name, or leave it out if it is the same."
        if is_live
        else "Give this one another name, or report the state again.",
    )


def _row(attempt: AttemptRow, record: ArtifactRecord) -> ArtifactRow:
    return ArtifactRow(
        id=uuid7(),
        build_id=attempt.build_id,
        attempt_id=attempt.id,
        name=record.name,
        kind=record.kind,
        storage_type=record.storage_type,
        uri=record.uri,
        object_uri=None if record.uri is None else canonical(record.uri),
        size_bytes=record.size_bytes,
        checksum=record.checksum,
        format=record.format,
        compression=record.compression,
        packed=None if record.packed is None else record.packed.model_dump(mode="json"),
        metadata_=record.metadata,
        sensitivity=record.sensitivity,
        expires_at=record.expires_at,
        identity=record.identity,
    )
