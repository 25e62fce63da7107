"""What a rerun of a build would do, what it would download, and how long it may take."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from buildstate_api.attempts import lifecycle
from buildstate_api.attempts.history import BuildHistory, load_history
from buildstate_api.attempts.leases import extend_leases_after_outage
from buildstate_api.builds.estimates import is_ahead, seconds_left, usual_seconds
from buildstate_api.tables import BuildRow
from buildstate_api.views import artifact_view, maker_number, state_names
from buildstate_core.models import Artifact, Plan, PlannedMilestone
from buildstate_core.rules.plan import Planned, plan
from buildstate_core.rules.reasons import describe, describe_wait
from buildstate_core.vocabulary import ArtifactKind, BuildStatus, Decision


async def get_plan(session: AsyncSession, ref: str) -> Plan:
    """Return what a rerun of a build would do with each milestone."""
    build = await lifecycle.find(session, ref)
    return await plan_of(session, build, await extend_leases_after_outage(session))


async def plan_of(session: AsyncSession, build: BuildRow, now: datetime) -> Plan:
    """Return what a rerun of a loaded build would do with each milestone.

    Args:
        session: The transaction.
        build: The build.
        now: The database's time, by which leases are judged.
    """
    known = await load_history(session, build)
    planned = planned_for(build, known, now)
    ahead = {each.state for each in planned if is_ahead(each.decision)}
    usual = await usual_seconds(session, build, ahead)
    milestones = tuple(
        _milestone(build, each, known, usual.get(each.state) if is_ahead(each.decision) else None)
        for each in planned
    )
    downloads = {
        artifact.id: artifact
        for each in milestones
        if each.decision is Decision.RESTORE
        for artifact in each.artifacts
    }
    return Plan(
        build=build.number,
        status=BuildStatus(build.status),
        resume_from=build.resume_from,
        milestones=milestones,
        download_bytes=_size_bytes(downloads.values()),
        expected_seconds=seconds_left(milestones),
    )


def planned_for(build: BuildRow, known: BuildHistory, now: datetime) -> tuple[Planned, ...]:
    """Decide what a rerun of a build would do with each milestone."""
    return plan(
        known.history,
        states=[each.code for each in build.catalog.states],
        now=now,
        required=[each.code for each in build.catalog.states if each.required],
        is_closed=lifecycle.why_closed(build) is not None,
    )


def text_of(planned: Planned) -> str:
    """Return in words why something is planned; whoever is waited for is named."""
    if planned.waits_for is None:
        return describe(planned.reason)
    return describe_wait(planned.reason, planned.waits_for.worker)


def _milestone(
    build: BuildRow, planned: Planned, known: BuildHistory, expected_seconds: float | None
) -> PlannedMilestone:
    row = None if planned.attempt is None else known.row(planned.attempt)
    artifacts = (
        ()
        if row is None
        else tuple(artifact_view(maker_number(build, row), row, each) for each in row.artifacts)
    )
    return PlannedMilestone(
        state=planned.state,
        state_name=state_names(build).get(planned.state),
        lane=planned.lane,
        decision=planned.decision,
        reason=planned.reason,
        text=text_of(planned),
        artifacts=artifacts,
        download_bytes=_size_bytes(artifacts) if planned.decision is Decision.RESTORE else 0,
        expected_seconds=expected_seconds,
    )


def _size_bytes(artifacts: Iterable[Artifact]) -> int:
    return sum(each.size_bytes or 0 for each in artifacts if each.kind is ArtifactKind.BLOB)
