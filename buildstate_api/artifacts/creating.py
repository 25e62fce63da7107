"""Records an artifact that a pipeline has put somewhere by itself."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from buildstate_api.attempts import lifecycle, queries
from buildstate_api.attempts.recorded_artifacts import add_artifacts, check_place, emit_artifact
from buildstate_api.attempts.reports import place
from buildstate_api.attempts.tokens import check_live, is_token_of
from buildstate_api.tables import AttemptRow, BuildRow
from buildstate_api.views import artifact_view
from buildstate_core.errors import Held, StaleClaim
from buildstate_core.models import Artifact, ArtifactCreate, Report
from buildstate_core.vocabulary import AttemptStatus, Kind


async def create_artifact(session: AsyncSession, ref: str, wanted: ArtifactCreate) -> Artifact:
    """Record an artifact with the newest attempt at its state, or with a report of its own.

    Raises:
        InvalidInput: It lies where the project does not allow it.
        Held: A worker has the state, and this is not that worker.
        StaleClaim: The token is not the one of the newest attempt.
        Conflict: The attempt has one of that name, or the build takes no more work.
    """
    build = await lifecycle.find(session, ref, lock=True)
    now = await lifecycle.mark_lost(session, build)
    check_place(build.project, wanted, field="uri")
    newest = await _newest(session, build, wanted)
    _check_token(build, newest, wanted, now)
    is_held = newest is not None and AttemptStatus(newest.status).is_live and _is_claimed(newest)
    closed = None if is_held else lifecycle.why_closed(build, for_lane=wanted.lane)
    if closed is not None:
        raise lifecycle.closed(build, closed)
    if newest is not None and (is_held or newest.status == AttemptStatus.COMPLETED):
        return await _added(session, build, newest, wanted)
    done = Report(
        state=wanted.state, lane=wanted.lane, status=AttemptStatus.COMPLETED, artifacts=(wanted,)
    )
    row = await place(session, build, done, now)
    found = await _fresh(session, row.id)
    return artifact_view(build.number, found, found.artifacts[0])


async def _newest(
    session: AsyncSession, build: BuildRow, wanted: ArtifactCreate
) -> AttemptRow | None:
    tries = [
        row
        for row in await queries.attempts(session, build.id)
        if (row.build_id, row.lane, row.state) == (build.id, wanted.lane, wanted.state)
    ]
    return tries[-1] if tries else None


def _check_token(
    build: BuildRow, newest: AttemptRow | None, wanted: ArtifactCreate, now: datetime
) -> None:
    if wanted.token is None:
        if newest is not None and AttemptStatus(newest.status).is_live and _is_claimed(newest):
            raise Held(
                f"State {newest.state} of build {build.number} is held by"
                f" {newest.worker or 'a worker'}; only that worker can say what it makes.",
                holder=newest.worker,
                until=newest.lease_until,
                field="token",
                hint="Send the token of its claim, or try again when it has ended.",
            )
    elif newest is None:
        raise StaleClaim(
            f"Nobody has claimed state {wanted.state} of build {build.number}.",
            field="token",
            hint="Leave the token out, or claim the milestone first.",
        )
    elif newest.status != AttemptStatus.COMPLETED or not is_token_of(newest, wanted.token):
        check_live(build, newest, wanted.token, now)


async def _added(
    session: AsyncSession, build: BuildRow, attempt: AttemptRow, wanted: ArtifactCreate
) -> Artifact:
    """Add to an attempt; to one that is not finished, so that it counts when that completes."""
    await add_artifacts(session, build, attempt, [wanted])
    if attempt.status == AttemptStatus.COMPLETED and attempt.kind in {None, Kind.STEP}:
        attempt.kind = Kind.CHECKPOINT
    await session.flush()
    found = await _fresh(session, attempt.id)
    row = next(each for each in found.artifacts if each.name == wanted.name)
    emit_artifact(session, "added", row, found)
    await lifecycle.derive(session, build)
    return artifact_view(build.number, found, row)


async def _fresh(session: AsyncSession, attempt_id: UUID) -> AttemptRow:
    found = await queries.attempt(session, attempt_id)
    assert found is not None  # noqa: S101 - it is locked with its build
    return found


def _is_claimed(row: AttemptRow) -> bool:
    return row.lease_until is not None
