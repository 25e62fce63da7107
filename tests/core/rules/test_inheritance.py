import pytest

from buildstate_core.rules.claims import ClaimQuery, Granted, Skipped, answer_claim
from buildstate_core.rules.facts import AttemptFact, History
from buildstate_core.rules.plan import plan
from buildstate_core.rules.progress import progress
from buildstate_core.rules.skipping import Rerun, Skip, judge
from buildstate_core.vocabulary import ArtifactStatus, AttemptStatus, BuildStatus

from .factories import at, checkpoint, make_attempt, make_history, make_recipe

BASE = (checkpoint(10, origin=7), make_attempt(30, origin=7), checkpoint(40, origin=7))


@pytest.mark.parametrize("state", [10, 30, 40])
def test_what_another_build_has_done_is_skipped_with_its_number(state: int) -> None:
    verdict = judge(make_history(*BASE).view(""), state)
    assert isinstance(verdict, Skip)
    assert verdict.reason == "derived_from:7"


def test_a_derived_build_starts_from_what_it_inherited() -> None:
    wish = ClaimQuery(state=50, lane="", recipe=make_recipe(), machine=())
    answer = answer_claim(make_history(*BASE), wish, now=at(200))
    assert isinstance(answer, Granted)
    assert ([each.state for each in answer.restore], answer.number) == ([40], 1)


def test_its_lanes_begin_from_it_too() -> None:
    wish = ClaimQuery(state=60, lane="eu", recipe=make_recipe(), machine=())
    answer = answer_claim(make_history(*BASE), wish, now=at(200))
    assert isinstance(answer, Granted)
    assert [each.state for each in answer.restore] == [40]


@pytest.mark.parametrize(
    "own",
    [
        pytest.param(make_attempt(40, status=AttemptStatus.FAILED, minute=5), id="a failure"),
        pytest.param(checkpoint(40, minute=5), id="a checkpoint"),
    ],
)
def test_its_own_attempts_are_newer_than_all_that_it_inherited(own: AttemptFact) -> None:
    assert make_history(*BASE, own).view("")[40] is own


def test_its_own_numbers_begin_at_one() -> None:
    changed = make_recipe(parts={"command": "new"})
    base = checkpoint(40, origin=7, number=3, fingerprint={"command": "old"})
    wish = ClaimQuery(state=40, lane="", recipe=changed)
    answer = answer_claim(make_history(base), wish, now=at(200))
    assert isinstance(answer, Granted)
    assert (answer.reason, answer.number) == ("recipe_changed:command", 1)


def test_what_was_revoked_in_the_parent_is_not_used() -> None:
    base = checkpoint(40, origin=7, status=ArtifactStatus.REVOKED)
    assert judge(make_history(base).view(""), 40) == Rerun("revoked")


def test_a_step_done_anew_is_not_in_what_was_inherited() -> None:
    own = make_attempt(30, minute=50, fingerprint={"command": "new"})
    assert judge(make_history(*BASE, own).view(""), 30) == Rerun("not_restorable")


def test_it_is_pending_at_what_it_inherited_until_it_does_something_itself() -> None:
    found = progress(make_history(*BASE), last_state=100)
    assert (found.status, found.frontier, found.resume_from) == (BuildStatus.PENDING, 40, 40)
    begun = progress(make_history(*BASE, checkpoint(50)), last_state=100)
    assert begun.status is BuildStatus.IN_PROGRESS


def test_its_plan_restores_what_it_inherited() -> None:
    rows = plan(make_history(*BASE), states=(40, 50), now=at(200))
    assert [f"{each.state} {each.decision} {each.reason}" for each in rows] == [
        "10 skip derived_from:7",
        "30 skip derived_from:7",
        "40 restore derived_from:7",
        "50 run never_completed",
    ]


def test_a_finished_derived_build_skips_what_it_inherited() -> None:
    wish = ClaimQuery(state=40, lane="", recipe=make_recipe())
    answer = answer_claim(History.of((*BASE, checkpoint(100))), wish, now=at(200), is_closed=True)
    assert isinstance(answer, Skipped)
