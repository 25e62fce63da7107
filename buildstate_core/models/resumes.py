"""Requests to resume: the service asks a build's orchestrator to go on."""

from uuid import UUID

from buildstate_core.models.base import Line, Request, Resource, Time
from buildstate_core.models.names import LaneName
from buildstate_core.vocabulary import TRUNK, ResumeStatus


class ResumeCreate(Request):
    """A person wants a build to go on."""

    lane: LaneName = TRUNK
    reason: Line = ""


class ResumeRequest(Resource):
    """One request to a build's orchestrator to go on.

    Attributes:
        reason: Why: `lost_worker`, `failed_before`, or what a person said.
        state, attempt: The milestone that stopped, and which of its attempts.
        flow_run_id: The run that stopped.
        successor_id, successor_name: The run that goes on in its place, once there is one.
        tries: How often the orchestrator has been asked.
        next_try_at: When it is asked again; null when nothing is left to do.
        message: What happened last, in words.
    """

    id: UUID
    build: int
    lane: str
    state: int | None
    attempt: int | None
    status: ResumeStatus
    reason: str
    flow_run_id: UUID
    successor_id: UUID | None
    successor_name: str | None
    tries: int
    next_try_at: Time | None
    message: str | None
    created_at: Time
    updated_at: Time
