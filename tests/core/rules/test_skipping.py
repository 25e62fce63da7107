import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from buildstate_core.rules import skipping
from buildstate_core.rules.facts import AttemptFact
from buildstate_core.rules.recipes import Recipe, fingerprint
from buildstate_core.rules.skipping import Rerun, Skip, judge
from buildstate_core.vocabulary import ArtifactKind, ArtifactStatus, AttemptStatus, Kind

from .factories import (
    checkpoint,
    lost_checkpoint,
    make_artifact,
    make_attempt,
    make_recipe,
    view_of,
)

FAILED, LOST, CANCELLED = AttemptStatus.FAILED, AttemptStatus.LOST, AttemptStatus.CANCELLED
LIVE, WAIVED = AttemptStatus.IN_PROGRESS, AttemptStatus.WAIVED
VALUE = make_artifact("value", kind=ArtifactKind.VALUE)


@dataclass(frozen=True)
class Case:
    """What is recorded, which milestone is asked about, and the expected answer."""

    attempts: tuple[AttemptFact, ...]
    state: int
    expected: str
    recipe: Recipe | None = None

    def check(self) -> None:
        verdict = judge(view_of(*self.attempts), self.state, self.recipe)
        answer = "skip" if isinstance(verdict, Skip) else "run"
        assert f"{answer} {verdict.reason}" == self.expected


def case(
    *attempts: AttemptFact, state: int, expected: str, recipe: Recipe | None = None, label: str
) -> object:
    return pytest.param(Case(attempts, state, expected, recipe), id=label)


RECORDED = [
    case(state=25, expected="run never_completed", label="nothing is recorded"),
    case(
        checkpoint(25, number=1),
        make_attempt(25, number=2, minute=26, status=FAILED),
        state=25,
        expected="run failed_before",
        label="the newest attempt failed",
    ),
    case(
        checkpoint(25, number=1),
        make_attempt(25, number=2, minute=26, status=LOST),
        state=25,
        expected="run lost_worker",
        label="the newest attempt was lost",
    ),
    case(
        checkpoint(25, number=1),
        make_attempt(25, number=2, minute=26, status=CANCELLED),
        state=25,
        expected="run never_completed",
        label="the newest attempt was cancelled",
    ),
    case(
        make_attempt(25, status=LIVE),
        state=25,
        expected="run never_completed",
        label="it is being tried",
    ),
    case(
        make_attempt(25, status=AttemptStatus.PENDING, is_claimed=False),
        state=25,
        expected="run never_completed",
        label="it is announced",
    ),
    case(
        checkpoint(25, status=ArtifactStatus.QUARANTINED, unusable_because="artifact_corrupt"),
        state=25,
        expected="run artifact_corrupt",
        label="its artifact is quarantined as corrupt",
    ),
    case(
        lost_checkpoint(25),
        state=25,
        expected="run artifact_gone",
        label="its artifact is quarantined as gone",
    ),
    case(
        checkpoint(25, status=ArtifactStatus.QUARANTINED),
        state=25,
        expected="run artifact_gone",
        label="its artifact is quarantined without a reason",
    ),
    case(
        checkpoint(25, status=ArtifactStatus.REVOKED),
        state=25,
        expected="run revoked",
        label="its artifact is revoked",
    ),
    case(
        checkpoint(25, status=ArtifactStatus.DELETED),
        checkpoint(50),
        state=25,
        expected="run artifact_gone",
        label="its artifact was deleted, nobody knows why",
    ),
    case(
        checkpoint(25, status=ArtifactStatus.DELETED, unusable_because="revoked"),
        checkpoint(50),
        state=25,
        expected="run revoked",
        label="its artifact was revoked, then removed",
    ),
]

UNCHANGED = [
    case(
        checkpoint(25, fingerprint={"command": "aa"}),
        state=25,
        recipe=make_recipe(parts={"command": "bb"}),
        expected="run recipe_changed:command",
        label="its command has changed",
    ),
    case(
        checkpoint(25, fingerprint={"input:hosts": "aa"}),
        state=25,
        recipe=make_recipe(parts={"input:hosts": "bb"}),
        expected="run input_changed:hosts",
        label="an input has changed",
    ),
    case(
        checkpoint(10, digest="new"),
        checkpoint(25, fingerprint={"upstream:10": "old"}),
        state=25,
        recipe=make_recipe(),
        expected="run upstream_changed:10",
        label="the checkpoint before it has changed",
    ),
    case(
        checkpoint(10, digest="new"),
        checkpoint(20, digest="same"),
        checkpoint(25, fingerprint={"upstream:10": "old"}),
        state=25,
        recipe=make_recipe(consumes=(10,)),
        expected="run upstream_changed:10",
        label="an artifact that it takes has changed",
    ),
    case(
        checkpoint(10, digest="new"),
        checkpoint(25, fingerprint={"upstream:10": "old"}),
        state=25,
        expected="run upstream_changed:10",
        label="the same is seen without a recipe",
    ),
]

AVAILABLE = [
    case(
        checkpoint(25, status=ArtifactStatus.EXPIRED),
        state=25,
        expected="run expired",
        label="its artifact has expired",
    ),
    case(
        checkpoint(25, status=ArtifactStatus.DELETED, unusable_because="expired"),
        state=25,
        expected="run expired",
        label="its artifact has expired and was removed",
    ),
    case(
        checkpoint(25, status=ArtifactStatus.EXPIRED),
        checkpoint(20),
        state=25,
        expected="run expired",
        label="its artifact has expired, and what is kept is from before it",
    ),
]

COVERED = [
    case(
        make_attempt(30), state=30, expected="run not_restorable", label="a step, nothing after it"
    ),
    case(
        checkpoint(25),
        make_attempt(30),
        make_attempt(35),
        state=30,
        expected="run not_restorable",
        label="a step, only a step after it",
    ),
    case(
        make_attempt(30, minute=50),
        checkpoint(40, minute=40),
        state=30,
        expected="run not_restorable",
        label="the later checkpoint was made before it",
    ),
    case(
        make_attempt(30),
        lost_checkpoint(40),
        state=30,
        expected="run not_restorable",
        label="the later checkpoint is lost",
    ),
    case(
        make_attempt(30),
        make_attempt(35, status=FAILED),
        checkpoint(40),
        state=30,
        expected="run not_restorable",
        label="the later checkpoint is behind a failure",
    ),
    case(
        make_attempt(30),
        make_attempt(35, status=LIVE),
        checkpoint(40),
        state=30,
        expected="run not_restorable",
        label="the later checkpoint is behind one being tried again",
    ),
    case(
        checkpoint(10, digest="new"),
        make_attempt(30),
        checkpoint(40, fingerprint={"upstream:10": "old"}),
        state=30,
        expected="run not_restorable",
        label="the later checkpoint has to run again itself",
    ),
    case(
        checkpoint(10),
        make_attempt(30),
        make_attempt(35, minute=50),
        checkpoint(40),
        state=30,
        expected="run not_restorable",
        label="a step in between has to run again",
    ),
    case(
        make_attempt(5, kind=Kind.EPHEMERAL),
        checkpoint(10),
        state=5,
        expected="run not_restorable",
        label="set-up that leaves nothing is never covered",
    ),
    case(
        make_attempt(5, artifacts=(VALUE,)),
        checkpoint(10),
        state=5,
        recipe=make_recipe(kind=Kind.EPHEMERAL),
        expected="run not_restorable",
        label="the kind said now counts, not the recorded one",
    ),
]

SAME_STEP = "step:" + hashlib.sha256(b"command=same").hexdigest()

REDONE = [
    case(
        checkpoint(10),
        make_attempt(20, number=2, minute=26),
        checkpoint(25, fingerprint={"upstream:10": "sha256:10"}),
        state=25,
        recipe=make_recipe(),
        expected="run upstream_changed:20",
        label="a step between the checkpoint and it ran again",
    ),
    case(
        make_attempt(20, number=2, minute=26, fingerprint={"command": "new"}),
        checkpoint(25, fingerprint={"upstream:20": "step:of the old command"}),
        state=25,
        expected="run upstream_changed:20",
        label="a step ran again with another recipe",
    ),
    case(
        checkpoint(40, number=2, minute=40),
        checkpoint(42, minute=90),
        checkpoint(45, fingerprint={"upstream:40": "sha256:40"}),
        state=45,
        recipe=make_recipe(),
        expected="run upstream_changed:42",
        label="a checkpoint was inserted below it",
    ),
    case(
        checkpoint(60),
        make_attempt(70, kind=Kind.GATE, fingerprint={"command": "aa"}),
        state=70,
        recipe=make_recipe(kind=Kind.GATE, parts={"command": "aa"}),
        expected="run upstream_changed:60",
        label="a gate whose verdict is not about the digest that is there",
    ),
    case(
        make_attempt(20, number=2, minute=90),
        make_attempt(25, minute=26),
        checkpoint(30, number=2, minute=91),
        state=25,
        expected="run upstream_changed:20",
        label="a step ran again below a covered one",
    ),
]

SKIPPED = [
    case(checkpoint(25), state=25, expected="skip unchanged", label="a checkpoint"),
    case(
        make_attempt(25, artifacts=(VALUE,)), state=25, expected="skip unchanged", label="a value"
    ),
    case(
        checkpoint(25, fingerprint={"command": "aa", "upstream:10": "bb"}),
        state=25,
        recipe=make_recipe(parts={"command": "aa", "param:new": "cc"}),
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


CHANGED_RECIPE = make_recipe(parts={"command": "bb"})
CHANGED = {"command": "aa"}


@pytest.mark.parametrize(
    "case",
    [
        case(
            make_attempt(25, status=FAILED, fingerprint=CHANGED),
            state=25,
            recipe=CHANGED_RECIPE,
            expected="run failed_before",
            label="recorded before unchanged",
        ),
        case(
            checkpoint(25, status=ArtifactStatus.REVOKED, fingerprint=CHANGED),
            state=25,
            recipe=CHANGED_RECIPE,
            expected="run revoked",
            label="revoked is not recorded, before unchanged",
        ),
        case(
            checkpoint(25, status=ArtifactStatus.EXPIRED, fingerprint=CHANGED),
            state=25,
            recipe=CHANGED_RECIPE,
            expected="run recipe_changed:command",
            label="unchanged before available",
        ),
        case(
            make_attempt(
                25,
                artifacts=(
                    make_artifact("a", status=ArtifactStatus.EXPIRED),
                    make_artifact("b", status=ArtifactStatus.REVOKED),
                ),
            ),
            state=25,
            expected="run revoked",
            label="recorded before available",
        ),
        case(
            make_attempt(30, fingerprint=CHANGED),
            state=30,
            recipe=CHANGED_RECIPE,
            expected="run recipe_changed:command",
            label="unchanged before covered",
        ),
        case(
            make_attempt(30, number=2, minute=90),
            make_attempt(35),
            state=35,
            expected="run upstream_changed:30",
            label="a step below ran again before not covered",
        ),
        case(
            make_attempt(
                5,
                kind=Kind.EPHEMERAL,
                artifacts=(make_artifact(status=ArtifactStatus.EXPIRED),),
            ),
            state=5,
            expected="run expired",
            label="available before covered",
        ),
    ],
)
def test_the_first_of_the_four_that_does_not_hold_is_the_reason(case: Case) -> None:
    case.check()


@pytest.mark.parametrize(
    ("rule", "always_passes", "case"),
    [
        pytest.param(rule, mutant, param.values[0], id=f"{rule.removeprefix('_')}: {param.id}")
        for rule, mutant, params in (
            ("_why_not_recorded", lambda _attempt: None, RECORDED[1:]),
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


@pytest.mark.parametrize(
    ("attempts", "consumes", "expected"),
    [
        pytest.param((), None, {}, id="nothing before it"),
        pytest.param(
            (checkpoint(10), checkpoint(25), make_attempt(30)),
            None,
            {"upstream:25": "sha256:25", "upstream:30": "attempt:trunk/030/1"},
            id="the checkpoint before it, and the steps since",
        ),
        pytest.param(
            (checkpoint(10), lost_checkpoint(25)),
            None,
            {"upstream:10": "sha256:10"},
            id="the usable checkpoint before it",
        ),
        pytest.param(
            (checkpoint(10), checkpoint(25)),
            (10, 25),
            {"upstream:10": "sha256:10", "upstream:25": "sha256:25"},
            id="what it takes",
        ),
        pytest.param((checkpoint(10), checkpoint(25)), (), {}, id="it takes nothing"),
        pytest.param(
            (checkpoint(10), lost_checkpoint(25)),
            (5, 10, 25),
            {"upstream:10": "sha256:10"},
            id="what it takes and what there is",
        ),
        pytest.param(
            (checkpoint(10), checkpoint(50), checkpoint(60)),
            (10, 50, 60),
            {"upstream:10": "sha256:10"},
            id="nothing from itself or from above",
        ),
        pytest.param(
            (make_attempt(10, artifacts=(make_artifact(digest=None),)),),
            None,
            {},
            id="never verified",
        ),
    ],
)
def test_a_fingerprint_has_a_part_for_each_state_that_is_consumed(
    attempts: tuple[AttemptFact, ...], consumes: tuple[int, ...] | None, expected: dict[str, str]
) -> None:
    recipe = make_recipe(parts={"command": "aa"}, consumes=consumes)
    assert fingerprint(view_of(*attempts), 50, recipe) == {"command": "aa"} | expected


def test_a_verdict_names_the_attempt_that_it_rests_on() -> None:
    done = checkpoint(25)
    assert judge(view_of(done), 25) == Skip("unchanged", done)
    assert judge(view_of(), 25) == Rerun("never_completed")


@pytest.mark.parametrize(
    ("attempts", "expected"),
    [
        pytest.param((make_attempt(5, status=LIVE),), "run never_completed", id="nothing above"),
        pytest.param(
            (make_attempt(5, status=LIVE, is_claimed=False), checkpoint(25)),
            "skip covered_by:25",
            id="a checkpoint was made since",
        ),
        pytest.param(
            (
                make_attempt(5, status=LIVE, is_claimed=False),
                make_attempt(15, status=LIVE, is_claimed=False),
                checkpoint(25),
            ),
            "skip covered_by:25",
            id="another one was left open too",
        ),
        pytest.param(
            (checkpoint(25), make_attempt(5, minute=40, status=LIVE, is_claimed=False)),
            "run never_completed",
            id="the checkpoint is older",
        ),
    ],
)
def test_a_report_that_was_left_open_is_covered_by_a_checkpoint_made_since(
    attempts: tuple[AttemptFact, ...], expected: str
) -> None:
    Case(attempts, 5, expected).check()
