"""What open builds need, whatever a policy or a person says."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from buildstate_api.attempts.facts import history_of
from buildstate_api.retention import queries
from buildstate_api.tables import BuildRow
from buildstate_core.rules.retention import BuildFact, needed
from buildstate_core.vocabulary import BuildStatus


async def build_facts(session: AsyncSession, builds: Collection[BuildRow]) -> list[BuildFact]:
    """Return builds, their catalogues loaded, as the rules of retention see them."""
    ids = [each.id for each in builds]
    attempts = await queries.attempts_of(session, ids)
    forces = await queries.forces_of(session, ids)
    return [
        BuildFact(
            id=str(each.id),
            number=each.number,
            history=history_of(each, attempts[each.id], forces.get(each.id, ())),
            status=_status(each),
            finished_at=each.finished_at,
            states=frozenset(state.code for state in each.catalog.states),
            required=frozenset(state.code for state in each.catalog.states if state.required),
        )
        for each in builds
    ]


async def needing(
    session: AsyncSession, builds: Collection[BuildRow], artifact_id: UUID, now: datetime
) -> int | None:
    """Find a build, by number, among some locked ones, that could resume from an artifact."""
    for fact in await build_facts(session, builds):
        if str(artifact_id) in needed(fact, now=now):
            return fact.number
    return None


def _status(build: BuildRow) -> BuildStatus:
    """Return how a build stands; one that was restarted before it was delivered is given up."""
    status = BuildStatus(build.status)
    is_given_up = build.superseded_by is not None and status is not BuildStatus.COMPLETED
    return BuildStatus.CANCELLED if is_given_up else status
