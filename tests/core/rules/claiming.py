"""Claims with defaults: a test states only what matters to it."""

from collections.abc import Collection

from buildstate_core.rules.claims import Answer, ClaimQuery, answer_claim
from buildstate_core.rules.facts import AttemptFact
from buildstate_core.rules.recipes import Recipe
from buildstate_core.vocabulary import AttemptStatus

from .factories import at, make_history, make_recipe

FAILED, LIVE = AttemptStatus.FAILED, AttemptStatus.IN_PROGRESS


def wish_for(
    state: int,
    *,
    lane: str = "",
    recipe: Recipe | None = None,
    machine: Collection[str] | None = None,
) -> ClaimQuery:
    return ClaimQuery(state=state, lane=lane, recipe=recipe or make_recipe(), machine=machine)


def claim(
    *attempts: AttemptFact,
    state: int,
    lane: str = "",
    recipe: Recipe | None = None,
    machine: Collection[str] | None = None,
    minute: float = 200,
    is_closed: bool = False,
) -> Answer:
    wish = wish_for(state, lane=lane, recipe=recipe, machine=machine)
    return answer_claim(make_history(*attempts), wish, now=at(minute), is_closed=is_closed)
