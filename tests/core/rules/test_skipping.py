"""A milestone is skipped if it is recorded, unchanged, available, and above nothing made anew."""

import hashlib
from collections.abc import Callable

import pytest

from buildstate_core.rules import skipping
from buildstate_core.rules.skipping import Skip
from buildstate_core.vocabulary import Kind

from .factories import checkpoint, make_attempt, make_recipe
from .skip_cases import (
    AVAILABLE,
    COVERED,
    FAILED,
    RECORDED,
    REDONE,
    UNCHANGED,
    VALUE,
    WAIVED,
    Case,
    case,
)

SAME_STEP = "step:" + hashlib.sha256(b"command=same").hexdigest()


SKIPPED = [
    case(checkpoint(25), state=25, expected="skip unchanged", label="a checkpoint"),
    case(
        make_attempt(25, artifacts=(VALUE,), kind=Kind.GATE),
        state=25,
        expected="skip unchanged",
        label="a value that a gate left",
    ),
    case(
        checkpoint(25, fingerprint={"command": "aa", "upstream:10": "bb"}),
        state=25,
        recipe=make_recipe(parts={"command": "aa", "stdin": "cc"}),
        expected="skip unchanged",
        label="a part that was not recorded is kept",
    ),
    case(
        make_attempt(25, status=FAILED),
        checkpoint(25, number=2, minute=26),
        state=25,
        expected="skip unchanged",
        label="a failure before the newest attempt is history",
    ),
    case(make_attempt(25, status=WAIVED), state=25, expected="skip waived", label="waived"),
    case(
        make_attempt(60, kind=Kind.EFFECT), state=60, expected="skip unchanged", label="an effect"
    ),
    case(make_attempt(70, kind=Kind.GATE), state=70, expected="skip unchanged", label="a gate"),
    case(
        make_attempt(30),
        checkpoint(40),
        state=30,
        expected="skip covered_by:40",
        label="a step that a later checkpoint covers",
    ),
    case(
        make_attempt(30),
        make_attempt(35),
        make_attempt(38, kind=Kind.GATE),
        checkpoint(40),
        state=30,
        expected="skip covered_by:40",
        label="a step that a checkpoint after more steps covers",
    ),
    case(
        make_attempt(30),
        checkpoint(40),
        checkpoint(50),
        make_attempt(60, status=FAILED),
        checkpoint(70),
        state=30,
        expected="skip covered_by:50",
        label="covered by the checkpoint that a rerun starts from",
    ),
    case(
        make_attempt(30, minute=44),
        checkpoint(40, minute=45, digest="same"),
        checkpoint(50, minute=20, fingerprint={"upstream:40": "same"}),
        state=30,
        expected="skip covered_by:40",
        label="covered by a redone checkpoint below one that was kept",
    ),
    case(
        checkpoint(10, number=2, minute=90, digest="same"),
        checkpoint(25, fingerprint={"upstream:10": "same"}),
        state=25,
        recipe=make_recipe(),
        expected="skip unchanged",
        label="early cut-off: what it stands on ran again with the same result",
    ),
    case(
        make_attempt(30, number=2, minute=90),
        checkpoint(40, number=2, minute=91, digest="same"),
        checkpoint(50, fingerprint={"upstream:40": "same"}),
        state=50,
        recipe=make_recipe(),
        expected="skip unchanged",
        label="early cut-off: a step ran again below a checkpoint that is the same",
    ),
    case(
        make_attempt(20, number=2, minute=26, fingerprint={"command": "same"}),
        checkpoint(25, fingerprint={"upstream:20": SAME_STEP}),
        state=25,
        recipe=make_recipe(),
        expected="skip unchanged",
        label="early cut-off: a step ran again with the same recipe",
    ),
    case(
        checkpoint(10),
        make_attempt(20, number=2, minute=90, fingerprint={"command": "same"}),
        checkpoint(25, fingerprint={"upstream:10": "sha256:10", "upstream:20": SAME_STEP}),
        state=20,
        expected="skip covered_by:25",
        label="a step that ran again is in a checkpoint made with the same recipe",
    ),
    case(
        checkpoint(10, digest="other", number=2, minute=90),
        checkpoint(25, fingerprint={"command": "aa"}),
        state=25,
        recipe=make_recipe(consumes=()),
        expected="skip unchanged",
        label="it takes nothing of what was made anew",
    ),
    case(
        make_attempt(20, number=2, minute=26, is_claimed=False),
        checkpoint(25),
        state=25,
        expected="skip unchanged",
        label="a step reported again says nothing of what it did",
    ),
]


@pytest.mark.parametrize("case", RECORDED)
def test_a_milestone_that_is_not_recorded_as_done_runs(case: Case) -> None:
    case.check()


@pytest.mark.parametrize("case", UNCHANGED)
def test_a_milestone_that_has_changed_runs(case: Case) -> None:
    case.check()


@pytest.mark.parametrize("case", AVAILABLE)
def test_a_milestone_whose_artifact_is_not_kept_runs(case: Case) -> None:
    case.check()


@pytest.mark.parametrize("case", COVERED)
def test_a_milestone_that_left_nothing_runs_unless_it_is_covered(case: Case) -> None:
    case.check()


@pytest.mark.parametrize("case", REDONE)
def test_a_milestone_above_a_step_that_ran_again_runs(case: Case) -> None:
    case.check()


@pytest.mark.parametrize("case", SKIPPED)
def test_a_milestone_is_skipped_if_all_four_hold(case: Case) -> None:
    case.check()


@pytest.mark.parametrize(
    ("rule", "always_passes", "case"),
    [
        pytest.param(rule, mutant, param.values[0], id=f"{rule.removeprefix('_')}: {param.id}")
        for rule, mutant, params in (
            ("why_not_recorded", lambda _attempt: None, RECORDED[1:]),
            ("why_changed", lambda _view, _attempt, _recipe: None, UNCHANGED + REDONE),
            (
                "_no_longer_kept",
                lambda _view, attempt, _kind, **_: Skip("unchanged", attempt),
                AVAILABLE,
            ),
            (
                "_covered",
                lambda _views, attempt, _kind, **_: Skip("unchanged", attempt),
                COVERED,
            ),
        )
        for param in params
    ],
)
def test_a_broken_rule_would_be_noticed(
    monkeypatch: pytest.MonkeyPatch, rule: str, always_passes: Callable[..., object], case: Case
) -> None:
    monkeypatch.setattr(skipping, rule, always_passes)
    with pytest.raises(AssertionError):
        case.check()
