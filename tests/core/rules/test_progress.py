import pytest

from buildstate_core.rules.facts import AttemptFact
from buildstate_core.rules.progress import Progress, frontier, progress, resume_point
from buildstate_core.vocabulary import ArtifactStatus, AttemptStatus, BuildStatus, Kind

from .factories import checkpoint, lost_checkpoint, make_attempt, make_history, view_of

FAILED, LOST, CANCELLED = AttemptStatus.FAILED, AttemptStatus.LOST, AttemptStatus.CANCELLED
LIVE, WAIVED = AttemptStatus.IN_PROGRESS, AttemptStatus.WAIVED


def progress_of(
    *attempts: AttemptFact, last_state: int = 100, required: tuple[int, ...] = ()
) -> Progress:
    return progress(make_history(*attempts), last_state=last_state, required=required)


def test_a_build_that_failed_at_50_stands_at_50_and_goes_on_from_25() -> None:
    where = progress_of(
        make_attempt(5, status=LIVE, is_claimed=False),
        checkpoint(25),
        make_attempt(50, status=FAILED),
    )
    assert (where.current_state, where.status) == (50, BuildStatus.FAILED)
    assert (where.frontier, where.peak, where.resume_from) == (25, 25, 25)
    assert where.active == (5,)
    assert where.lanes == ()
    assert where.failure is not None
    assert where.failure.state == 50


def test_before_the_first_report_there_is_nothing() -> None:
    where = progress_of()
    assert (where.status, where.current_state, where.resume_from) == (
        BuildStatus.PENDING,
        None,
        None,
    )
    assert (where.frontier, where.peak, where.active, where.failure) == (0, 0, (), None)


@pytest.mark.parametrize(
    ("attempts", "required", "expected"),
    [
        pytest.param((), (), 0, id="nothing yet"),
        pytest.param((make_attempt(0),), (), 0, id="state 0"),
        pytest.param((make_attempt(10), make_attempt(25)), (), 25, id="the highest completed"),
        pytest.param(
            (make_attempt(10), make_attempt(25, status=FAILED), make_attempt(30)),
            (),
            10,
            id="a failed one below",
        ),
        pytest.param(
            (make_attempt(10), make_attempt(25, status=LOST), make_attempt(30)),
            (),
            10,
            id="a lost one below",
        ),
        pytest.param(
            (make_attempt(10), make_attempt(25, status=CANCELLED), make_attempt(30)),
            (),
            10,
            id="a cancelled one below",
        ),
        pytest.param(
            (make_attempt(10), make_attempt(25, status=LIVE)), (), 10, id="one being tried"
        ),
        pytest.param(
            (make_attempt(10), make_attempt(30)), (25,), 10, id="a required one is missing below"
        ),
        pytest.param(
            (make_attempt(10), make_attempt(25, status=LIVE), make_attempt(30)),
            (25, 60),
            10,
            id="a required one is still being tried",
        ),
        pytest.param((make_attempt(10), make_attempt(30)), (60,), 30, id="one is missing above"),
        pytest.param((make_attempt(10), make_attempt(30)), (10, 30), 30, id="all required done"),
        pytest.param(
            (make_attempt(10), make_attempt(25, status=WAIVED), make_attempt(30)),
            (25,),
            30,
            id="a waived one is not missing",
        ),
        pytest.param(
            (checkpoint(10), lost_checkpoint(25), make_attempt(30)),
            (),
            30,
            id="completed stays completed when its artifact is lost",
        ),
    ],
)
def test_the_frontier_is_the_highest_completed_with_nothing_missing_or_failed_below(
    attempts: tuple[AttemptFact, ...], required: tuple[int, ...], expected: int
) -> None:
    assert frontier(view_of(*attempts), required) == expected


@pytest.mark.parametrize(
    ("attempts", "expected"),
    [
        pytest.param((), None, id="nothing yet"),
        pytest.param((make_attempt(10),), None, id="steps only"),
        pytest.param((checkpoint(10), checkpoint(25)), 25, id="the highest"),
        pytest.param((checkpoint(10), make_attempt(25)), 10, id="a step after it"),
        pytest.param(
            (checkpoint(10), make_attempt(15, status=FAILED), checkpoint(25)), 10, id="failed below"
        ),
        pytest.param(
            (checkpoint(10), make_attempt(15, status=LOST), checkpoint(25)), 10, id="lost below"
        ),
        pytest.param(
            (checkpoint(10), make_attempt(15, status=CANCELLED), checkpoint(25)),
            10,
            id="cancelled below",
        ),
        pytest.param(
            (checkpoint(10), lost_checkpoint(15), checkpoint(25)),
            10,
            id="quarantined below a good one",
        ),
        pytest.param((checkpoint(10), lost_checkpoint(25)), 10, id="the highest is quarantined"),
        pytest.param(
            (checkpoint(10), checkpoint(25, status=ArtifactStatus.REVOKED)), 10, id="revoked"
        ),
        pytest.param(
            (make_attempt(5, status=LIVE, is_claimed=False), checkpoint(25)),
            25,
            id="a report left open below",
        ),
        pytest.param((make_attempt(5, status=WAIVED), checkpoint(25)), 25, id="a waived one below"),
        pytest.param(
            (make_attempt(5, status=FAILED, kind=Kind.EPHEMERAL), checkpoint(25)),
            25,
            id="set-up that leaves nothing failed below",
        ),
    ],
)
def test_work_resumes_from_the_highest_checkpoint_with_nothing_broken_below(
    attempts: tuple[AttemptFact, ...], expected: int | None
) -> None:
    found = resume_point(view_of(*attempts))
    assert (found and found.state) == expected


@pytest.mark.parametrize(
    ("attempts", "expected"),
    [
        pytest.param((make_attempt(10, status=AttemptStatus.PENDING),), "in_progress", id="begun"),
        pytest.param((make_attempt(10),), "in_progress", id="work remains"),
        pytest.param((make_attempt(10, status=FAILED),), "failed", id="failed"),
        pytest.param((make_attempt(10, status=LOST),), "failed", id="lost"),
        pytest.param(
            (make_attempt(10, status=CANCELLED),), "in_progress", id="one try was cancelled"
        ),
        pytest.param(
            (make_attempt(10, status=FAILED), make_attempt(10, number=2, minute=11, status=LIVE)),
            "in_progress",
            id="a retry after a failure",
        ),
        pytest.param(
            (make_attempt(10, status=FAILED), make_attempt(25)),
            "in_progress",
            id="the newest went well",
        ),
        pytest.param((make_attempt(100),), "completed", id="the last state"),
        pytest.param((make_attempt(100, status=WAIVED),), "completed", id="the last is waived"),
        pytest.param(
            (make_attempt(50, status=FAILED), make_attempt(100)),
            "in_progress",
            id="the last state, but one failed below",
        ),
        pytest.param(
            (make_attempt(100), make_attempt(50, minute=101, status=LIVE)),
            "in_progress",
            id="the last state, but something began after it",
        ),
        pytest.param(
            (make_attempt(95, status=LIVE), make_attempt(100)),
            "in_progress",
            id="the last state, but a worker still holds another",
        ),
        pytest.param(
            (make_attempt(5, status=LIVE, is_claimed=False), make_attempt(100)),
            "completed",
            id="the last state, and a report was left open",
        ),
        pytest.param(
            (lost_checkpoint(25), make_attempt(100)),
            "completed",
            id="delivered stays delivered when an artifact is lost",
        ),
    ],
)
def test_the_status_follows_from_the_attempts(
    attempts: tuple[AttemptFact, ...], expected: str
) -> None:
    assert progress_of(*attempts).status == expected


@pytest.mark.parametrize(
    ("attempts", "expected"),
    [
        pytest.param((make_attempt(95),), "in_progress", id="beyond it, but not it"),
        pytest.param(
            (make_attempt(90, status=LIVE, is_claimed=False), make_attempt(95)),
            "in_progress",
            id="beyond it, and it is left open",
        ),
        pytest.param((make_attempt(90), make_attempt(95)), "completed", id="it and beyond it"),
    ],
)
def test_a_build_is_completed_by_the_last_state_of_its_own_catalogue(
    attempts: tuple[AttemptFact, ...], expected: str
) -> None:
    assert progress_of(*attempts, last_state=90).status == expected


def test_a_person_cancels_a_build_whatever_its_attempts() -> None:
    history = make_history(make_attempt(10, status=FAILED))
    where = progress(history, last_state=100, is_cancelled=True)
    assert where.status is BuildStatus.CANCELLED


def test_a_build_is_as_far_as_its_slowest_lane() -> None:
    where = progress_of(
        checkpoint(40),
        checkpoint(60, lane="eu"),
        make_attempt(100, lane="eu"),
        make_attempt(60, lane="us", status=FAILED, minute=61),
    )
    assert (where.frontier, where.peak, where.resume_from) == (40, 100, 40)
    assert (where.status, where.current_state) == (BuildStatus.FAILED, 100)
    assert [(each.lane, each.status, each.frontier, each.resume_from) for each in where.lanes] == [
        ("eu", "completed", 100, 60),
        ("us", "failed", 40, 40),
    ]
    assert where.failure is not None
    assert (where.failure.lane, where.failure.state) == ("us", 60)


def test_without_a_checkpoint_in_some_lane_there_is_no_resume_point() -> None:
    where = progress_of(checkpoint(60, lane="eu"), make_attempt(60, lane="us"))
    assert where.resume_from is None


EU, US = make_attempt(100, lane="eu"), make_attempt(100, lane="us")


@pytest.mark.parametrize(
    ("attempts", "expected"),
    [
        pytest.param((EU, US), "completed", id="every lane reached the end"),
        pytest.param((EU, make_attempt(60, lane="us")), "in_progress", id="one is under way"),
        pytest.param((EU, make_attempt(60, lane="us", status=FAILED)), "failed", id="one failed"),
        pytest.param(
            (make_attempt(70, status=FAILED), make_attempt(60, lane="eu", minute=80)),
            "failed",
            id="the trunk failed beyond the beginning of the lanes",
        ),
        pytest.param(
            (make_attempt(90, status=LIVE), EU, US),
            "in_progress",
            id="the trunk is still worked on",
        ),
        pytest.param((make_attempt(70), EU, US), "completed", id="the trunk has no end of its own"),
    ],
)
def test_a_build_is_completed_when_every_lane_is(
    attempts: tuple[AttemptFact, ...], expected: str
) -> None:
    assert progress_of(*attempts).status == expected


def test_the_failure_shown_is_the_newest_one() -> None:
    where = progress_of(
        make_attempt(70, status=FAILED, minute=1),
        make_attempt(60, lane="eu", status=FAILED, minute=2),
        make_attempt(60, lane="us", status=LOST, minute=3),
    )
    assert where.failure is not None
    assert where.failure.lane == "us"


def test_a_failure_of_the_trunk_beyond_the_lanes_is_shown() -> None:
    where = progress_of(make_attempt(70, status=FAILED), make_attempt(60, lane="eu"))
    assert where.failure is not None
    assert (where.failure.lane, where.failure.state) == ("", 70)


def test_a_retry_takes_the_failure_away() -> None:
    where = progress_of(
        make_attempt(50, status=FAILED), make_attempt(50, number=2, minute=51, status=LIVE)
    )
    assert where.failure is None


def test_peak_keeps_what_a_later_failure_took_from_the_frontier() -> None:
    where = progress_of(checkpoint(25), make_attempt(25, number=2, minute=26, status=FAILED))
    assert (where.frontier, where.peak) == (0, 25)
