"""What people decide about a build: each with who, when and why."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from buildstate_core.models.artifacts import Artifact, ArtifactRecords
from buildstate_core.models.base import Request, Resource, State, Time, Why
from buildstate_core.models.names import LaneName
from buildstate_core.vocabulary import TRUNK, InterventionKind


class Waive(Request):
    """A milestone is not needed in this build."""

    state: State
    lane: LaneName = TRUNK
    reason: Why


class Force(Request):
    """Everything from a state on runs again, whatever is recorded.

    In the trunk that is every lane too; in a lane that lane alone.
    """

    state: State
    lane: LaneName = TRUNK
    reason: Why


class Adopt(Request):
    """Something that exists already becomes what a state left."""

    state: State
    lane: LaneName = TRUNK
    artifacts: Annotated[ArtifactRecords, Field(min_length=1)]
    reason: Why


class Cancel(Request):
    """A build is cancelled. A worker at work on it is told by its next heartbeat, and stops."""

    reason: Why


class Revoke(Request):
    """An artifact, and what was made from it, is not to be used again."""

    reason: Why


class Revocation(Resource):
    """What a revocation took out of use: the artifact, what was made from it, and where."""

    artifacts: tuple[Artifact, ...]
    builds: tuple[int, ...]


class Intervention(Resource):
    """One decision of a person.

    Attributes:
        actor: The name of the API key that it came with.
    """

    id: UUID
    build: int
    kind: InterventionKind
    state: int | None
    lane: str | None
    artifact: UUID | None
    reason: str
    actor: str
    at: Time
