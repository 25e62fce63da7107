import pytest

from buildstate_core.rules.facts import AttemptFact
from buildstate_core.rules.plan import Planned, plan
from buildstate_core.vocabulary import AttemptStatus, Kind

from .factories import at, checkpoint, lost_checkpoint, make_attempt, make_history

FAILED, LIVE = AttemptStatus.FAILED, AttemptStatus.IN_PROGRESS

DESIGN_EXAMPLE = (
    checkpoint(10),
    checkpoint(25),
    make_attempt(30),
    make_attempt(35),
    make_attempt(50, status=FAILED),
)


def planned(
    *attempts: AttemptFact, states: tuple[int, ...] = (), is_closed: bool = False
) -> tuple[Planned, ...]:
    return plan(make_history(*attempts), states=states, now=at(200), is_closed=is_closed)


def lines(rows: tuple[Planned, ...]) -> list[str]:
    return [
        " ".join(filter(None, (each.lane, f"{each.state}", each.decision, each.reason)))
        for each in rows
    ]


@pytest.mark.parametrize(
    ("attempts", "states", "expected"),
    [
        pytest.param((), (), [], id="nothing at all"),
        pytest.param(
            (),
            (0, 5),
            ["0 run never_completed", "5 run never_completed"],
            id="a new build runs its catalogue",
        ),
        pytest.param(
            DESIGN_EXAMPLE,
            (),
            [
                "10 skip unchanged",
                "25 restore unchanged",
                "30 run not_restorable",
                "35 run not_restorable",
                "50 run failed_before",
            ],
            id="the example of the design",
        ),
        pytest.param(
            (checkpoint(10), checkpoint(40)),
            (5, 10, 25, 40, 50),
            ["10 skip unchanged", "40 restore unchanged", "50 run never_completed"],
            id="states of the catalogue that the pipeline passed by are not its own",
        ),
        pytest.param(
            (checkpoint(10), checkpoint(25)),
            (),
            ["10 skip unchanged", "25 skip unchanged"],
            id="nothing to do",
        ),
        pytest.param(
            (checkpoint(10), lost_checkpoint(25), checkpoint(40)),
            (),
            ["10 restore unchanged", "25 run artifact_gone", "40 run upstream_changed:25"],
            id="what follows a milestone that runs again may change",
        ),
        pytest.param(
            (
                checkpoint(10),
                make_attempt(25, status=FAILED),
                make_attempt(30, status=AttemptStatus.WAIVED),
                checkpoint(40),
            ),
            (),
            [
                "10 restore unchanged",
                "25 run failed_before",
                "30 skip waived",
                "40 run upstream_changed:25",
            ],
            id="what is waived stays so",
        ),
        pytest.param(
            (checkpoint(10), make_attempt(25, status=LIVE)),
            (25, 30),
            ["10 skip unchanged", "25 wait held", "30 wait held_below:25"],
            id="another worker has one",
        ),
        pytest.param(
            (checkpoint(10), make_attempt(25, status=LIVE, lease_until_minute=150)),
            (),
            ["10 restore unchanged", "25 run lost_worker"],
            id="the worker that had one stopped answering",
        ),
        pytest.param(
            (
                checkpoint(10),
                make_attempt(15, minute=26, status=LIVE, lease_until_minute=150),
                checkpoint(25),
                make_attempt(50, status=FAILED),
            ),
            (),
            [
                "10 restore unchanged",
                "15 run lost_worker",
                "25 run upstream_changed:15",
                "50 run failed_before",
            ],
            id="a lost one below a checkpoint, before anybody noticed",
        ),
        pytest.param(
            (make_attempt(10, status=LIVE, is_claimed=False),),
            (),
            ["10 run never_completed"],
            id="a report that was left open is nobody's",
        ),
        pytest.param(
            (
                make_attempt(5, status=LIVE, is_claimed=False),
                checkpoint(25, is_claimed=False),
                make_attempt(50, status=FAILED, is_claimed=False),
            ),
            (),
            ["5 skip covered_by:25", "25 restore unchanged", "50 run failed_before"],
            id="plain reports, one left open: a rerun resumes from the checkpoint after it",
        ),
        pytest.param(
            (make_attempt(5, kind=Kind.EPHEMERAL), checkpoint(10), checkpoint(25)),
            (50,),
            [
                "5 run not_restorable",
                "10 skip unchanged",
                "25 restore unchanged",
                "50 run never_completed",
            ],
            id="set-up runs when something after it runs, and changes nothing",
        ),
        pytest.param(
            (make_attempt(5, kind=Kind.EPHEMERAL), checkpoint(10)),
            (),
            ["5 skip unchanged", "10 skip unchanged"],
            id="set-up does not run for itself",
        ),
        pytest.param(
            (make_attempt(5, kind=Kind.EPHEMERAL), make_attempt(10, status=LIVE)),
            (),
            ["5 run not_restorable", "10 wait held"],
            id="set-up may be needed when the wait is over",
        ),
        pytest.param(
            (
                make_attempt(5, kind=Kind.EPHEMERAL, status=FAILED),
                checkpoint(10),
                make_attempt(20, kind=Kind.EPHEMERAL),
            ),
            (),
            ["5 run failed_before", "10 skip unchanged", "20 skip unchanged"],
            id="set-up that failed is not hidden",
        ),
    ],
)
def test_a_plan_says_what_a_rerun_would_do_and_why(
    attempts: tuple[AttemptFact, ...], states: tuple[int, ...], expected: list[str]
) -> None:
    assert lines(planned(*attempts, states=states)) == expected


def test_the_trunk_is_planned_once_for_all_lanes() -> None:
    rows = planned(
        checkpoint(40),
        checkpoint(60, lane="eu"),
        make_attempt(60, lane="us", status=FAILED),
        states=(40, 60, 100),
    )
    assert lines(rows) == [
        "40 restore unchanged",
        "eu 60 restore unchanged",
        "eu 100 run never_completed",
        "us 60 run failed_before",
        "us 100 run never_completed",
    ]


def test_a_lane_that_came_further_shows_what_lies_ahead_of_the_others() -> None:
    rows = planned(
        checkpoint(40),
        checkpoint(60, lane="eu"),
        checkpoint(75, lane="eu"),
        make_attempt(60, lane="us", status=FAILED),
        states=(40, 60, 65, 70, 75, 80),
    )
    assert lines(rows) == [
        "40 restore unchanged",
        "eu 60 skip unchanged",
        "eu 75 restore unchanged",
        "eu 80 run never_completed",
        "us 60 run failed_before",
        "us 75 run never_completed",
        "us 80 run never_completed",
    ]


def test_a_required_state_is_planned_wherever_it_is_missing() -> None:
    rows = plan(
        make_history(checkpoint(10), checkpoint(40)), states=(), required=(37,), now=at(200)
    )
    assert lines(rows) == [
        "10 restore unchanged",
        "37 run never_completed",
        "40 run upstream_changed:37",
    ]
    lanes = plan(
        make_history(checkpoint(10), checkpoint(60, lane="eu"), checkpoint(60, lane="us")),
        states=(),
        required=(5, 70),
        now=at(200),
    )
    assert [f"{each.lane} {each.state} {each.decision}" for each in lanes] == [
        " 5 run",
        " 10 run",
        "eu 60 run",
        "eu 70 run",
        "us 60 run",
        "us 70 run",
    ]


def test_a_plan_knows_that_what_stands_on_an_inserted_checkpoint_runs_again() -> None:
    rows = planned(
        checkpoint(10),
        checkpoint(37, minute=90),
        checkpoint(40, fingerprint={"upstream:10": "sha256:10"}),
    )
    assert lines(rows) == [
        "10 skip unchanged",
        "37 restore unchanged",
        "40 run upstream_changed:37",
    ]


def test_a_closed_build_refuses_what_it_would_have_to_run() -> None:
    rows = planned(*DESIGN_EXAMPLE, is_closed=True)
    assert lines(rows) == [
        "10 skip unchanged",
        "25 skip unchanged",
        "30 skip unchanged",
        "35 skip unchanged",
        "50 refuse build_closed",
    ]


def test_a_planned_milestone_names_the_attempt_that_it_rests_on() -> None:
    done = checkpoint(10)
    assert [each.attempt for each in planned(done, states=(25,))] == [done, None]
