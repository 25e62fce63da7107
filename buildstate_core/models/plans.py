"""Plans: what a rerun would do."""

from buildstate_core.models.artifacts import Artifact
from buildstate_core.models.base import Resource
from buildstate_core.vocabulary import BuildStatus, Decision


class PlannedMilestone(Resource):
    """What a rerun would do with one milestone."""

    state: int
    state_name: str | None
    lane: str
    decision: Decision
    reason: str
    text: str
    artifacts: tuple[Artifact, ...]


class Plan(Resource):
    """What a rerun of a build would do, and why."""

    build: int
    status: BuildStatus
    resume_from: int | None
    milestones: tuple[PlannedMilestone, ...]
