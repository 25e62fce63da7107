"""Cases of each rule of skipping: a history, a state, and what it is answered."""

from dataclasses import dataclass

import pytest

from buildstate_core.rules.facts import AttemptFact
from buildstate_core.rules.recipes import Recipe
from buildstate_core.rules.skipping import Skip, judge
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
