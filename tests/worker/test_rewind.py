"""How far, and how often, earlier work is done again."""

import pytest

from buildstate_core.errors import ArtifactLost, Conflict, Refused
from buildstate_worker.rewind import AGAIN, Rewind, names_what_to_run_first

LOST = ArtifactLost("gone", reason="artifact_gone", state=25)
FIRST = Refused("30 first", state=30, code="run-first")


@pytest.mark.parametrize(
    ("error", "helps"),
    [
        pytest.param(LOST, True, id="a lost artifact"),
        pytest.param(FIRST, True, id="a state that has to run first"),
        pytest.param(ArtifactLost("gone", reason="artifact_gone"), False, id="lost, of no state"),
        pytest.param(Refused("no", code="run-first"), False, id="nothing named"),
        pytest.param(Refused("no", state=30, code="too-early"), False, id="another refusal"),
        pytest.param(Conflict("closed"), False, id="a conflict"),
    ],
)
def test_only_what_names_a_state_can_be_helped(error: Conflict, helps: bool) -> None:  # noqa: FBT001
    assert names_what_to_run_first(error) is helps


def test_from_a_missing_step_on_no_checkpoint_stands_in() -> None:
    rewind = Rewind().because_of(FIRST)
    assert [rewind.covers(state) for state in (25, 30, 35)] == [False, True, True]


def test_a_lost_artifact_alone_leaves_checkpoints_standing() -> None:
    assert not Rewind().because_of(LOST).covers(30)


def test_a_rewind_within_another_begins_at_the_earlier_of_both() -> None:
    within = Rewind().because_of(FIRST).because_of(Refused("", state=15, code="run-first"))
    assert within.covers(15)
    assert Rewind().because_of(FIRST).because_of(LOST).covers(30)


def test_what_does_not_help_is_given_up() -> None:
    """Also when it is counted by rewinds within rewinds."""
    outer = Rewind().because_of(FIRST)
    for _ in range(AGAIN):
        outer.count(("", 25), LOST)
    outer.count(("eu", 25), LOST)
    with pytest.raises(ArtifactLost):
        outer.because_of(LOST).count(("", 25), LOST)
