"""What others are at work on, or have left undone, below a milestone that is asked for.

A live attempt below is judged by whether it can change anything. If it repeats a completed step
with the same recipe, the settled one counts. Anything else may give another result, or none, so
that nothing above is begun, skipped or published before it has ended well. The same holds for what
has ended without success, except that nobody is waited for then: it has to run first.
"""

from collections.abc import Collection, Mapping

from buildstate_core.rules.facts import AttemptFact, History
from buildstate_core.rules.fingerprints import step_digest
from buildstate_core.vocabulary import AttemptStatus, Kind

LOOKS_ON: tuple[Kind, ...] = (Kind.EFFECT, Kind.GATE)
"""What tells the world of an image, or judges it: all that was to be told before has to be so."""


def with_settled_repeats(
    history: History, view: Mapping[int, AttemptFact]
) -> dict[int, AttemptFact]:
    """Return a view in which a step counts as it was completed, while it is only being repeated.

    Also if its repetition failed or was lost: that has spoilt the machine it ran on and no other.

    Args:
        history: All attempts of the build, those whose lease ran out settled.
        view: A lane's newest attempt by state.
    """
    return {state: _settled(history, attempt) or attempt for state, attempt in view.items()}


def in_the_way(
    view: Mapping[int, AttemptFact],
    state: int,
    kind: Kind | None,
    *,
    needed: Collection[int] = (),
    live: bool,
) -> AttemptFact | None:
    """Return the lowest attempt below a milestone that may still change what it builds on.

    A plain report never is: one that was left open does not end by itself.

    Args:
        view: A lane's newest attempt by state, with settled repeats.
        state: The milestone's state.
        kind: What it does, as far as that was said.
        needed: States that it requires or consumes.
        live: Whether those are meant that are at work, or those that ended without success.
    """
    for below, attempt in view.items():
        if below >= state or not attempt.is_claimed:
            continue
        if not (attempt.status.is_live if live else attempt.ended_unsuccessfully):
            continue
        if _matters(attempt, kind) or (live and below in needed):
            return attempt
    return None


def _matters(below: AttemptFact, kind: Kind | None) -> bool:
    if below.may_move_a_machine:
        return True
    return below.kind in LOOKS_ON and kind in LOOKS_ON


def _settled(history: History, attempt: AttemptFact) -> AttemptFact | None:
    """Return the completed step that an attempt repeats, or `None` if it does not only that."""
    if not attempt.is_claimed or not (attempt.status.is_live or attempt.ended_unsuccessfully):
        return None
    digest = step_digest(attempt)
    for earlier in history.tries(attempt.lane, attempt.state, before=attempt):
        if step_digest(earlier) != digest:
            return None
        if earlier.status is AttemptStatus.COMPLETED:
            return earlier if earlier.changed_a_machine_only and not earlier.is_forced else None
        if not earlier.ended_unsuccessfully:
            return None
    return None
