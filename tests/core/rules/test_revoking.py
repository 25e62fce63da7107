import pytest

from buildstate_core.rules.facts import AttemptFact
from buildstate_core.rules.revoking import made_from
from buildstate_core.vocabulary import AttemptStatus

from .factories import checkpoint, make_attempt, make_history

BAD = checkpoint(25)
BAD_ID = BAD.artifacts[0].id


def tainted(*attempts: AttemptFact) -> list[str]:
    return [each.id for each in made_from(make_history(*attempts), BAD_ID)]


def test_an_artifact_of_another_build_taints_nothing_here() -> None:
    assert tainted(checkpoint(10)) == []


@pytest.mark.parametrize(
    ("attempts", "expected"),
    [
        pytest.param((BAD,), ["trunk/025/1"], id="alone"),
        pytest.param((checkpoint(10), BAD), ["trunk/025/1"], id="what is below is not made of it"),
        pytest.param(
            (BAD, checkpoint(40, fingerprint={"upstream:25": "sha256:25"})),
            ["trunk/025/1", "trunk/040/1"],
            id="made from it, as it is recorded",
        ),
        pytest.param(
            (
                BAD,
                checkpoint(40, fingerprint={"upstream:25": "sha256:25"}),
                checkpoint(50, fingerprint={"upstream:40": "sha256:40"}),
            ),
            ["trunk/025/1", "trunk/040/1", "trunk/050/1"],
            id="made from what was made from it",
        ),
        pytest.param(
            (checkpoint(10), BAD, checkpoint(40, fingerprint={"upstream:10": "sha256:10"})),
            ["trunk/025/1"],
            id="made from something else, as it is recorded",
        ),
        pytest.param(
            (BAD, checkpoint(40, is_claimed=False)),
            ["trunk/025/1", "trunk/040/1"],
            id="nothing is recorded: doubt speaks against use",
        ),
        pytest.param(
            (BAD, make_attempt(30), checkpoint(40, fingerprint={"upstream:30": "step:x"})),
            ["trunk/025/1", "trunk/030/1", "trunk/040/1"],
            id="through a step",
        ),
        pytest.param(
            (BAD, make_attempt(40, status=AttemptStatus.FAILED)),
            ["trunk/025/1"],
            id="what failed has left nothing",
        ),
        pytest.param(
            (BAD, make_attempt(40, status=AttemptStatus.IN_PROGRESS)),
            ["trunk/025/1", "trunk/040/1"],
            id="what is at work will contain it",
        ),
        pytest.param(
            (checkpoint(40, minute=20), BAD),
            ["trunk/025/1"],
            id="made before it was there",
        ),
        pytest.param(
            (
                BAD,
                checkpoint(25, number=2, minute=30, digest="good"),
                checkpoint(40, fingerprint={"upstream:25": "good"}),
            ),
            ["trunk/025/1"],
            id="made from what replaced it",
        ),
        pytest.param(
            (BAD, checkpoint(60, lane="eu", fingerprint={"upstream:25": "sha256:25"})),
            ["trunk/025/1", "eu/060/1"],
            id="in every lane",
        ),
    ],
)
def test_what_was_made_from_an_artifact_is_found(
    attempts: tuple[AttemptFact, ...], expected: list[str]
) -> None:
    assert tainted(*attempts) == expected


def test_what_is_in_a_lane_taints_no_other_lane() -> None:
    bad = checkpoint(60, lane="eu")
    other = checkpoint(70, lane="us")
    found = made_from(make_history(bad, other), bad.artifacts[0].id)
    assert [each.id for each in found] == ["eu/060/1"]


def test_an_inherited_artifact_taints_what_the_derived_build_made_of_it() -> None:
    bad = checkpoint(25, origin=7)
    own = checkpoint(40, minute=1, fingerprint={"upstream:25": "sha256:25"})
    found = made_from(make_history(bad, own), bad.artifacts[0].id)
    assert [each.id for each in found] == ["#7/trunk/025/1", "trunk/040/1"]
