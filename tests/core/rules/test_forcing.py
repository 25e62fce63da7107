import pytest

from buildstate_core.rules.claims import ClaimQuery, Granted, RunFirst, answer_claim
from buildstate_core.rules.facts import AttemptFact, Force, History
from buildstate_core.rules.progress import frontier, progress, resume_point
from buildstate_core.rules.skipping import Rerun, Skip, judge
from buildstate_core.vocabulary import AttemptStatus, Kind

from .factories import at, checkpoint, make_attempt, make_recipe

WAIVED, FAILED = AttemptStatus.WAIVED, AttemptStatus.FAILED


def forced(*attempts: AttemptFact, state: int, lane: str = "", minute: float = 200) -> History:
    return History.of(attempts, [Force(state, lane, at(minute))])


@pytest.mark.parametrize(
    ("state", "is_rerun"),
    [pytest.param(10, False, id="below"), pytest.param(25, True, id="the state itself"),
     pytest.param(40, True, id="above")],
)  # fmt: skip
def test_everything_from_a_forced_state_on_runs_again(state: int, *, is_rerun: bool) -> None:
    history = forced(checkpoint(10), checkpoint(25), checkpoint(40), state=25)
    verdict = judge(history.view(""), state)
    assert verdict == Rerun("forced") if is_rerun else isinstance(verdict, Skip)


@pytest.mark.parametrize(
    ("attempt", "reason"),
    [
        pytest.param(make_attempt(25, status=WAIVED), "forced", id="waived before"),
        pytest.param(make_attempt(25, kind=Kind.EFFECT), "forced", id="an effect"),
        pytest.param(make_attempt(25, status=FAILED), "failed_before", id="it failed anyway"),
        pytest.param(checkpoint(25, origin=7), "forced", id="inherited"),
    ],
)
def test_whatever_was_done_is_forced(attempt: AttemptFact, reason: str) -> None:
    assert judge(forced(attempt, state=25).view(""), 25) == Rerun(reason)


def test_what_was_done_since_counts() -> None:
    history = forced(checkpoint(25), checkpoint(25, number=2, minute=201), state=25)
    assert isinstance(judge(history.view(""), 25), Skip)


def test_forcing_the_trunk_forces_every_lane_and_forcing_a_lane_that_lane_alone() -> None:
    attempts = (checkpoint(40), checkpoint(60, lane="eu"), checkpoint(60, lane="us"))
    trunk = forced(*attempts, state=40)
    assert judge(trunk.view("us"), 60) == Rerun("forced")
    lane = forced(*attempts, state=60, lane="eu")
    assert judge(lane.view("eu"), 60) == Rerun("forced")
    assert isinstance(judge(lane.view("us"), 60), Skip)
    assert isinstance(judge(lane.view("eu"), 40), Skip)


def test_a_rerun_resumes_from_below_what_is_forced_and_the_peak_stays() -> None:
    history = forced(checkpoint(10), checkpoint(25), checkpoint(40), state=25)
    view = history.view("")
    checkpoint_before = resume_point(view)
    assert checkpoint_before is not None
    assert (checkpoint_before.state, frontier(view)) == (10, 10)
    assert progress(history, last_state=100).peak == 40


def test_nothing_above_begins_before_what_is_forced_has_run() -> None:
    history = forced(checkpoint(10), make_attempt(25), state=25)
    wish = ClaimQuery(state=40, lane="", recipe=make_recipe())
    answer = answer_claim(history, wish, now=at(300))
    assert isinstance(answer, RunFirst)
    assert answer.state == 25
    again = answer_claim(history, ClaimQuery(state=25, lane="", recipe=make_recipe()), now=at(300))
    assert isinstance(again, Granted)
    assert (again.reason, again.number) == ("forced", 2)
