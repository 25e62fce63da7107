"""Claims above work in progress: the table of docs/explanation/several-machines.md, row by row.

T is state 30, at which another worker is at work; S is what is asked for, state 50 where nothing
else is said. Checkpoint 10 is below both.
"""

from collections.abc import Collection
from dataclasses import replace
from typing import Final

import pytest

from buildstate_core.rules.claims import (
    Answer,
    ClaimQuery,
    Closed,
    Granted,
    HeldByOther,
    Inside,
    RequiresFirst,
    RunFirst,
    Skipped,
    answer_claim,
)
from buildstate_core.rules.facts import AttemptFact
from buildstate_core.rules.fingerprints import step_digest
from buildstate_core.rules.recipes import Recipe
from buildstate_core.vocabulary import AttemptStatus, Kind

from .claiming import FAILED, LIVE
from .factories import at, checkpoint, make_attempt, make_history, make_recipe

BASE: Final = checkpoint(10)
MADE_OF: Final = {"command": "aa", "upstream:10": "sha256:10"}
DONE: Final = make_attempt(30, fingerprint=MADE_OF)
AGAIN: Final = make_attempt(30, number=2, minute=90, status=LIVE, fingerprint=MADE_OF)
"""T repeating: the same step, since another machine needs it."""
ANEW: Final = replace(AGAIN, fingerprint=MADE_OF | {"command": "bb"})
"""T superseding: another recipe."""
FIRST: Final = make_attempt(30, minute=90, status=LIVE, fingerprint=MADE_OF)
OF_STEP: Final = {"upstream:10": "sha256:10", "upstream:30": step_digest(DONE)}
HOLDS: Final = (step_digest(DONE),)
SEEN: Final = make_recipe(parts={"command": "cc"})

SUPERSEDING: Final = [
    pytest.param((DONE, ANEW), id="its recipe changed"),
    pytest.param((FIRST,), id="the first attempt"),
    pytest.param((replace(DONE, is_forced=True), AGAIN), id="forced"),
    pytest.param((checkpoint(30, fingerprint=MADE_OF), AGAIN), id="an artifact is made again"),
    pytest.param((replace(DONE, status=FAILED), AGAIN), id="it failed before"),
    pytest.param(
        (replace(DONE, fingerprint={}), replace(AGAIN, fingerprint={})),
        id="nobody knows what went into it",
    ),
]


def ask(
    *attempts: AttemptFact,
    state: int = 50,
    lane: str = "",
    recipe: Recipe = SEEN,
    machine: Collection[str] | None = (),
    inside: Collection[str] = (),
    requires: Collection[int] = (),
    minute: float = 100,
    is_closed: bool = False,
) -> Answer:
    query = ClaimQuery(state=state, lane=lane, recipe=recipe, machine=machine, inside=inside)
    history = make_history(BASE, *attempts)
    return answer_claim(history, query, now=at(minute), requires=requires, is_closed=is_closed)


def held_by(answer: Answer) -> AttemptFact:
    assert isinstance(answer, HeldByOther), answer
    return answer.attempt


def lost(attempt: AttemptFact) -> AttemptFact:
    return replace(attempt, lease_until=at(95))


class TestRow1RepeatingAndDoneAbove:
    def test_what_is_done_and_unchanged_is_skipped(self) -> None:
        above = checkpoint(50, fingerprint=OF_STEP | {"command": "cc"})
        answer = ask(DONE, above, AGAIN)
        assert isinstance(answer, Skipped)
        assert (answer.reason, answer.attempt) == ("unchanged", above)

    def test_so_is_a_step_below_that_a_checkpoint_above_covers(self) -> None:
        below = make_attempt(20, fingerprint={"command": "cc", "upstream:10": "sha256:10"})
        done = replace(DONE, fingerprint=MADE_OF | {"upstream:20": step_digest(below)})
        again = replace(AGAIN, fingerprint=done.fingerprint)
        includes = {"upstream:20": step_digest(below), "upstream:30": step_digest(done)}
        above = checkpoint(50, fingerprint={"upstream:10": "sha256:10"} | includes)
        answer = ask(below, done, above, again, state=20)
        assert isinstance(answer, Skipped)
        assert answer.reason == "covered_by:50"

    def test_not_if_its_repetition_failed_and_has_to_run(self) -> None:
        below = make_attempt(20, fingerprint={"command": "cc", "upstream:10": "sha256:10"})
        done = replace(DONE, fingerprint=MADE_OF | {"upstream:20": step_digest(below)})
        again = replace(AGAIN, fingerprint=done.fingerprint, status=FAILED, ended_at=at(95))
        includes = {"upstream:20": step_digest(below), "upstream:30": step_digest(done)}
        above = checkpoint(50, fingerprint={"upstream:10": "sha256:10"} | includes)
        answer = ask(below, done, above, again, state=20)
        assert isinstance(answer, Granted)
        assert answer.reason == "not_restorable"


class TestRow2RepeatingBelowACheckpointThatIncludesIt:
    INCLUDES: Final = checkpoint(40, fingerprint=OF_STEP)

    @pytest.mark.parametrize("kind", [None, Kind.EFFECT, Kind.GATE])
    @pytest.mark.parametrize("machine", [(), HOLDS, None], ids=["empty", "holds it", "unknown"])
    def test_it_runs_from_the_checkpoint_on_any_machine(
        self, kind: Kind | None, machine: Collection[str] | None
    ) -> None:
        answer = ask(DONE, self.INCLUDES, AGAIN, recipe=make_recipe(kind=kind), machine=machine)
        assert isinstance(answer, Granted)
        assert (answer.restore, answer.is_in_place) == ((self.INCLUDES,), False)
        assert answer.fingerprint == {"upstream:40": "sha256:40"}

    def test_not_if_the_checkpoint_was_made_of_another_step(self) -> None:
        other = checkpoint(40, fingerprint=OF_STEP | {"upstream:30": "step:other"})
        answer = ask(DONE, other, AGAIN)
        assert isinstance(answer, RunFirst)
        assert (answer.state, answer.why) == (40, "upstream_changed:30")


class TestRow3RepeatingAndHeldByTheMachine:
    def test_it_runs_in_place(self) -> None:
        answer = ask(DONE, AGAIN, machine=HOLDS)
        assert isinstance(answer, Granted)
        assert (answer.restore, answer.is_in_place) == ((), True)
        assert answer.fingerprint == OF_STEP | {"command": "cc"}

    def test_so_it_does_if_it_holds_what_another_machine_did_in_the_same_way(self) -> None:
        elsewhere = replace(DONE, id="elsewhere", number=3, as_of=at(40))
        assert isinstance(ask(elsewhere, AGAIN, machine=HOLDS), Granted)


class TestRow4RepeatingAndNotHeldByTheMachine:
    @pytest.mark.parametrize(
        "machine", [(), ("step:other",), None], ids=["empty", "another", "unknown"]
    )
    def test_it_is_held_naming_the_state_below(self, machine: Collection[str] | None) -> None:
        assert held_by(ask(DONE, AGAIN, machine=machine)) == AGAIN

    def test_afterwards_the_answer_is_the_usual_one(self) -> None:
        ended = replace(AGAIN, status=AttemptStatus.COMPLETED, ended_at=at(99))
        answer = ask(DONE, ended)
        assert isinstance(answer, RunFirst)
        assert (answer.state, answer.why) == (30, "not_on_this_machine")
        assert isinstance(ask(DONE, ended, machine=HOLDS), Granted)


@pytest.mark.parametrize("below", SUPERSEDING)
class TestRow5Superseding:
    def test_everybody_is_held(self, below: tuple[AttemptFact, ...]) -> None:
        assert held_by(ask(*below)) == below[-1]

    def test_so_is_who_did_it_before(self, below: tuple[AttemptFact, ...]) -> None:
        assert held_by(ask(*below, machine=HOLDS)) == below[-1]

    def test_so_is_what_would_be_skipped(self, below: tuple[AttemptFact, ...]) -> None:
        above = checkpoint(50, fingerprint=OF_STEP | {"command": "cc"})
        assert held_by(ask(*below, above)) == below[-1]


class TestRow6EffectsAndGates:
    KINDS: Final = pytest.mark.parametrize("kind", [Kind.EFFECT, Kind.GATE])

    @KINDS
    @pytest.mark.parametrize("below", SUPERSEDING)
    def test_they_are_held_as_anything_is(self, kind: Kind, below: tuple[AttemptFact, ...]) -> None:
        assert held_by(ask(*below, recipe=make_recipe(kind=kind))) == below[-1]

    @KINDS
    @pytest.mark.parametrize("below", [Kind.EFFECT, Kind.GATE])
    def test_they_are_held_above_a_live_gate_or_effect_as_well(
        self, kind: Kind, below: Kind
    ) -> None:
        live = replace(FIRST, kind=below)
        assert held_by(ask(live, recipe=make_recipe(kind=kind))) == live

    @KINDS
    @pytest.mark.parametrize("below", [Kind.EFFECT, Kind.GATE])
    def test_they_do_not_run_above_one_that_failed(self, kind: Kind, below: Kind) -> None:
        failed = replace(FIRST, kind=below, status=FAILED, ended_at=at(95))
        answer = ask(failed, recipe=make_recipe(kind=kind))
        assert isinstance(answer, RunFirst)
        assert (answer.state, answer.why) == (30, "failed_before")

    @KINDS
    @pytest.mark.parametrize("below", [Kind.EFFECT, Kind.GATE])
    def test_they_do_not_run_above_one_that_was_about_another_image(
        self, kind: Kind, below: Kind
    ) -> None:
        void = make_attempt(30, kind=below, fingerprint={"upstream:10": "sha256:old"})
        answer = ask(void, recipe=make_recipe(kind=kind))
        assert isinstance(answer, RunFirst)
        assert (answer.state, answer.why) == (30, "upstream_changed:10")
        assert isinstance(ask(void), Granted)  # a step does not build on it

    @KINDS
    def test_they_pass_over_live_set_up(self, kind: Kind) -> None:
        live = replace(FIRST, kind=Kind.EPHEMERAL)
        assert isinstance(ask(live, recipe=make_recipe(kind=kind)), Granted)


class TestRow7WhatMovesNoMachine:
    @pytest.mark.parametrize("below", [Kind.EFFECT, Kind.GATE, Kind.EPHEMERAL])
    def test_what_changes_the_machine_passes_over_it(self, below: Kind) -> None:
        answer = ask(replace(FIRST, kind=below))
        assert isinstance(answer, Granted)
        assert answer.restore == (BASE,)


class TestRow8TheTrunkBelowALane:
    def test_a_lane_that_begins_above_is_held(self) -> None:
        assert held_by(ask(DONE, ANEW, state=60, lane="eu")) == ANEW
        assert held_by(ask(DONE, AGAIN, state=60, lane="eu")) == AGAIN

    def test_it_goes_on_from_what_its_machine_holds(self) -> None:
        assert isinstance(ask(DONE, AGAIN, state=60, lane="eu", machine=HOLDS), Granted)


class TestRow9WhatIsNotInTheView:
    @pytest.mark.parametrize(
        ("live", "state", "lane"),
        [
            pytest.param(
                make_attempt(60, status=LIVE), 60, "eu", id="in the trunk, where the lane begins"
            ),
            pytest.param(
                make_attempt(70, status=LIVE), 60, "eu", id="in the trunk, above its beginning"
            ),
            pytest.param(make_attempt(55, lane="us", status=LIVE), 60, "eu", id="in another lane"),
            pytest.param(make_attempt(40, lane="us", status=LIVE), 50, "", id="in a lane"),
        ],
    )
    def test_it_holds_nobody(self, live: AttemptFact, state: int, lane: str) -> None:
        assert isinstance(ask(live, state=state, lane=lane), Granted)


class TestRow10APlainReportLeftOpen:
    @pytest.mark.parametrize("kind", [None, Kind.EFFECT])
    def test_it_holds_nobody(self, kind: Kind | None) -> None:
        reported = make_attempt(30, status=LIVE, is_claimed=False)
        assert isinstance(ask(reported, recipe=make_recipe(kind=kind)), Granted)


class TestRow11WhatIsRequiredOrConsumed:
    @pytest.mark.parametrize("kind", [None, Kind.GATE, Kind.EFFECT, Kind.EPHEMERAL])
    def test_it_is_held_and_not_told_what_to_run_first(self, kind: Kind | None) -> None:
        live = replace(FIRST, kind=kind)
        assert held_by(ask(live, requires=(30,))) == live
        assert held_by(ask(live, recipe=make_recipe(consumes=(30,)))) == live

    def test_what_nobody_is_at_work_on_is_still_told(self) -> None:
        assert isinstance(ask(requires=(30,)), RequiresFirst)
        assert isinstance(ask(recipe=make_recipe(consumes=(30,))), RunFirst)


class TestRow12WhatConsumesOnlyStatesBelow:
    TAKES_BASE: Final = make_recipe(consumes=(10,))

    def test_it_is_held_while_the_kind_is_not_known(self) -> None:
        assert held_by(ask(FIRST, recipe=self.TAKES_BASE)) == FIRST

    def test_it_runs_if_the_kind_moves_no_machine(self) -> None:
        gate = replace(FIRST, kind=Kind.GATE)
        assert isinstance(ask(gate, recipe=self.TAKES_BASE), Granted)


class TestRow13LostWhileRepeating:
    def test_a_machine_that_holds_the_settled_one_goes_on_in_place(self) -> None:
        answer = ask(DONE, lost(AGAIN), machine=HOLDS)
        assert isinstance(answer, Granted)
        assert answer.is_in_place

    def test_so_it_does_however_often_that_was_tried_in_vain(self) -> None:
        third = replace(AGAIN, id="third", number=3, as_of=at(97), started_at=at(97))
        assert isinstance(ask(DONE, lost(AGAIN), third, machine=HOLDS), Granted)

    def test_any_other_has_to_run_it_first(self) -> None:
        answer = ask(DONE, lost(AGAIN))
        assert isinstance(answer, RunFirst)
        assert (answer.state, answer.why) == (30, "not_on_this_machine")


class TestRow14LostOtherwise:
    @pytest.mark.parametrize("below", SUPERSEDING)
    @pytest.mark.parametrize("machine", [(), HOLDS], ids=["empty", "holds what was"])
    def test_it_has_to_run_first(
        self, below: tuple[AttemptFact, ...], machine: Collection[str]
    ) -> None:
        *before, live = below
        answer = ask(*before, lost(live), machine=machine)
        assert isinstance(answer, RunFirst)
        assert answer.state == 30
        assert answer.why in {"lost_worker", "forced"}

    def test_so_it_does_below_what_would_be_skipped(self) -> None:
        above = checkpoint(50, fingerprint=OF_STEP | {"command": "cc"})
        answer = ask(DONE, above, lost(ANEW))
        assert isinstance(answer, RunFirst)
        assert (answer.state, answer.reason, answer.why) == (30, "", "lost_worker")


class TestRow15InsideOfWhatIsAtWork:
    @pytest.mark.parametrize("state", [20, 30, 50], ids=["below it", "itself", "above it"])
    def test_a_nested_call_is_refused_at_once(self, state: int) -> None:
        assert ask(FIRST, state=state, inside=(FIRST.id,)) == Inside(FIRST)

    def test_so_it_is_however_deep(self) -> None:
        assert ask(FIRST, inside=("another build's", FIRST.id)) == Inside(FIRST)

    def test_a_call_in_another_lane_is_none(self) -> None:
        live = make_attempt(60, lane="us", status=LIVE)
        assert isinstance(ask(live, state=60, lane="eu", inside=(live.id,)), Granted)


class TestRow16AWorkerOfTheSameName:
    def test_it_is_held_as_anybody_is(self) -> None:
        live = replace(ANEW, worker="build-1")
        assert held_by(ask(DONE, live)) == live


class TestRow18AClosedBuild:
    @pytest.mark.parametrize("below", [(DONE, ANEW), (DONE, AGAIN), (FIRST,)])
    def test_it_is_closed_before_it_is_held(self, below: tuple[AttemptFact, ...]) -> None:
        assert ask(*below, is_closed=True) == Closed("never_completed")
        assert isinstance(
            ask(*below, checkpoint(50), recipe=make_recipe(), is_closed=True), Skipped
        )


def test_what_a_person_waived_is_skipped_whoever_is_at_work_below() -> None:
    waived = make_attempt(50, status=AttemptStatus.WAIVED)
    assert isinstance(ask(DONE, ANEW, waived), Skipped)


def test_the_lowest_state_is_the_one_to_wait_for() -> None:
    higher = make_attempt(40, minute=91, status=LIVE)
    assert held_by(ask(FIRST, higher)) == FIRST
