"""With each rule for several machines broken, one by one, a story is found that ends badly."""

from collections.abc import Callable, Collection, Mapping
from contextlib import nullcontext
from typing import Any, Final

import pytest
from hypothesis import Phase, given, settings

from buildstate_core.rules import attempts, claims, machines, progress, underway
from buildstate_core.rules.claims import HeldByOther, Skipped
from buildstate_core.rules.facts import AttemptFact, History
from buildstate_core.rules.skipping import Skip
from buildstate_core.vocabulary import AttemptStatus

from . import service
from .machines import Threads
from .stories import Story, stories
from .telling import tell

UNTIL_ONE_FAILS: Final = settings(
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=600,
    phases=[Phase.generate],
    report_multiple_bugs=False,
)


@UNTIL_ONE_FAILS
@given(story=stories())
def every_story_ends_well(story: Story) -> None:
    tell(story)


def always(value: object) -> Callable[..., Any]:
    return lambda *_arguments, **_named: value


def repeats_whatever_was_done(history: History, attempt: AttemptFact) -> AttemptFact | None:
    """Take an attempt for a repetition of any completed step."""
    if not attempt.is_claimed or attempt.status.is_done:
        return None
    tries = history.tries(attempt.lane, attempt.state, before=attempt)
    return next((each for each in tries if each.changed_a_machine_only), None)


def nobody_in_the_way(*_arguments: object, live: bool, **_named: object) -> None:
    """Wait for nobody below."""


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
    """Take a repetition for nothing new only where the state was not reached again."""
    return view


@pytest.mark.parametrize(
    ("where", "name", "broken"),
    [
        pytest.param(claims, "stale_in", always({}), id="freshness: of what is claimed above"),
        pytest.param(progress, "stale_in", always({}), id="freshness: of what is delivered"),
        pytest.param(claims._Claim, "skip", skip_whatever_is_below, id="skips: whatever is below"),
        pytest.param(claims._Claim, "held", always(None), id="claims above: nobody is waited for"),
        pytest.param(claims, "in_the_way", always(None), id="claims above: what failed is passed"),
        pytest.param(claims._Claim, "held", held_inside_as_elsewhere, id="inside: it waits"),
        pytest.param(underway, "_settled", repeats_whatever_was_done, id="superseding: it repeats"),
        pytest.param(machines, "_lacking", always(None), id="machines: each holds each step"),
        pytest.param(AttemptFact, "changed_a_machine_only", property(left_nothing_at_all), id="values: no step"),
        pytest.param(attempts, "is_expired", always(False), id="leases: never run out"),
        pytest.param(Threads, "given_away", always(nullcontext()), id="waiting: with all it keeps"),
    ],
)
def test_a_rule_that_lets_too_much_pass_is_found(
    monkeypatch: pytest.MonkeyPatch, where: object, name: str, broken: object
) -> None:
    monkeypatch.setattr(where, name, broken)
    with pytest.raises(AssertionError):
        every_story_ends_well()
