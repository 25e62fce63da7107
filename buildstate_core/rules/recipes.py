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
from buildstate_core.rules.fingerprints import (
    changed_part,
    declared_on_one_side,
    is_of_older_recorder,
    is_step_alone,
    is_unverified,
    upstream_part,
    upstream_parts,
    upstream_state,
    upstream_states,
    with_one_name,
)
from buildstate_core.vocabulary import MIN_STATE, MOVES_NO_MACHINE, Kind

_BELOW_ALL: Final = MIN_STATE - 1


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What is about to run at a milestone.

    Attributes:
        kind: What it does, if that was said.
        parts: Its fingerprint without what it consumes: part name to digest. `None` if it is not
            known, and then taken as unchanged.
        older: The same as the release before records it, for attempts that were recorded by it;
            `None` if that is no different, or not known.
        consumes: The states whose artifacts it takes; `None` for the checkpoint before it.
    """

    kind: Kind | None = None
    parts: Mapping[str, str] | None
    older: Mapping[str, str] | None = None
    consumes: tuple[int, ...] | None = None

    def as_recorded_with(self, attempt: AttemptFact) -> "Recipe":
        """Return it as the release has it that recorded an attempt: to compare it with that."""
        if self.older is None or not is_of_older_recorder(attempt.fingerprint):
            return self
        return replace(self, parts=self.older)


def recorded_recipe(view: Mapping[int, AttemptFact], attempt: AttemptFact) -> Recipe:
    """Return the recipe that the records tell: its kind, what it consumed, and nothing more."""
    states = ((upstream_state(part), digest) for part, digest in attempt.fingerprint.items())
    return Recipe(
        kind=attempt.kind,
        parts=None,
        consumes=tuple(
            state
            for state, digest in states
            if state is not None and state in view and not is_step_alone(digest)
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
    taken = _taken(view, state, recipe)
    return {**(recipe.parts or {}), **upstream_parts(taken, _steps(view, state, taken))}


def builds_on(
    view: Mapping[int, AttemptFact], state: int, recipe: Recipe
) -> tuple[AttemptFact, ...]:
    """Return the attempts that a milestone builds on: what it takes, and the steps since."""
    taken = _taken(view, state, recipe)
    return (*taken, *_steps(view, state, taken))


def why_changed(
    view: Mapping[int, AttemptFact], attempt: AttemptFact, recipe: Recipe
) -> str | None:
    """Return why a result would not be the same if it was made now, or `None` if it would.

    What a user declares now and did not then, or the other way round, is a change: a kind, a
    parameter, an input, a state that is built on. Any other part that the attempt did not record is
    unknown and does not count as changed, with two exceptions. A result that did not exist yet when
    the attempt began cannot have gone into it: its state was inserted since, or bytes that nobody
    has verified were recorded anew. And a gate's verdict holds only for the digest that it
    recorded.
    """
    own = recipe.as_recorded_with(attempt)
    new = fingerprint(view, attempt.state, own)
    old, now = with_one_name(attempt.fingerprint, new, attempt.reads)
    changed = changed_part(old, now)
    if changed is not None:
        return reasons.part_changed(changed)
    if not attempt.is_claimed:
        return None
    if _is_of_another_kind(attempt.kind, recipe.kind):
        return reasons.part_changed("kind")
    old, now = with_one_name(attempt.fingerprint, own.parts or {}, attempt.reads)
    declared = next(iter(declared_on_one_side(old, now)), None)
    if declared is not None:
        return reasons.part_added(declared) if declared in now else reasons.part_removed(declared)
    # What a gate of the release before was about, that release did not always record.
    is_about_one = own is recipe and (recipe.kind or attempt.kind) is Kind.GATE
    return _why_built_on_others(view, attempt, own, new, is_about_one=is_about_one)


def _is_of_another_kind(then: Kind | None, now: Kind | None) -> bool:
    """Return whether a milestone does another kind of thing; what was not said is inferred."""
    if then is None:
        return False
    return then in MOVES_NO_MACHINE if now is None else then is not now


def _why_built_on_others(
    view: Mapping[int, AttemptFact],
    attempt: AttemptFact,
    recipe: Recipe,
    new: Mapping[str, str],
    *,
    is_about_one: bool,
) -> str | None:
    """Return why it would build on other states than it did, if it would.

    If it is about one digest, it is void for any other than the one that it recorded.
    """
    old = attempt.fingerprint
    taken = _taken(view, attempt.state, recipe)
    for below in (*taken, *_steps(view, attempt.state, taken)):
        part = upstream_part(below)
        if part is None or (part[0] in old and not is_unverified(part[1])):
            continue
        is_void = is_about_one and below in taken and part[0] not in old
        if is_void or _is_later(below, attempt):
            return reasons.upstream_changed(below.state)
    dropped = (view.get(state) for state in upstream_states(old.keys() - new.keys()))
    return next(
        (
            reasons.upstream_changed(each.state)
            for each in dropped
            if each is not None and each.is_standing and upstream_part(each) is not None
        ),
        None,
    )


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
    held = [each for each in taken if not each.changed_a_machine_only]
    base = _base(view, state)
    floor = max((each.state for each in held or filter(None, [base])), default=_BELOW_ALL)
    return tuple(
        each
        for each in view.values()
        if floor < each.state < state and each.changed_a_machine_only and each.is_standing
    )


def _base(view: Mapping[int, AttemptFact], state: int) -> AttemptFact | None:
    before = (each for each in view.values() if each.state < state and each.left_a_checkpoint)
    return max(before, key=lambda each: each.state, default=None)


def _is_later(below: AttemptFact, attempt: AttemptFact) -> bool:
    """Return whether a result did not exist yet when an attempt began.

    What repeats a step unchanged existed as long as that.
    """
    began = attempt.started_at or attempt.as_of
    existed_since = below.done_since or below.ended_at
    return below.origin is None and existed_since is not None and existed_since > began
