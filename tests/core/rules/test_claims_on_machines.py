"""What a claim says of the machine: what is restored, and which steps are run again on it."""

from collections.abc import Collection

import pytest

from buildstate_core.rules.claims import ClaimQuery, Granted, RunFirst, Skipped, answer_claim
from buildstate_core.rules.facts import AttemptFact
from buildstate_core.vocabulary import Kind

from .claiming import FAILED, LIVE, claim
from .factories import at, checkpoint, lost_checkpoint, make_attempt, make_history, make_recipe


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
            ("sha256:25",),
            25,
            id="a workspace is not trusted",
        ),
        pytest.param(
            (checkpoint(25), make_attempt(30)),
            ("attempt:trunk/030/1",),
            None,
            id="it did the step itself",
        ),
        pytest.param(
            (checkpoint(25), make_attempt(30), make_attempt(35)),
            ("attempt:trunk/030/1", "attempt:trunk/035/1"),
            None,
            id="it did all the steps",
        ),
        pytest.param(
            (checkpoint(25, number=2, minute=40), checkpoint(25)),
            ("sha256:25",),
            25,
            id="what it holds has been made anew",
        ),
        pytest.param(
            (checkpoint(10), make_attempt(25, status=FAILED, is_claimed=False)),
            (),
            10,
            id="over a failure that was only reported",
        ),
        pytest.param((checkpoint(10), make_attempt(20, kind=Kind.GATE)), (), 10, id="over a gate"),
        pytest.param(
            (checkpoint(10), make_attempt(20, kind=Kind.GATE, status=FAILED)),
            (),
            10,
            id="over a gate that failed",
        ),
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
            ("sha256:10",),
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
            ("sha256:25",),
            30,
            id="it holds the checkpoint, but not the steps since",
        ),
        pytest.param(
            (checkpoint(25), make_attempt(30), make_attempt(35)),
            ("attempt:trunk/030/1",),
            35,
            id="it holds the first step only",
        ),
        pytest.param(
            (
                checkpoint(10),
                make_attempt(30),
                make_attempt(30, number=2, minute=60, status=FAILED),
            ),
            (),
            30,
            id="a step that was done, and failed when it was made again",
        ),
        pytest.param((checkpoint(10), make_attempt(25, status=FAILED)), (), 25, id="a failed one"),
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
    answer = claim(*attempts, state=50, recipe=recipe, machine=("attempt:trunk/030/1",))
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
