"""How far earlier work is done again when a skip proves wrong later in the same pass.

Two things prove it wrong: the service names a state that has to run on this machine first, or an
artifact turns out gone or corrupt when it is pulled. Each face keeps its own record of the calls
of a pass and makes them again in its own way; what it makes again, and how often, is here.
"""

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Final, TypeGuard

from buildstate_core.errors import ArtifactLost, BuildStateError, Refused

TURNS: Final = 3
"""How often one thing is tried, with what is below it made again in between."""

AGAIN: Final = 2
"""How often one milestone is made again for one thing that was lost."""

RUN_FIRST: Final = "run-first"
"""The service's code for "another milestone has to run on this machine first"."""


def names_what_to_run_first(error: BaseException) -> TypeGuard[ArtifactLost | Refused]:
    """Whether running an earlier state again may help; `error.state` is that state."""
    if isinstance(error, ArtifactLost):
        return error.state is not None
    return isinstance(error, Refused) and error.code == RUN_FIRST and error.state is not None


@dataclass(frozen=True)
class Rewind:
    """What is being made again.

    Attributes:
        first: From this state on steps are missing on this machine, so that no later checkpoint
            stands in for them; `None` while that is not so.
        made: How often each milestone was made again.
    """

    first: int | None = None
    made: Counter[Hashable] = field(default_factory=Counter)

    def covers(self, state: int) -> bool:
        """Whether a state is one of those that no later checkpoint stands in for."""
        return self.first is not None and self.first <= state

    def because_of(self, error: ArtifactLost | Refused) -> "Rewind":
        """Give the rewind for an error, in the midst of this one.

        A lost artifact is made anew because it was taken out of use; nothing else has to be.
        """
        named = None if isinstance(error, ArtifactLost) else error.state
        firsts = [each for each in (named, self.first) if each is not None]
        return Rewind(min(firsts, default=None), self.made)

    def count(self, key: Hashable, error: BuildStateError) -> None:
        """Count that a milestone is made again.

        Raises:
            BuildStateError: The error, if that did not help before.
        """
        self.made[key] += 1
        if self.made[key] > AGAIN:
            raise error
