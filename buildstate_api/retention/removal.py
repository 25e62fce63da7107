"""The second step of a deletion: a worker that has the credentials removes the bytes.

    begin_removal ──▶ (the worker removes the object) ──▶ end_removal

Between the two nobody can hold the artifact, or record another one at its place. A worker that died
in between left it begun, and the next one begins again: removing what is gone is no error.
"""

import re
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from buildstate_api.artifacts.service import find_locked
from buildstate_api.attempts.queries import lock_objects
from buildstate_api.attempts.recorded_artifacts import emit_artifact, lock_of
from buildstate_api.database import database_now
from buildstate_api.retention import queries
from buildstate_api.tables import ArtifactRow, BuildRow
from buildstate_api.views import artifact_view
from buildstate_core.errors import Conflict, Refused
from buildstate_core.locations import canonical
from buildstate_core.models import Artifact, Found, LookedUp, Lookup
from buildstate_core.rules.reasons import EXPIRED
from buildstate_core.vocabulary import ArtifactKind, ArtifactStatus

_ID: Final = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE
)


async def begin_removal(session: AsyncSession, artifact_id: UUID) -> Artifact:
    """Let a worker remove an artifact's bytes, and let nobody change that any more.

    Raises:
        Refused: They may not be removed, or not yet.
    """
    build, row = await find_locked(session, artifact_id)
    if row.object_uri is not None:
        await lock_objects(session, [lock_of(row.object_uri)])
    now = await database_now(session)
    why, hint = None, "Leave it where it is."
    other = await queries.other_at(session, row)
    if row.kind != ArtifactKind.BLOB:
        why = f"it is a {row.kind}, which has no bytes in a storage"
    elif row.removed_at is not None:
        why = f"they are gone since {row.removed_at:%Y-%m-%dT%H:%M:%SZ}"
    elif row.marked_at is None or row.removable_at is None:
        why = "nobody has given it up" if row.hold is None else "somebody holds it"
    elif row.removable_at > now:
        why = f"they are kept until {row.removable_at:%Y-%m-%dT%H:%M:%SZ}"
        hint = "Try again after that."
    elif other is not None:
        why = f"artifact {other[1]} of build {other[0]}, which is kept, is the same object"
    if why is not None:
        raise Refused(
            f"The bytes of {_named(build, row)} may not be removed: {why}.",
            code="not-removable",
            field="artifact",
            hint=hint,
        )
    row.removing_at = now
    await session.flush()
    return artifact_view(build.number, row.attempt, row)


async def end_removal(session: AsyncSession, artifact_id: UUID) -> Artifact:
    """Record that an artifact's bytes are gone; if repeated, it has one effect.

    Raises:
        Conflict: That was not begun.
    """
    build, row = await find_locked(session, artifact_id)
    if row.removing_at is None:
        raise Conflict(
            f"Nobody has begun to remove the bytes of {_named(build, row)}.",
            code="removal-not-begun",
            field="artifact",
            hint="Begin it first; bldst artifact gc does both. If a worker found them gone,"
            " quarantine it.",
        )
    if row.removed_at is None:
        now = await database_now(session)
        row.status, row.removed_at = ArtifactStatus.DELETED, now
        row.status_reason = row.status_reason or EXPIRED
        emit_artifact(session, "removed", row, row.attempt, reason=row.marked_because)
        await session.flush()
    return artifact_view(build.number, row.attempt, row)


async def look_up(session: AsyncSession, wanted: Lookup) -> LookedUp:
    """Return for each object of a storage whether anybody needs it."""
    objects = {uri: canonical(uri) for uri in wanted.uris}
    found = await queries.artifacts_at(session, set(objects.values()))
    rows = {row.object_uri: row for row in found}
    recorded = {uri: rows[at] for uri, at in objects.items() if at in rows}
    attempts = {
        uri: {UUID(each) for each in _ID.findall(uri)} for uri in wanted.uris if uri not in recorded
    }
    at_work = await queries.still_writing(session, set().union(*attempts.values()))
    return LookedUp(
        items=tuple(
            _found(uri, recorded.get(uri), is_under_way=bool(attempts.get(uri, set()) & at_work))
            for uri in wanted.uris
        )
    )


def _found(uri: str, row: ArtifactRow | None, *, is_under_way: bool) -> Found:
    if row is not None:
        return Found(uri=uri, use="committed", artifact=row.id, status=row.status)
    return Found(uri=uri, use="under_way" if is_under_way else "unknown")


def _named(build: BuildRow, row: ArtifactRow) -> str:
    return f"artifact {row.name} of state {row.attempt.state} of build {build.number}"
