"""Why a milestone runs, or which attempt its skip rests on."""

import pytest

from buildstate_core.rules.facts import AttemptFact
from buildstate_core.rules.recipes import fingerprint
from buildstate_core.rules.skipping import Rerun, Skip, judge
from buildstate_core.vocabulary import ArtifactStatus, Kind

from .factories import (
    checkpoint,
    lost_checkpoint,
    make_artifact,
    make_attempt,
    make_recipe,
    view_of,
)
from .skip_cases import FAILED, LIVE, Case, case

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
