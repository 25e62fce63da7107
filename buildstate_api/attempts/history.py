"""What is recorded about one build: the rows, and the same as the rules see it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncSession

from buildstate_api.attempts import queries
from buildstate_api.attempts.facts import history_of
from buildstate_api.tables import AttemptRow, BuildRow
from buildstate_core.rules.facts import AttemptFact, History


@dataclass(frozen=True)
class BuildHistory:
    """All attempts of a build and those that it inherited.

    Attributes:
        history: As the rules see them.
        rows: The same by id, as a fact names it, with artifacts loaded.
    """

    history: History
    rows: Mapping[str, AttemptRow]

    def row(self, fact: AttemptFact) -> AttemptRow:
        """Return the row of an attempt that the rules speak of."""
        return self.rows[fact.id]

    def with_reads(self, reads: Mapping[str, Mapping[str, str]]) -> "BuildHistory":
        """Return it with the digests of files that attempts were seen to read, by attempt."""
        facts = (
            replace(each, reads=reads.get(each.id, each.reads)) for each in self.history.attempts
        )
        return replace(self, history=History(tuple(facts)))


async def load_history(session: AsyncSession, build: BuildRow) -> BuildHistory:
    """Load what is recorded about a build."""
    rows = await queries.attempts(session, build.id)
    wanted = await queries.forces(session, build.id)
    return BuildHistory(history_of(build, rows, wanted), {str(row.id): row for row in rows})
