"""What a claim is answered: run, skip, wait, or something else first."""

import pytest
from support.store import Store

from buildstate_core.rules.claims import (
    ClaimQuery,
    Closed,
    Granted,
    HeldByOther,
    RequiresFirst,
    RunFirst,
    Skipped,
    answer_claim,
)
from buildstate_core.rules.facts import AttemptFact
from buildstate_core.rules.fingerprints import step_digest, upstream_part
from buildstate_core.vocabulary import AttemptStatus, Kind

from .claiming import FAILED, LIVE, claim, wish_for
from .factories import at, checkpoint, make_attempt, make_history, make_recipe


def test_a_first_claim_is_granted_with_number_and_fingerprint() -> None:
    answer = claim(state=10, recipe=make_recipe(parts={"command": "aa"}))
    assert answer == Granted("never_completed", 1, {"command": "aa"})


def test_a_retry_has_the_next_number_of_its_own_lane_and_state() -> None:
    answer = claim(
        make_attempt(25, number=1, status=FAILED),
        make_attempt(25, number=4, status=FAILED, minute=26),
        make_attempt(25, lane="eu", number=9),
        make_attempt(10, number=7),
        state=25,
    )
    assert isinstance(answer, Granted)
    assert (answer.reason, answer.number) == ("failed_before", 5)


def test_what_is_done_is_skipped_and_the_resume_point_is_told() -> None:
    attempts = (checkpoint(10), checkpoint(25), make_attempt(50, status=FAILED))
    assert claim(*attempts, state=10) == Skipped("unchanged", attempts[0], is_resume_point=False)
    assert claim(*attempts, state=25) == Skipped("unchanged", attempts[1], is_resume_point=True)


def test_without_any_checkpoint_a_skip_is_no_resume_point() -> None:
    effect = make_attempt(60, kind=Kind.EFFECT)
    again = claim(effect, state=60, recipe=make_recipe(kind=Kind.EFFECT))
    assert again == Skipped("unchanged", effect, is_resume_point=False)


@pytest.mark.parametrize(
    ("lease_until_minute", "is_held"),
    [
        pytest.param(200.1, True, id="the lease is good"),
        pytest.param(200, False, id="the lease runs out now"),
        pytest.param(150, False, id="the lease ran out"),
    ],
)
def test_a_milestone_is_held_as_long_as_the_lease_of_its_holder_is_good(
    lease_until_minute: float, *, is_held: bool
) -> None:
    live = make_attempt(25, status=LIVE, lease_until_minute=lease_until_minute)
    answer = claim(live, state=25)
    if is_held:
        assert answer == HeldByOther(live)
        return
    assert isinstance(answer, Granted)
    assert (answer.reason, answer.number, answer.takes_over) == ("lost_worker", 2, live)
    assert answer.compared_with is not None
    assert answer.compared_with.id == live.id


def test_a_report_that_was_left_open_is_taken_over() -> None:
    live = make_attempt(25, status=LIVE, is_claimed=False)
    assert claim(live, state=25) == Granted(
        "never_completed", 2, {}, compared_with=live, takes_over=live
    )


def test_a_holder_in_one_lane_does_not_hold_another() -> None:
    live = make_attempt(60, lane="eu", status=LIVE)
    assert isinstance(claim(live, state=60, lane="eu"), HeldByOther)
    assert isinstance(claim(live, state=60, lane="us"), Granted)
    assert isinstance(claim(live, state=60), Granted)


def test_a_closed_build_still_skips_but_runs_nothing() -> None:
    assert isinstance(claim(checkpoint(10), state=10, is_closed=True), Skipped)
    assert claim(checkpoint(10), state=25, is_closed=True) == Closed("never_completed")


def run_through(store: Store, states: tuple[int, ...], *, is_tracked: bool) -> list[str]:
    """Ask for one state after the other, as a worker on an empty machine does, and run them."""
    machine: set[str] = set()
    said: list[str] = []
    for state in states:
        wish = wish_for(state, machine=frozenset(machine) if is_tracked else None)
        answer = store.claim(wish)
        if isinstance(answer, Skipped):
            said.append(f"skip {state}: {answer.reason}")
            continue
        assert isinstance(answer, Granted)
        start = "".join(f" from {each.state}" for each in answer.restore)
        said.append(f"run {state}{start}: {answer.reason}")
        token = max(store.tokens)
        store.now += at(1) - at(0)
        store.complete(token)
        machine = {step_digest(store.attempts[store.tokens[token]])}
    return said


@pytest.mark.parametrize(
    ("is_tracked", "expected"),
    [
        pytest.param(
            True,
            [
                "skip 10: unchanged",
                "skip 25: unchanged",
                "run 30 from 25: not_restorable",
                "run 35: not_restorable",
                "run 50: failed_before",
            ],
            id="a machine that says what it holds is put back once",
        ),
        pytest.param(
            False,
            [
                "skip 10: unchanged",
                "skip 25: unchanged",
                "run 30 from 25: not_restorable",
                "run 35 from 25: not_restorable",
                "run 50 from 25: failed_before",
            ],
            id="a machine that does not say is offered the checkpoint each time",
        ),
    ],
)
def test_the_example_of_the_design_as_claims(*, is_tracked: bool, expected: list[str]) -> None:
    recipe = {"upstream:25": "sha256:25"}
    step = upstream_part(make_attempt(30, fingerprint=recipe))
    assert step is not None
    attempts = (
        checkpoint(10),
        checkpoint(25),
        make_attempt(30, fingerprint=recipe),
        make_attempt(35, fingerprint=recipe | {step[0]: step[1]}),
        make_attempt(50, status=FAILED),
    )
    store = Store(now=at(100), attempts={each.id: each for each in attempts})
    assert run_through(store, (10, 25, 30, 35, 50), is_tracked=is_tracked) == expected
    again = run_through(store, (10, 25), is_tracked=is_tracked)
    assert again == ["skip 10: unchanged", "skip 25: unchanged"]


@pytest.mark.parametrize(
    ("attempts", "first"),
    [
        pytest.param((), 10, id="the lowest of what is missing"),
        pytest.param((checkpoint(10),), 25, id="never begun"),
        pytest.param((checkpoint(10), make_attempt(25, status=FAILED)), 25, id="failed"),
    ],
)
def test_what_the_catalogue_requires_has_to_be_done_first(
    attempts: tuple[AttemptFact, ...], first: int
) -> None:
    wish = wish_for(50)
    answer = answer_claim(make_history(*attempts), wish, now=at(200), requires=(10, 25))
    assert isinstance(answer, RequiresFirst)
    assert answer.state == first
    assert answer.reason == "never_completed"


@pytest.mark.parametrize(
    "attempt",
    [
        pytest.param(checkpoint(25), id="completed"),
        pytest.param(make_attempt(25, status=AttemptStatus.WAIVED), id="waived"),
    ],
)
def test_what_the_catalogue_requires_is_done_or_waived(attempt: AttemptFact) -> None:
    answer = answer_claim(make_history(attempt), wish_for(50), now=at(200), requires=(25,))
    assert isinstance(answer, Granted)


@pytest.mark.parametrize(
    "effect",
    [
        pytest.param(make_attempt(60, kind=Kind.EFFECT), id="it left nothing"),
        pytest.param(checkpoint(60, kind=Kind.EFFECT), id="it left a handle"),
    ],
)
def test_an_effect_that_a_probe_found_to_be_gone_runs_again(effect: AttemptFact) -> None:
    recipe = make_recipe(kind=Kind.EFFECT)
    wish = ClaimQuery(state=60, lane="", recipe=recipe, refuted=effect.id)
    answer = answer_claim(make_history(effect), wish, now=at(200))
    assert isinstance(answer, Granted)
    assert answer.reason == "effect_gone"
    newer = checkpoint(60, number=2, minute=90, kind=Kind.EFFECT)
    assert isinstance(answer_claim(make_history(effect, newer), wish, now=at(200)), Skipped)


def test_a_step_of_the_trunk_is_covered_by_the_checkpoint_of_a_lane() -> None:
    attempts = (checkpoint(10), make_attempt(30), checkpoint(60, lane="eu"))
    answer = claim(*attempts, state=30, machine=())
    assert isinstance(answer, Skipped)
    assert answer.reason == "covered_by:60"
    other = claim(*attempts, state=60, lane="us", machine=())
    assert isinstance(other, RunFirst)
    assert other.state == 30


def test_a_step_of_the_trunk_done_again_for_one_lane_changes_no_other() -> None:
    step = make_attempt(30, fingerprint={"command": "aa"})
    part = upstream_part(step)
    assert part is not None
    done = checkpoint(60, lane="eu", fingerprint={part[0]: part[1]})
    again = make_attempt(30, number=2, minute=90, fingerprint={"command": "aa"})
    answer = claim(checkpoint(10), step, done, again, state=60, lane="eu", machine=())
    assert isinstance(answer, Skipped)
