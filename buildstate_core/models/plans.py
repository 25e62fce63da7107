"""Plans, and their explanation: what a rerun would do, and why."""

from enum import StrEnum

from buildstate_core.models.artifacts import Artifact
from buildstate_core.models.base import Resource
from buildstate_core.vocabulary import BuildStatus, Decision


class PlannedMilestone(Resource):
    """What a rerun would do with one milestone.

    Attributes:
        download_bytes: What a worker that has nothing would download.
        expected_seconds: How long it usually takes to run: the median of the project's last runs,
            or what the catalogue says; null if neither is known.
    """

    state: int
    state_name: str | None
    lane: str
    decision: Decision
    reason: str
    text: str
    artifacts: tuple[Artifact, ...]
    download_bytes: int = 0
    expected_seconds: float | None = None


class Plan(Resource):
    """What a rerun of a build would do, and why.

    Attributes:
        download_bytes: In all, each artifact once.
        expected_seconds: What is left in the slowest lane, the trunk before it included; null if
            nothing about that is known.
    """

    build: int
    status: BuildStatus
    resume_from: int | None
    milestones: tuple[PlannedMilestone, ...]
    download_bytes: int = 0
    expected_seconds: float | None = None


class PartChange(StrEnum):
    """How one part of a fingerprint compares."""

    SAME = "same"
    CHANGED = "changed"
    UNKNOWN = "unknown"
    """Only one side could record it, so that it is not taken for a change."""


class Part(Resource):
    """One part of a fingerprint: its digest then and now."""

    part: str
    before: str | None
    now: str | None
    change: PartChange


class Explanation(Resource):
    """Why a milestone was run, or what a rerun would do with it, part by part.

    Attributes:
        attempt: Of which attempt the decision is; null for what a rerun would do.
        compared_build, compared_attempt: The attempt that it was compared with; null if there was
            none.
    """

    build: int
    state: int
    state_name: str | None
    lane: str
    attempt: int | None
    decision: Decision
    reason: str
    text: str
    compared_build: int | None
    compared_attempt: int | None
    parts: tuple[Part, ...]
