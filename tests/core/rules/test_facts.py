import pytest

from buildstate_core.rules.facts import AttemptFact
from buildstate_core.vocabulary import ArtifactKind, ArtifactStatus, AttemptStatus, Kind

from .factories import (
    checkpoint,
    lost_checkpoint,
    make_artifact,
    make_attempt,
    make_history,
)

VALUE = make_artifact("value", kind=ArtifactKind.VALUE)
HANDLE = make_artifact("ami", kind=ArtifactKind.HANDLE)


@pytest.mark.parametrize(
    ("attempt", "expected"),
    [
        pytest.param(checkpoint(25), True, id="a file"),
        pytest.param(make_attempt(artifacts=(HANDLE,)), True, id="a handle"),
        pytest.param(make_attempt(artifacts=(VALUE,)), False, id="a value carries no image"),
        pytest.param(make_attempt(artifacts=(VALUE, HANDLE)), True, id="a value and a handle"),
        pytest.param(make_attempt(), False, id="nothing left"),
        pytest.param(lost_checkpoint(25), False, id="a lost file"),
        pytest.param(
            make_attempt(status=AttemptStatus.FAILED, artifacts=(HANDLE,)), False, id="failed"
        ),
    ],
)
def test_work_can_continue_from_a_completed_milestone_with_an_available_image(
    attempt: AttemptFact, *, expected: bool
) -> None:
    assert attempt.is_checkpoint is expected


@pytest.mark.parametrize(
    ("attempt", "expected"),
    [
        pytest.param(make_attempt(status=AttemptStatus.PENDING), False, id="pending"),
        pytest.param(make_attempt(status=AttemptStatus.IN_PROGRESS), False, id="in progress"),
        pytest.param(make_attempt(status=AttemptStatus.COMPLETED), False, id="completed"),
        pytest.param(make_attempt(status=AttemptStatus.WAIVED), False, id="waived"),
        pytest.param(make_attempt(status=AttemptStatus.FAILED), True, id="failed"),
        pytest.param(make_attempt(status=AttemptStatus.LOST), True, id="lost"),
        pytest.param(make_attempt(status=AttemptStatus.CANCELLED), True, id="cancelled"),
        pytest.param(lost_checkpoint(25), True, id="completed, but its image is lost"),
        pytest.param(
            make_attempt(status=AttemptStatus.FAILED, kind=Kind.EPHEMERAL),
            False,
            id="set-up that leaves nothing",
        ),
    ],
)
def test_an_attempt_that_ended_without_a_result_stands_in_the_way(
    attempt: AttemptFact, *, expected: bool
) -> None:
    assert attempt.is_broken is expected


@pytest.mark.parametrize(
    ("attempt", "expected"),
    [
        pytest.param(make_attempt(), True, id="kind not said"),
        pytest.param(make_attempt(kind=Kind.STEP), True, id="step"),
        pytest.param(make_attempt(kind=Kind.CHECKPOINT), True, id="a checkpoint that left nothing"),
        pytest.param(make_attempt(kind=Kind.EFFECT), False, id="effect"),
        pytest.param(make_attempt(kind=Kind.GATE), False, id="gate"),
        pytest.param(make_attempt(kind=Kind.EPHEMERAL), False, id="ephemeral"),
        pytest.param(checkpoint(25), False, id="left an image"),
        pytest.param(make_attempt(status=AttemptStatus.FAILED), False, id="failed"),
    ],
)
def test_a_completed_milestone_without_an_artifact_changed_a_machine_only(
    attempt: AttemptFact, *, expected: bool
) -> None:
    assert attempt.changed_a_machine_only is expected


def test_a_view_has_the_newest_attempt_of_each_state_in_ascending_order() -> None:
    history = make_history(
        make_attempt(50, minute=3),
        make_attempt(25, number=2, minute=2),
        make_attempt(25, number=1, minute=1),
    )
    assert [(each.state, each.number) for each in history.view("").values()] == [(25, 2), (50, 1)]


def test_the_newest_attempt_is_the_one_that_happened_last_whatever_its_number() -> None:
    history = make_history(make_attempt(number=2, minute=1), make_attempt(number=1, minute=2))
    assert history.view("")[25].number == 1


@pytest.mark.parametrize(
    ("lane", "begin", "seen"),
    [
        pytest.param("", None, {10: "", 40: "", 70: ""}, id="the trunk sees no lane"),
        pytest.param("eu", None, {10: "", 40: "", 60: "eu", 80: "eu"}, id="up to its first state"),
        pytest.param("eu", 90, {10: "", 40: "", 60: "eu", 80: "eu"}, id="it began before"),
        pytest.param("eu", 30, {10: "", 60: "eu", 80: "eu"}, id="it is about to begin earlier"),
        pytest.param("us", 60, {10: "", 40: ""}, id="it is about to begin"),
        pytest.param("us", 40, {10: ""}, id="a state of the trunk is not the lane's own"),
        pytest.param("us", None, {10: "", 40: "", 70: ""}, id="a lane without a beginning"),
    ],
)
def test_a_lane_sees_the_trunk_up_to_where_it_begins(
    lane: str, begin: int | None, seen: dict[int, str]
) -> None:
    history = make_history(
        make_attempt(80, lane="eu"),
        make_attempt(60, lane="eu"),
        make_attempt(70),
        make_attempt(40),
        make_attempt(10),
    )
    assert {state: each.lane for state, each in history.view(lane, begin=begin).items()} == seen


def test_the_lanes_are_those_that_branched_off() -> None:
    assert make_history(make_attempt(10)).lanes == ()
    assert make_history(
        make_attempt(10), make_attempt(60, lane="us"), make_attempt(60, lane="eu")
    ).lanes == ("eu", "us")


def test_the_first_artifact_out_of_use_is_the_one_to_blame() -> None:
    gone = make_artifact("disk", status=ArtifactStatus.DELETED)
    assert make_attempt(artifacts=(VALUE, gone)).unusable_artifact == gone
    assert make_attempt(artifacts=(VALUE,)).unusable_artifact is None
