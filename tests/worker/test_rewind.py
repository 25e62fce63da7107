"""How far, and how often, earlier work is done again."""

from collections.abc import Sequence

import pytest

from buildstate_core.errors import ArtifactLost, Conflict, Refused
from buildstate_worker.rewind import (
    AGAIN,
    TURNS,
    Rewind,
    Turn,
    names_what_to_run_first,
    with_rewinds,
)

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


class Pass:
    """A pass whose attempts end with these errors, one after the other, and then well."""

    def __init__(self, *errors: Conflict, called: Sequence[int] = ()) -> None:
        self.errors = list(errors)
        self.called = called
        self.tries: list[Turn] = []
        self.made_again: list[int] = []

    def run(self) -> str:
        return with_rewinds(self.attempt, below=self.below, make_again=self.make_again)

    def attempt(self, turn: Turn) -> str:
        self.tries.append(turn)
        if self.errors:
            raise self.errors.pop(0)
        return "done"

    def below(self, error: ArtifactLost | Refused) -> Sequence[int]:
        return self.called if error.state in self.called else ()

    def make_again(self, calls: Sequence[int], _error: ArtifactLost | Refused) -> None:
        self.made_again += calls


class TestWithRewinds:
    def test_what_lacks_nothing_is_tried_once(self) -> None:
        made = Pass(called=[25])
        assert (made.run(), made.tries, made.made_again) == ("done", [Turn(0)], [])

    @pytest.mark.parametrize(("error", "called"), [(LOST, [25, 30]), (FIRST, [30, 35])])
    def test_what_is_below_is_made_again_before_the_next_try(
        self, error: Conflict, called: list[int]
    ) -> None:
        made = Pass(error, called=called)
        assert (made.run(), made.tries, made.made_again) == ("done", [Turn(0), Turn(1)], called)

    @pytest.mark.parametrize(
        "error",
        [
            pytest.param(FIRST, id="its call is not known here"),
            pytest.param(Refused("no", state=25, code="too-early"), id="another refusal"),
            pytest.param(Conflict("closed"), id="a conflict"),
        ],
    )
    def test_what_cannot_be_helped_is_raised_at_once(self, error: Conflict) -> None:
        made = Pass(error, called=[25])
        with pytest.raises(type(error)) as raised:
            made.run()
        assert raised.value is error
        assert (made.tries, made.made_again) == ([Turn(0)], [])

    def test_it_ends_when_that_does_not_help(self) -> None:
        made = Pass(*[LOST] * (TURNS + 1), called=[25])
        with pytest.raises(ArtifactLost):
            made.run()
        assert (len(made.tries), made.made_again) == (TURNS, [25] * (TURNS - 1))

    def test_an_attempt_can_ask_whether_there_will_be_another_one(self) -> None:
        made = Pass(called=[25])
        assert Turn(0).remedy(LOST, made.below) == [25]
        assert Turn(0).remedy(FIRST, made.below) == ()
        assert Turn(TURNS - 1).remedy(LOST, made.below) == ()
