"""An artifact with every build that may use it, locked.

What people and policies decide about an artifact happens under the lock of its build's lineage: a
claim, or a build that is derived, comes before or after, and finds what was decided.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from buildstate_api.artifacts.service import find
from buildstate_api.attempts import lifecycle
from buildstate_api.attempts.leases import extend_leases_after_outage
from buildstate_api.tables import ArtifactRow, BuildRow


@dataclass(frozen=True)
class LockedArtifact:
    """An artifact, and the locked builds that may use it.

    Attributes:
        row: The artifact, with its attempt.
        lineage: The build that it was made in, and all that derive from it.
        now: The database's time, by which leases are judged.
    """

    row: ArtifactRow
    lineage: Sequence[BuildRow]
    now: datetime

    @classmethod
    async def of(cls, session: AsyncSession, artifact_id: UUID) -> "LockedArtifact":
        """Lock the lineage of an artifact's build; `NotFound` if there is no such artifact."""
        build_id = (await find(session, artifact_id)).build_id
        lineage = await lifecycle.lock_lineage(session, build_id)
        now = await extend_leases_after_outage(session)
        return cls(await find(session, artifact_id), lineage, now)

    @property
    def build(self) -> BuildRow:
        """The build that it was made in."""
        return next(build for build in self.lineage if build.id == self.row.build_id)

    @property
    def name(self) -> str:
        """How a sentence about it begins."""
        row = self.row
        return f"Artifact {row.name} of state {row.attempt.state} of build {self.build.number}"

    async def derive(self, session: AsyncSession) -> None:
        """Bring what is derived of every build of the lineage up to date."""
        for build in self.lineage:
            await lifecycle.derive(session, build)
