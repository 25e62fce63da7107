"""How far earlier work is done again when a skip proves wrong later in the same pass.

Two things prove it wrong: the service names a state that has to run on this machine first, or an
artifact turns out gone or corrupt when it is pulled. The earlier calls of the pass are then made
again, in order, and what failed is tried once more: what is still good is skipped again, the rest
runs. Which calls these are, and how one is made again, each face says itself; when, how often, and
which of them no later checkpoint stands in for, is decided here, for both.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeGuard, TypeVar

from buildstate_core.errors import ArtifactLost, BuildStateError, Refused

TURNS: Final = 3
"""How often one thing is tried, with what is below it made again in between."""

AGAIN: Final = 2
"""How often one milestone is made again for one thing that was lost."""

RUN_FIRST: Final = "run-first"
"""The service's code for "another milestone has to run on this machine first"."""

Call = TypeVar("Call")
Result = TypeVar("Result")

Below = Callable[[ArtifactLost | Refused], Sequence[Call]]
"""Returns the earlier calls to make again, in order, for an error that names a state."""


def names_what_to_run_first(error: BaseException) -> TypeGuard[ArtifactLost | Refused]:
    """Return whether running an earlier state again may help; `error.state` is that state."""
    if isinstance(error, ArtifactLost):
        return error.state is not None
    return isinstance(error, Refused) and error.code == RUN_FIRST and error.state is not None


def failed_in_this_pass(error: Refused) -> Refused:
    """Return what to say of a state that has to run first, and has failed in this pass already.

    It is not called again: it would mostly fail again, once for each state that needs it.
    """
    return Refused(
        f"State {error.state} failed in this pass. {error.message}",
        state=error.state,
        reason=error.reason,
        code="failed-in-this-pass",
        field="state",
        hint=f"Mend state {error.state}, and run the pipeline again.",
    )


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
        """Return whether a state is one of those that no later checkpoint stands in for."""
        return self.first is not None and self.first <= state

    def because_of(self, error: ArtifactLost | Refused) -> "Rewind":
        """Return the rewind for an error, in the midst of this one.

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


@dataclass(frozen=True)
class Turn:
    """One try of something, and whether there is another one after it.

    Attributes:
        number: From 0.
    """

    number: int

    def remedy(self, error: BaseException, below: Below[Call]) -> Sequence[Call]:
        """Return the calls to make again before the next try; none if nothing can be done."""
        if self.number == TURNS - 1 or not names_what_to_run_first(error):
            return ()
        return below(error)


def with_rewinds(
    attempt: Callable[[Turn], Result],
    *,
    below: Below[Call],
    make_again: Callable[[Sequence[Call], ArtifactLost | Refused], None],
) -> Result:
    """Try something until nothing that it needs is missing, or nothing more can be done about that.

    Args:
        attempt: Tries it.
        below: Returns the earlier calls that were made on this machine and are needed again; none
            if the one that the error names is not known here.
        make_again: Makes these calls again, in the `Rewind` for the error. It counts each there,
            so that what does not help is not repeated for ever.

    Raises:
        ArtifactLost: What it needs is gone or corrupt, and cannot be made again from here.
        Refused: Another milestone has to run first, and its call is not known here.
    """
    for number in range(TURNS):
        turn = Turn(number)
        try:
            return attempt(turn)
        except (ArtifactLost, Refused) as error:
            calls = turn.remedy(error, below)
            if not calls:
                raise
            make_again(calls, error)
    raise AssertionError  # the last turn returns or raises
