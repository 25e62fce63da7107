"""What goes into a milestone: its own parts, and what the states before it have left.

A checkpoint is identified by what it left. A step leaves nothing but a changed machine, so it is
identified by what went into it: a step that ran again with the same recipe on the same machine has
changed nothing for the milestones after it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from buildstate_core.rules import reasons
from buildstate_core.rules.facts import AttemptFact
from buildstate_core.rules.fingerprints import changed_part, upstream_part, upstream_state
from buildstate_core.vocabulary import MIN_STATE, Kind

_BELOW_ALL: Final = MIN_STATE - 1


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What is about to run at a milestone.

    Attributes:
        kind: What it does, if that was said.
        parts: Its fingerprint without what it consumes: part name to digest.
        consumes: The states whose artifacts it takes; `None` for the checkpoint before it.
    """

    kind: Kind | None = None
    parts: Mapping[str, str]
    consumes: tuple[int, ...] | None = None


def recorded_recipe(view: Mapping[int, AttemptFact], attempt: AttemptFact) -> Recipe:
    """Return the recipe that the records tell: what an attempt consumed, and nothing more."""
    states = (upstream_state(part) for part in attempt.fingerprint)
    return Recipe(
        parts={},
        consumes=tuple(
            state
            for state in states
            if state is not None and state in view and not view[state].changed_a_machine_only
        ),
    )


def likely_recipe(view: Mapping[int, AttemptFact], attempt: AttemptFact) -> Recipe:
    """Return the recipe that a rerun most likely has, to tell a person what it would do.

    If it took the checkpoint before it, it takes the one that is before it now, which may have been
    inserted since.
    """
    known = recorded_recipe(view, attempt)
    existed = {state: each for state, each in view.items() if not _is_later(each, attempt)}
    base = _base(existed, attempt.state)
    took_the_one_before = base is not None and known.consumes == (base.state,)
    return replace(known, consumes=None) if took_the_one_before else known


def fingerprint(view: Mapping[int, AttemptFact], state: int, recipe: Recipe) -> dict[str, str]:
    """Return the whole fingerprint: the recipe's parts, and one for each state it builds on.

    Args:
        view: A lane's newest attempt by state.
        state: The milestone's state.
        recipe: What would run.
    """
    parts = dict(recipe.parts)
    taken = _taken(view, state, recipe)
    for attempt in (*taken, *_steps(view, state, taken)):
        part = upstream_part(attempt)
        if part is not None:
            parts[part[0]] = part[1]
    return parts


def why_changed(
    view: Mapping[int, AttemptFact], attempt: AttemptFact, recipe: Recipe
) -> str | None:
    """Return why a result would not be the same if it was made now, or `None` if it would.

    A part that the attempt did not record is unknown and does not count as changed, with two
    exceptions. A result that did not exist yet when the attempt began cannot have gone into it: its
    state was inserted since. And a gate's verdict holds only for the digest that it recorded.
    """
    old = attempt.fingerprint
    changed = changed_part(old, fingerprint(view, attempt.state, recipe))
    if changed is not None:
        return reasons.part_changed(changed)
    if not attempt.is_claimed:
        return None
    is_gate = (recipe.kind or attempt.kind) is Kind.GATE
    taken = _taken(view, attempt.state, recipe)
    for below in (*taken, *_steps(view, attempt.state, taken)):
        part = upstream_part(below)
        if part is None or part[0] in old:
            continue
        if _is_later(below, attempt) or (is_gate and below in taken):
            return reasons.upstream_changed(below.state)
    return None


def _taken(view: Mapping[int, AttemptFact], state: int, recipe: Recipe) -> tuple[AttemptFact, ...]:
    """Return the attempts whose artifacts it takes: those it names, or the checkpoint before it."""
    if recipe.consumes is None:
        base = _base(view, state)
        return () if base is None else (base,)
    below = (view[each] for each in sorted(recipe.consumes) if each < state and each in view)
    return tuple(each for each in below if each.is_sound)


def _steps(
    view: Mapping[int, AttemptFact], state: int, taken: tuple[AttemptFact, ...]
) -> tuple[AttemptFact, ...]:
    """Return the steps that changed the machine since the newest attempt that it takes."""
    base = _base(view, state)
    floor = max((each.state for each in taken or filter(None, [base])), default=_BELOW_ALL)
    return tuple(
        each
        for each in view.values()
        if floor < each.state < state and each.changed_a_machine_only and each.is_standing
    )


def _base(view: Mapping[int, AttemptFact], state: int) -> AttemptFact | None:
    before = (each for each in view.values() if each.state < state and each.left_a_checkpoint)
    return max(before, key=lambda each: each.state, default=None)


def _is_later(below: AttemptFact, attempt: AttemptFact) -> bool:
    """Return whether a result did not exist yet when an attempt began."""
    began = attempt.started_at or attempt.as_of
    return below.origin is None and below.ended_at is not None and below.ended_at > began
