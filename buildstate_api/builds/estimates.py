"""How long milestones usually take, and so what is left of a build."""

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from buildstate_api.builds import queries
from buildstate_api.tables import BuildRow
from buildstate_core.models import PlannedMilestone
from buildstate_core.vocabulary import TRUNK, Decision

_AHEAD: Final = frozenset({Decision.RUN, Decision.WAIT})


async def usual_seconds(
    session: AsyncSession, build: BuildRow, states: Collection[int]
) -> Mapping[int, float]:
    """Return the seconds that each state usually takes, as far as that is known.

    The median of the project's last runs at that state: on the build's platform, or, where there
    was none yet, on any. Otherwise what the catalogue expects.
    """
    expected: dict[int, float] = {
        each.code: each.expected_seconds
        for each in build.catalog.states
        if each.expected_seconds is not None
    }
    if not states:
        return {}
    return {**expected, **await queries.median_seconds(session, build, states)}


def seconds_left(milestones: Iterable[PlannedMilestone]) -> float | None:
    """Add up what is left: the trunk, and then the slowest lane.

    Returns:
        0 if nothing is left; `None` if of nothing that is left the duration is known.
    """
    ahead = [each for each in milestones if each.decision in _AHEAD]
    by_lane: dict[str, float] = {}
    for each in ahead:
        if each.expected_seconds is not None:
            by_lane[each.lane] = by_lane.get(each.lane, 0) + each.expected_seconds
    if ahead and not by_lane:
        return None
    trunk = by_lane.pop(TRUNK, 0.0)
    return trunk + max(by_lane.values(), default=0.0)


def is_ahead(decision: Decision) -> bool:
    """Whether a milestone still takes its time."""
    return decision in _AHEAD
