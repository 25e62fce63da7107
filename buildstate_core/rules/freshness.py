"""Whether what a milestone would build on is still what would be made now.

An attempt is fresh if, by the records below it, all the way down, its own recorded recipe still
holds. Nothing is continued from, in place or restored, that is stale, and what is stale does not
count as done: what it was made from has been made anew since, or something was put in between.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from buildstate_core.rules.facts import AttemptFact
from buildstate_core.rules.fingerprints import upstream_states
from buildstate_core.rules.recipes import recorded_recipe, why_changed
from buildstate_core.vocabulary import AttemptStatus


@dataclass(frozen=True)
class Stale:
    """An attempt whose result would not be the same if it was made now.

    Attributes:
        reason: Why, as a code.
    """

    attempt: AttemptFact
    reason: str


def stale_in(view: Mapping[int, AttemptFact]) -> Mapping[int, Stale]:
    """Return, for each state whose result is stale, the lowest attempt that makes it so.

    That is the attempt itself, or one that it was made from, directly or not.

    Args:
        view: A lane's newest attempt by state, in ascending order of state.
    """
    found: dict[int, Stale] = {}
    for state, attempt in view.items():
        if attempt.status is not AttemptStatus.COMPLETED:
            continue
        below = lowest(found, upstream_states(attempt.fingerprint))
        if below is None:
            reason = why_changed(view, attempt, recorded_recipe(view, attempt))
            below = None if reason is None else Stale(attempt, reason)
        if below is not None:
            found[state] = below
    return found


def lowest(stale: Mapping[int, Stale], states: Iterable[int]) -> Stale | None:
    """Return the lowest attempt that makes one of these states stale, or `None` if all are fresh.

    Args:
        stale: As `stale_in` returns it.
        states: The states that are asked about.
    """
    found = (stale[state] for state in states if state in stale)
    return min(found, key=lambda each: each.attempt.state, default=None)
