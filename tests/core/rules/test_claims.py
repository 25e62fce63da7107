from collections.abc import Collection

import pytest
from support.store import Store

from buildstate_core.rules.claims import (
    Answer,
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
from buildstate_core.rules.fingerprints import upstream_part
from buildstate_core.rules.recipes import Recipe
from buildstate_core.vocabulary import AttemptStatus, Kind

from .factories import (
    at,
    checkpoint,
    lost_checkpoint,
    make_attempt,
    make_history,
    make_recipe,
)

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
    assert claim(effect, state=60) == Skipped("unchanged", effect, is_resume_point=False)


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


@pytest.mark.parametrize(
    ("attempts", "machine", "restored"),
    [
        pytest.param((), None, None, id="nothing before it"),
        pytest.param((make_attempt(10),), None, None, id="no checkpoint before it"),
        pytest.param((checkpoint(10), checkpoint(25)), None, 25, id="the nearest checkpoint"),
        pytest.param((checkpoint(10), make_attempt(30)), None, 10, id="steps: not said what it is"),
        pytest.param(
            (checkpoint(10), make_attempt(30, is_claimed=False)), (), 10, id="a reported step"
        ),
        pytest.param((checkpoint(25),), (), 25, id="an empty machine"),
        pytest.param(
            (checkpoint(25),),
            ("trunk/025/1",),
            25,
            id="a workspace is not trusted",
        ),
        pytest.param(
            (checkpoint(25), make_attempt(30)), ("trunk/030/1",), None, id="it did the step itself"
        ),
        pytest.param(
            (checkpoint(25), make_attempt(30), make_attempt(35)),
            ("trunk/025/1", "trunk/030/1", "trunk/035/1"),
            None,
            id="it did all the steps",
        ),
        pytest.param(
            (checkpoint(25, number=2, minute=40), checkpoint(25)),
            ("trunk/025/1",),
            25,
            id="what it holds has been made anew",
        ),
        pytest.param(
            (checkpoint(10), make_attempt(25, status=FAILED)), (), 10, id="over a failed one"
        ),
        pytest.param((checkpoint(10), make_attempt(20, kind=Kind.GATE)), (), 10, id="over a gate"),
        pytest.param((checkpoint(60),), (), None, id="a checkpoint above is no start"),
        pytest.param(
            (lost_checkpoint(10), checkpoint(25)), (), 25, id="a lost one below a good one"
        ),
    ],
)
def test_a_machine_is_put_back_to_the_nearest_checkpoint_unless_it_holds_more(
    attempts: tuple[AttemptFact, ...], machine: Collection[str] | None, restored: int | None
) -> None:
    answer = claim(*attempts, state=50, machine=machine)
    assert isinstance(answer, Granted)
    assert [each.state for each in answer.restore] == ([] if restored is None else [restored])


@pytest.mark.parametrize(
    ("attempts", "machine", "first"),
    [
        pytest.param((checkpoint(10), lost_checkpoint(25)), None, 25, id="a lost checkpoint"),
        pytest.param(
            (checkpoint(10), lost_checkpoint(25)),
            ("trunk/010/1",),
            25,
            id="a lost checkpoint above what it holds",
        ),
        pytest.param((checkpoint(25), make_attempt(30)), (), 30, id="a step of another machine"),
        pytest.param(
            (checkpoint(25), make_attempt(30), make_attempt(35)), (), 30, id="the first of several"
        ),
        pytest.param((make_attempt(10),), (), 10, id="a step, and no checkpoint at all"),
        pytest.param(
            (checkpoint(25), make_attempt(30), make_attempt(35)),
            ("trunk/025/1",),
            30,
            id="it holds the checkpoint, but not the steps since",
        ),
        pytest.param(
            (checkpoint(25), make_attempt(30), make_attempt(35)),
            ("trunk/025/1", "trunk/030/1"),
            35,
            id="it holds the first step only",
        ),
        pytest.param(
            (
                checkpoint(10),
                make_attempt(30),
                make_attempt(30, number=2, minute=60, status=FAILED),
            ),
            None,
            30,
            id="a step that was done, and failed when it was made again",
        ),
    ],
)
def test_a_machine_that_cannot_be_put_back_is_told_what_to_run_first(
    attempts: tuple[AttemptFact, ...], machine: Collection[str] | None, first: int
) -> None:
    answer = claim(*attempts, state=50, machine=machine)
    assert isinstance(answer, RunFirst)
    assert answer.because is not None
    assert (answer.state, answer.because.state) == (first, first)


def test_what_is_consumed_is_restored_in_place_of_the_checkpoint_before() -> None:
    recipe = make_recipe(consumes=(10,))
    answer = claim(checkpoint(10), checkpoint(25), state=50, recipe=recipe)
    assert isinstance(answer, Granted)
    assert [each.state for each in answer.restore] == [10]


def test_what_is_consumed_must_not_undo_a_step_that_the_machine_did() -> None:
    recipe = make_recipe(consumes=(25,))
    attempts = (checkpoint(25), make_attempt(30))
    answer = claim(*attempts, state=50, recipe=recipe, machine=("trunk/030/1",))
    assert isinstance(answer, Granted)
    assert ([each.state for each in answer.restore], answer.is_in_place) == ([25], True)


@pytest.mark.parametrize(
    "attempts",
    [
        pytest.param((checkpoint(25),), id="never begun"),
        pytest.param((make_attempt(10, status=FAILED), checkpoint(25)), id="failed"),
    ],
)
def test_what_is_consumed_has_to_be_made_first(attempts: tuple[AttemptFact, ...]) -> None:
    answer = claim(*attempts, state=50, recipe=make_recipe(consumes=(10,)))
    assert isinstance(answer, RunFirst)
    assert answer.state == 10


def test_a_lane_restores_the_trunk_where_it_begins() -> None:
    answer = claim(checkpoint(40), checkpoint(70), state=60, lane="eu", machine=())
    assert isinstance(answer, Granted)
    assert [each.state for each in answer.restore] == [40]
    assert answer.fingerprint == {"upstream:40": "sha256:40"}


def test_what_expired_below_counts_as_lost_before_anybody_noticed() -> None:
    attempts = (
        checkpoint(10),
        make_attempt(15, minute=26, status=LIVE, lease_until_minute=150),
        checkpoint(25),
    )
    answer = claim(*attempts, state=10)
    assert isinstance(answer, Skipped)
    assert answer.is_resume_point


def test_a_step_below_a_milestone_that_must_run_again_can_be_claimed_as_rewound() -> None:
    changed = make_recipe(parts={"command": "bb"})
    attempts = (
        checkpoint(10),
        make_attempt(30),
        checkpoint(40, fingerprint={"command": "aa"}),
    )
    refused = claim(*attempts, state=40, recipe=changed, machine=())
    assert isinstance(refused, RunFirst)
    assert refused.state == 30
    assert isinstance(claim(*attempts, state=30, machine=()), Skipped)
    wish = ClaimQuery(state=30, lane="", recipe=make_recipe(), machine=(), is_rewound=True)
    granted = answer_claim(make_history(*attempts), wish, now=at(100))
    assert isinstance(granted, Granted)
    assert (granted.reason, [each.state for each in granted.restore]) == ("rewound", [10])


def test_a_rewind_never_runs_what_left_an_artifact() -> None:
    wish = ClaimQuery(state=10, lane="", recipe=make_recipe(), machine=(), is_rewound=True)
    answer = answer_claim(make_history(checkpoint(10)), wish, now=at(100))
    assert isinstance(answer, Skipped)


def test_a_closed_build_runs_no_step_again_since_there_is_no_machine_to_work_on() -> None:
    answer = claim(checkpoint(90), make_attempt(95), state=95, is_closed=True)
    assert isinstance(answer, Skipped)
    assert answer.reason == "unchanged"


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
        machine = {each.id for each in answer.restore} or machine
        token = max(store.tokens)
        store.now += at(1) - at(0)
        store.complete(token)
        machine.add(store.tokens[token])
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
        pytest.param((checkpoint(10), make_attempt(25, status=LIVE)), 25, id="under way"),
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
    wish = ClaimQuery(state=60, lane="", recipe=make_recipe(), refuted=effect.id)
    answer = answer_claim(make_history(effect), wish, now=at(200))
    assert isinstance(answer, Granted)
    assert answer.reason == "effect_gone"
    newer = checkpoint(60, number=2, minute=90)
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


def test_a_step_that_a_rewind_needs_says_so_also_where_nothing_covers_it_any_more() -> None:
    wish = ClaimQuery(state=30, lane="", recipe=make_recipe(), machine=(), is_rewound=True)
    answer = answer_claim(make_history(checkpoint(10), make_attempt(30)), wish, now=at(100))
    assert isinstance(answer, Granted)
    assert answer.reason == "rewound"


def test_set_up_needs_no_machine_and_undoes_nothing_on_it() -> None:
    attempts = (checkpoint(10), make_attempt(20), checkpoint(40))
    recipe = make_recipe(kind=Kind.EPHEMERAL)
    answer = claim(*attempts, state=25, recipe=recipe, machine=())
    assert isinstance(answer, Granted)
    assert (answer.restore, answer.is_in_place) == ((), True)
