"""An upgrade: attempts of the release before are compared by what that release recorded."""

from dataclasses import replace

import pytest

from buildstate_core.rules import reasons
from buildstate_core.rules.claims import Granted, Skipped
from buildstate_core.rules.facts import AttemptFact
from buildstate_core.rules.fingerprints import (
    are_of_one_recorder,
    recorded,
    step_digest,
    upstream_part,
)
from buildstate_core.rules.recipes import Recipe
from buildstate_core.vocabulary import Kind

from .claiming import FAILED, LIVE, claim
from .factories import checkpoint, make_attempt

OLD = {"code": "aa", "param:os": "bb"}
NEW = {"code": "2:cc", "param:os": "2:dd", "param:mirrors": "2:ee"}
UPGRADED = Recipe(parts=NEW, older=OLD)

IMAGE = checkpoint(10)
ON_IMAGE = {"upstream:10": "sha256:10"}
STEP = make_attempt(20, fingerprint=OLD | ON_IMAGE)


@pytest.mark.parametrize(
    "done",
    [checkpoint(20, fingerprint=OLD | ON_IMAGE), STEP],
    ids=["a checkpoint", "a step"],
)
def test_what_the_release_before_recorded_is_skipped_by_the_next(done: AttemptFact) -> None:
    above = checkpoint(30, fingerprint=dict(filter(None, [upstream_part(done)])))
    answer = claim(IMAGE, done, above, state=20, recipe=UPGRADED)
    assert isinstance(answer, Skipped)


@pytest.mark.parametrize(
    ("older", "reason"),
    [
        pytest.param(OLD | {"code": "ab"}, "recipe_changed:code", id="the function"),
        pytest.param(OLD | {"param:os": "ff"}, "recipe_changed:param:os", id="a parameter"),
        pytest.param({"code": "aa"}, "recipe_changed:param:os", id="a parameter is dropped"),
        pytest.param(OLD | {"input:hosts": "ab"}, "input_added:hosts", id="an input is new"),
    ],
)
def test_what_changes_with_the_upgrade_is_seen(older: dict[str, str], reason: str) -> None:
    done = checkpoint(20, fingerprint=OLD | ON_IMAGE)
    answer = claim(IMAGE, done, state=20, recipe=replace(UPGRADED, older=older))
    assert isinstance(answer, Granted)
    assert answer.reason == reason
    assert answer.fingerprint == NEW | ON_IMAGE


def test_what_this_release_recorded_is_compared_by_its_own_recorder() -> None:
    done = checkpoint(20, fingerprint=NEW | ON_IMAGE)
    changed = replace(UPGRADED, parts=NEW | {"code": "2:c0"})
    assert isinstance(claim(IMAGE, done, state=20, recipe=UPGRADED), Skipped)
    answer = claim(IMAGE, done, state=20, recipe=changed)
    assert isinstance(answer, Granted)
    assert answer.reason == "recipe_changed:code"


def test_a_caller_that_sends_nothing_older_is_compared_as_it_is() -> None:
    done = checkpoint(20, fingerprint=OLD | ON_IMAGE)
    answer = claim(IMAGE, done, state=20, recipe=Recipe(parts=NEW))
    assert isinstance(answer, Granted)
    assert answer.reason == "recipe_changed:code"


class TestIdentity:
    """A step that is repeated unchanged stays the step that it was, whoever records it."""

    ABOVE = checkpoint(30, fingerprint={"upstream:20": step_digest(STEP)} | ON_IMAGE)

    def again(self) -> AttemptFact:
        answer = claim(IMAGE, STEP, state=20, recipe=UPGRADED, machine=())
        assert isinstance(answer, Granted)
        assert answer.reason == reasons.NOT_RESTORABLE
        assert answer.fingerprint == NEW | ON_IMAGE
        return replace(
            make_attempt(20, number=2, minute=40, fingerprint=answer.fingerprint),
            identity=answer.identity,
        )

    def test_it_is_repeated_with_the_digest_that_it_had(self) -> None:
        assert step_digest(self.again()) == step_digest(STEP)

    def test_nothing_above_runs_because_of_it(self) -> None:
        answer = claim(IMAGE, STEP, self.ABOVE, self.again(), state=30)
        assert isinstance(answer, Skipped)

    def test_while_it_is_repeated_it_counts_as_settled(self) -> None:
        live = replace(self.again(), status=LIVE, ended_at=None)
        answer = claim(IMAGE, STEP, self.ABOVE, live, state=30)
        assert isinstance(answer, Skipped)

    def test_it_keeps_it_when_a_repetition_has_failed(self) -> None:
        failed = replace(self.again(), status=FAILED)
        answer = claim(IMAGE, STEP, failed, state=20, recipe=UPGRADED, machine=())
        assert isinstance(answer, Granted)
        assert answer.identity == step_digest(STEP)

    def test_one_that_is_made_of_something_else_has_a_digest_of_its_own(self) -> None:
        changed = replace(UPGRADED, older=OLD | {"code": "ab"})
        answer = claim(IMAGE, STEP, state=20, recipe=changed, machine=())
        assert isinstance(answer, Granted)
        assert answer.identity is None

    def test_so_has_one_that_a_person_wants_to_run_again(self) -> None:
        forced = replace(STEP, is_forced=True)
        answer = claim(IMAGE, forced, state=20, recipe=UPGRADED, machine=())
        assert isinstance(answer, Granted)
        assert answer.identity is None


def test_a_gate_of_the_release_before_that_recorded_no_digest_stands() -> None:
    gate = make_attempt(20, kind=Kind.GATE, fingerprint=OLD)
    recipe = replace(UPGRADED, kind=Kind.GATE)
    assert isinstance(claim(IMAGE, gate, state=20, recipe=recipe), Skipped)


def test_digests_of_two_recorders_are_not_compared() -> None:
    assert recorded("aa") == "2:aa"
    assert are_of_one_recorder("2:aa", "2:bb")
    assert not are_of_one_recorder("aa", "2:aa")
