"""Takes an artifact, and all that was made from it, out of use, in derived builds too.

The rules say what of one build was made from an artifact. A derived build continues from what it
inherited, so what is found there has to be followed in turn. Every build that could be concerned
is locked first, in ascending order of ids.
"""

from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from buildstate_api.artifacts.service import find
from buildstate_api.attempts import lifecycle
from buildstate_api.attempts.history import load_history
from buildstate_api.database import database_now
from buildstate_api.interventions.recording import record
from buildstate_api.outbox import emit
from buildstate_api.tables import ArtifactRow, AttemptRow, BuildRow
from buildstate_api.views import artifact_view, maker_number
from buildstate_core.models import Revocation, Revoke
from buildstate_core.rules.reasons import REVOKED
from buildstate_core.rules.revoking import made_from
from buildstate_core.vocabulary import ArtifactStatus, AttemptStatus, InterventionKind

_REVOCABLE = {ArtifactStatus.AVAILABLE, ArtifactStatus.QUARANTINED, ArtifactStatus.EXPIRED}


async def revoke(session: AsyncSession, artifact_id: UUID, wanted: Revoke, by: UUID) -> Revocation:
    """Revoke an artifact and what was made from it; if repeated, nothing more happens.

    Of the attempt that made it nothing else is revoked: its other artifacts were made with it,
    not from it. A worker at something made from it is told by its next heartbeat, and stops.

    Returns:
        All that is out of use by this, and the builds in which it was.
    """
    named = await find(session, artifact_id)
    builds = await lifecycle.lock_lineage(session, named.build_id)
    named = await find(session, artifact_id)
    found = _Found(named)
    touched = [build for build in builds if await found.look_into(session, build)]
    fresh = [each for each in found.artifacts.values() if each.row.status in _REVOCABLE]
    if fresh:
        maker = next(build for build in builds if build.id == named.build_id)
        now = await database_now(session)
        actor = await record(
            session,
            maker,
            InterventionKind.REVOKE,
            by=by,
            reason=wanted.reason,
            at=now,
            state=found.artifacts[named.id].attempt.state,
            lane=found.artifacts[named.id].attempt.lane,
            artifact_id=named.id,
        )
        for each in fresh:
            _take_out_of_use(session, each, actor, wanted.reason)
        for build, row in found.at_work:
            message = f"{actor}: what it is made from was revoked: {wanted.reason}"
            lifecycle.end(session, build, row, AttemptStatus.CANCELLED, at=now, message=message)
        for build in touched:
            if build is not maker:
                await record(
                    session,
                    build,
                    InterventionKind.REVOKE,
                    by=by,
                    reason=f"{wanted.reason} (an artifact of build {maker.number})",
                    at=now,
                    artifact_id=named.id,
                )
            await lifecycle.derive(session, build)
    return Revocation(
        artifacts=tuple(
            artifact_view(each.build, each.attempt, each.row)
            for each in found.artifacts.values()
            if each.row.status == ArtifactStatus.REVOKED
        ),
        builds=tuple(sorted(build.number for build in touched)),
    )


class _Tainted(NamedTuple):
    """One artifact, the attempt that made it, and that one's build, by number."""

    row: ArtifactRow
    attempt: AttemptRow
    build: int


class _Found:
    """What was made from an artifact, as far as it has been followed."""

    def __init__(self, named: ArtifactRow) -> None:
        self._named = named
        self.artifacts: dict[UUID, _Tainted] = {}
        self.at_work: list[tuple[BuildRow, AttemptRow]] = []

    async def look_into(self, session: AsyncSession, build: BuildRow) -> bool:
        """Follow what is found so far into one more build; whether there is any of it."""
        known = await load_history(session, build)
        tainted = {
            each.id: known.row(each)
            for artifact_id in [self._named.id, *self.artifacts]
            for each in made_from(known.history, str(artifact_id))
        }
        self.at_work += [
            (build, each) for each in tainted.values() if AttemptStatus(each.status).is_live
        ]
        for attempt in tainted.values():
            for row in attempt.artifacts:
                if attempt.id != self._named.attempt_id or row.id == self._named.id:
                    self.artifacts[row.id] = _Tainted(row, attempt, maker_number(build, attempt))
        return bool(tainted)


def _take_out_of_use(session: AsyncSession, tainted: _Tainted, actor: str, reason: str) -> None:
    row, attempt, _ = tainted
    row.status = ArtifactStatus.REVOKED
    row.status_reason = REVOKED
    data = {
        "artifact_id": str(row.id),
        "state": attempt.state,
        "lane": attempt.lane,
        "actor": actor,
        "reason": reason,
    }
    emit(session, "artifact.revoked", data, build_id=row.build_id)
