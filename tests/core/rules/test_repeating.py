"""A step that is repeated unchanged existed as long as the one that it repeats."""

from dataclasses import replace
from typing import Final

from buildstate_core.rules import reasons
from buildstate_core.rules.claims import Granted, Skipped
from buildstate_core.rules.fingerprints import step_digest
from buildstate_core.rules.recipes import Recipe
from buildstate_core.vocabulary import ArtifactStatus, Kind

from .claiming import claim
from .factories import make_artifact, make_attempt

CODE: Final = {"code": "2:aa"}
STEP: Final = make_attempt(5, fingerprint=CODE)
CORRUPT: Final = make_artifact(
    status=ArtifactStatus.QUARANTINED, unusable_because=reasons.ARTIFACT_CORRUPT
)
CHECKPOINT: Final = make_attempt(
    25, fingerprint={**CODE, "upstream:5": step_digest(STEP)}, artifacts=(CORRUPT,)
)
EFFECT: Final = make_attempt(
    60, lane="b", kind=Kind.EFFECT, fingerprint={**CODE, "upstream:25": "sha256:aa"}
)
REPEATED: Final = replace(
    make_attempt(5, number=2, minute=90, fingerprint={**CODE, "found:x": "2:bb"}),
    identity=step_digest(STEP),
)
OF_EFFECT: Final = Recipe(kind=Kind.EFFECT, parts=CODE)


def test_an_effect_is_not_repeated_because_a_step_below_was() -> None:
    answer = claim(
        *(STEP, CHECKPOINT, EFFECT, REPEATED),
        state=60,
        lane="b",
        recipe=OF_EFFECT,
        machine=[step_digest(STEP)],
    )
    assert isinstance(answer, Skipped)
    assert answer.attempt is EFFECT


def test_a_step_that_was_inserted_since_changes_what_is_above_also_once_it_is_repeated() -> None:
    inserted = make_attempt(5, minute=80, fingerprint=CODE)
    again = replace(REPEATED, identity=step_digest(inserted))
    answer = claim(
        *(EFFECT, inserted, again),
        state=60,
        lane="b",
        recipe=OF_EFFECT,
        machine=[step_digest(inserted)],
    )
    assert isinstance(answer, Granted)
    assert answer.reason == "upstream_changed:5"
