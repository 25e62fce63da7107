"""With each rule for several machines broken, one by one, a story is found that ends badly."""

from collections.abc import Collection, Mapping
from typing import Any, Final

import pytest
from hypothesis import Phase, given, seed, settings
from support import store

from buildstate_core.rules import attempts, claims, fingerprints, machines, progress, underway
from buildstate_core.rules.claims import HeldByOther, Skipped
from buildstate_core.rules.facts import AttemptFact, History
from buildstate_core.rules.machines import Missing
from buildstate_core.rules.skipping import Skip
from buildstate_core.vocabulary import AttemptStatus
from buildstate_worker.rewind import Rewind

from ..breaking import always, without_reads
from ..memory import Memory
from . import service
from .stories import Story, stories
from .telling import tell

UNTIL_ONE_FAILS: Final = settings(
    deadline=None,
    database=None,
    max_examples=600,
    phases=[Phase.generate],
    report_multiple_bugs=False,
)


def every_story_ends_well(number: int) -> None:
    """Tell stories until one does not end well; the number says which come first."""

    @seed(number)
    @UNTIL_ONE_FAILS
    @given(story=stories())
    def ends_well(story: Story) -> None:
        tell(story)

    ends_well()


def skip_whatever_is_below(claim: claims._Claim, verdict: Skip) -> Skipped:
    return claim.skipped(verdict)


def held_inside_as_elsewhere(claim: claims._Claim) -> HeldByOther | None:
    own = claim._newest.get(claim._query.state)
    found = own if own and claims._is_at_work(own) else claim._in_the_way(live=True)
    return None if found is None else HeldByOther(found)


def left_nothing_at_all(attempt: AttemptFact) -> bool:
    """Take a milestone that left values for one that did not change its machine."""
    return attempt.status is AttemptStatus.COMPLETED and not attempt.artifacts


def settled_below_only(
    history: History, view: Mapping[int, AttemptFact]
) -> Mapping[int, AttemptFact]:
    """Take a repetition for something new where the state asked for is below it."""
    is_above = all(each.status.is_live for each in view.values())
    return view if is_above else underway.with_settled_repeats(history, view)


def never_in_place(
    below: Mapping[int, AttemptFact], machine: Collection[str] | None, **named: Any
) -> Any:
    """Have a machine hold nothing, whatever it holds."""
    return machines.stand(below, machine and (), **named)


def wait_for_repetitions(
    below: Mapping[int, AttemptFact], machine: Any, *, repeated: Collection[int]
) -> Any:
    """Wait for whoever repeats a step, though a checkpoint above includes it."""
    found = machines.stand(below, machine, repeated=repeated)
    first = min(repeated, default=None)
    is_above = isinstance(found, AttemptFact) and first is not None and found.is_checkpoint
    return Missing(first, below[first], "held") if is_above else found


def by_its_attempt(attempt: AttemptFact) -> str:
    return attempt.id


@pytest.mark.parametrize(
    ("where", "name", "broken", "number"),
    [
        pytest.param(claims, "stale_in", always({}), 0, id="freshness: of what is claimed above"),
        pytest.param(progress, "stale_in", always({}), 0, id="freshness: of what is delivered"),
        pytest.param(
            claims._Claim, "skip", skip_whatever_is_below, 3, id="skips: whatever is below"
        ),
        pytest.param(Memory, "changed_read", always(None), 2, id="reads: compared as unchanged"),
        pytest.param(store, "with_reads", without_reads, 2, id="reads: of a step"),
        pytest.param(claims._Claim, "_void", always(None), 4, id="gates: of another image"),
        pytest.param(
            claims._Claim, "held", always(None), 0, id="claims above: nobody is waited for"
        ),
        pytest.param(
            claims, "in_the_way", always(None), 2, id="claims above: what failed is passed"
        ),
        pytest.param(claims._Claim, "held", held_inside_as_elsewhere, 0, id="inside: it waits"),
        pytest.param(machines, "_lacking", always(None), 0, id="machines: each holds each step"),
        pytest.param(
            AttemptFact,
            "changed_a_machine_only",
            property(left_nothing_at_all),
            0,
            id="values: no step",
        ),
        pytest.param(attempts, "is_expired", always(False), 0, id="leases: never run out"),
    ],
)
def test_a_rule_that_lets_too_much_pass_is_found(
    monkeypatch: pytest.MonkeyPatch, where: object, name: str, broken: object, number: int
) -> None:
    monkeypatch.setattr(where, name, broken)
    with pytest.raises(AssertionError):
        every_story_ends_well(number)


@pytest.mark.parametrize(
    ("where", "name", "broken", "number"),
    [
        pytest.param(underway, "_settled", always(None), 0, id="repeating: it supersedes"),
        pytest.param(underway, "_matters", always(True), 10, id="gates hold everybody"),
        pytest.param(claims, "with_settled_repeats", settled_below_only, 0, id="repeating: above"),
        pytest.param(
            claims._Claim, "_held", lambda claim, _: claim._view, 12, id="records: what is kept"
        ),
        pytest.param(claims, "stand", never_in_place, 0, id="machines: hold nothing"),
        pytest.param(claims, "stand", wait_for_repetitions, 1, id="repeating: below a checkpoint"),
        pytest.param(service, "step_digest", by_its_attempt, 1, id="machines: hold attempts"),
        pytest.param(Rewind, "covers", always(True), 0, id="every pass is a rewind"),
        pytest.param(
            fingerprints, "_digest_of_artifacts", by_its_attempt, 0, id="no early cut-off"
        ),
    ],
)
def test_a_rule_that_has_too_much_run_or_wait_is_found(
    monkeypatch: pytest.MonkeyPatch, where: object, name: str, broken: object, number: int
) -> None:
    monkeypatch.setattr(where, name, broken)
    if where is service:
        monkeypatch.setattr(machines, name, broken)
    with pytest.raises(AssertionError, match=r"without need|for ever|do not come to the end"):
        every_story_ends_well(number)
