"""What was declared, found or seen on one side only, under which name, and what turned out."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildstate_core.rules import reasons
from buildstate_core.rules.claims import Granted, Skipped, answer_claim
from buildstate_core.rules.fingerprints import (
    declared_on_one_side,
    is_of_files,
    revised,
    unstable,
    with_one_name,
)
from buildstate_core.rules.reads import READS
from buildstate_core.rules.recipes import Recipe
from buildstate_core.vocabulary import AttemptStatus

from .claiming import claim, wish_for
from .factories import STEADY, at, checkpoint, make_attempt, make_history

RAN = {"command": "2:a"}

digests = st.sampled_from(["2:aa", "2:bb", "2:aa+x"])
prints = st.dictionaries(
    st.sampled_from(
        ["command", "input:a", "input:b", "found:a", "found:b", "stdin", "upstream:10"]
    ),
    digests,
)


class TestDeclaredOnOneSide:
    @pytest.mark.parametrize(
        ("old", "new", "parts"),
        [
            pytest.param({"input:a": "1"}, {}, ["input:a"], id="an input is dropped"),
            pytest.param({}, {"input:a": "1"}, ["input:a"], id="an input is new"),
            pytest.param({"found:a": "1"}, {}, ["found:a"], id="a file of the words is gone"),
            pytest.param({}, {"found:a": "1"}, [], id="one that came up may have been made"),
            pytest.param({"stdin": "1"}, {}, ["stdin"], id="nothing is fed any more"),
            pytest.param({}, {"stdin": "1"}, [], id="what is fed may be left unread"),
            pytest.param({}, {"declared:stdin": "1"}, ["declared:stdin"], id="--stdin is new"),
            pytest.param({"tool:x -v": "1"}, {}, ["tool:x -v"], id="a tool is dropped"),
            pytest.param({}, {"tool:x -v": "1"}, ["tool:x -v"], id="a tool is new"),
            pytest.param({}, {"outputs": "1"}, ["outputs"], id="artifacts are to be made"),
            pytest.param({"outputs": "1"}, {}, ["outputs"], id="no artifacts any more"),
            pytest.param({}, {"param:a": "1"}, ["param:a"], id="a parameter is new"),
            pytest.param({}, {"upstream:10": "1"}, [], id="upstreams have a rule of their own"),
            pytest.param({}, {"code:x": "1"}, [], id="kinds of parts that nobody knew"),
        ],
    )
    def test_what_is_missing_is_a_change_if_it_would_have_been_recorded(
        self, old: Mapping[str, str], new: Mapping[str, str], parts: list[str]
    ) -> None:
        assert declared_on_one_side({**RAN, **old}, {**RAN, **new}) == parts

    @given(prints)
    @STEADY
    def test_where_one_side_says_nothing_nothing_is_known(self, parts: dict[str, str]) -> None:
        for nothing in ({}, {"upstream:10": "2:aa"}):
            assert declared_on_one_side(parts, nothing) == []
            assert declared_on_one_side(nothing, parts) == []


class TestOneName:
    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ({"found:a": "1"}, {"input:a": "1"}),
            ({"input:a": "1"}, {"found:a": "1"}),
            ({"found:a": "1", "input:b": "2"}, {"input:a": "1", "found:b": "2"}),
        ],
    )
    def test_a_file_is_the_same_whoever_names_it(
        self, old: dict[str, str], new: dict[str, str]
    ) -> None:
        before, now = with_one_name(old, new, {})
        assert before == now

    @pytest.mark.parametrize(
        ("declared", "is_same"), [("2:aa", True), ("2:aa+x", True), ("2:bb", False)]
    )
    def test_a_file_that_was_seen_to_be_read_may_be_declared(
        self, declared: str, *, is_same: bool
    ) -> None:
        before, now = with_one_name(RAN, {**RAN, "input:a": declared}, {"a": "aa", "b": "bb"})
        assert (before == now) is is_same

    def test_what_was_read_and_is_not_declared_is_no_part(self) -> None:
        assert with_one_name(RAN, RAN, {"a": "aa"}) == (RAN, RAN)

    @given(prints)
    @STEADY
    def test_what_is_the_same_stays_that(self, parts: dict[str, str]) -> None:
        before, now = with_one_name(parts, parts, {})
        assert before == now


class TestRevised:
    def test_what_turned_out_otherwise_is_taken_and_what_is_no_input_is_dropped(self) -> None:
        was = {**RAN, "found:a": "1", "stdin": "2", "input:c": "3"}
        after = revised(was, {"found:a": unstable("0198"), "stdin": None})
        assert after == {**RAN, "found:a": "unstable:0198", "input:c": "3"}

    @given(prints, prints)
    @STEADY
    def test_nothing_is_added(self, was: dict[str, str], changes: dict[str, str]) -> None:
        assert revised(was, changes).keys() == was.keys()

    @pytest.mark.parametrize(
        ("part", "is_one"),
        [
            ("input:a", True),
            ("found:a", True),
            ("stdin", True),
            ("command", False),
            ("param:a", False),
            ("outputs", False),
            ("upstream:10", False),
            (READS, False),
            ("declared:stdin", False),
            ("stdin2", False),
        ],
    )
    def test_only_what_is_read_can_turn_out_otherwise(self, part: str, *, is_one: bool) -> None:
        assert is_of_files(part) is is_one


@pytest.mark.parametrize(
    ("then", "now", "reason"),
    [
        ({}, {"input:hosts": "1"}, "input_added:hosts"),
        ({"input:hosts": "1"}, {}, "input_removed:hosts"),
        ({"found:hosts": "1"}, {"found:hosts": "2"}, "input_changed:hosts"),
        ({"found:hosts": "1"}, {"input:hosts": "2"}, "input_changed:hosts"),
        ({"found:hosts": "1"}, {}, "input_removed:hosts"),
        ({"stdin": "1"}, {"stdin": "2"}, "recipe_changed:stdin"),
        ({"outputs": "1"}, {"outputs": "2"}, "outputs_changed"),
        ({}, {"outputs": "2"}, "outputs_changed"),
        ({}, {"tool:x": "2"}, "recipe_changed:tool:x"),
        ({"input:a": unstable("0198")}, {"input:a": "1"}, "input_changed:a"),
    ],
)
def test_a_change_has_its_reason(then: dict[str, str], now: dict[str, str], reason: str) -> None:
    done = checkpoint(25, fingerprint={**RAN, **then})
    answer = claim(done, state=25, recipe=Recipe(parts={**RAN, **now}))
    assert isinstance(answer, Granted)
    assert answer.reason == reason


def test_an_input_that_was_seen_read_before_it_was_declared_is_no_change() -> None:
    done = checkpoint(25, fingerprint={**RAN, READS: "cc"})
    recipe = Recipe(parts={**RAN, "input:hosts": "2:aa"})
    assert isinstance(claim(replace(done, reads={"hosts": "aa"}), state=25, recipe=recipe), Skipped)
    answer = claim(replace(done, reads={"hosts": "bb"}), state=25, recipe=recipe)
    assert isinstance(answer, Granted)
    assert answer.reason == "input_changed:hosts"


class TestMaxAge:
    """In minutes: the state was done at 25, and is asked for a day or more later."""

    DAY = 24 * 60

    @pytest.mark.parametrize(
        ("days", "minutes", "is_skipped"),
        [
            (None, 1000 * DAY, True),
            (0, 1, False),
            (1, DAY - 1, True),
            (1, DAY, True),
            (1, DAY + 1, False),
            (30, 30 * DAY + 1, False),
        ],
    )
    def test_it_runs_again_when_it_was_done_longer_ago(
        self, days: int | None, minutes: int, *, is_skipped: bool
    ) -> None:
        wish = replace(wish_for(25), max_age_days=days)
        answer = answer_claim(make_history(checkpoint(25)), wish, now=at(25 + minutes))
        assert isinstance(answer, Skipped) is is_skipped
        if isinstance(answer, Granted):
            assert answer.reason == f"past_max_age:{days}"

    def test_what_a_person_has_waived_is_never_too_old(self) -> None:
        waived = make_attempt(25, status=AttemptStatus.WAIVED)
        wish = replace(wish_for(25), max_age_days=0)
        answer = answer_claim(make_history(waived), wish, now=at(9999))
        assert isinstance(answer, Skipped)
        assert answer.reason == reasons.WAIVED

    def test_a_closed_build_is_not_opened_for_it(self) -> None:
        wish = replace(wish_for(25), max_age_days=0)
        history = make_history(checkpoint(25))
        assert isinstance(answer_claim(history, wish, now=at(9999), is_closed=True), Skipped)
