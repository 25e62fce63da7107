"""The model can fail: with each of the rules broken, one by one, it finds a build that is wrong."""

from collections.abc import Mapping
from typing import Final

import pytest
from hypothesis import Phase, given, settings
from support import store

from buildstate_core.rules import claims, fingerprints, recipes, skipping
from buildstate_core.rules.facts import AttemptFact
from buildstate_core.rules.skipping import Skip
from buildstate_worker.rewind import Rewind

from .breaking import always, without_reads
from .driver import Pass
from .memory import Memory, MemorySite
from .pipelines import Milestone, Story, stories
from .telling import tell

UNTIL_ONE_FAILS: Final = settings(
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=400,
    phases=[Phase.generate],
    report_multiple_bugs=False,
)


@UNTIL_ONE_FAILS
@given(story=stories())
def every_story_ends_well(story: Story) -> None:
    tell(story, Memory(), MemorySite)


def skip_it(_views: object, attempt: AttemptFact, _kind: object, **_named: object) -> Skip:
    return Skip("unchanged", attempt)


def all_is_changed(memory: Memory, attempt: AttemptFact, _: Milestone) -> str | None:
    """Take all that was read for changed."""
    return min(memory.store.reads.get(attempt.id, {}), default=None)


def own_code_only(milestone: Milestone) -> Mapping[str, str]:
    """Leave out what it calls."""
    return {"code": f"{milestone.state}.{milestone.code}", "input": f"{milestone.input}"}


def stand_on_the_checkpoint(
    below: Mapping[int, AttemptFact], _machine: object, **_named: object
) -> AttemptFact | None:
    return max((each for each in below.values() if each.is_checkpoint), key=_state, default=None)


def _state(attempt: AttemptFact) -> int:
    return attempt.state


def test_with_no_rule_broken_every_story_ends_well() -> None:
    every_story_ends_well()


@pytest.mark.parametrize(
    ("where", "name", "broken"),
    [
        pytest.param(skipping, "why_not_recorded", always(None), id="1 recorded"),
        pytest.param(skipping, "why_changed", always(None), id="2 unchanged"),
        pytest.param(recipes, "changed_part", always(None), id="2 unchanged: part by part"),
        pytest.param(recipes, "_steps", always(()), id="2 unchanged: the steps below"),
        pytest.param(recipes, "_is_later", always(False), id="2 unchanged: an inserted state"),
        pytest.param(Milestone, "parts", property(own_code_only), id="2 unchanged: its helper"),
        pytest.param(Memory, "changed_read", always(None), id="2 unchanged: what it read"),
        pytest.param(store, "with_reads", without_reads, id="2 unchanged: what a step read"),
        pytest.param(store, "are_as_before", always(True), id="2 unchanged: a repeated step"),
        pytest.param(skipping, "why_out_of_use", always(None), id="3 available: as recorded"),
        pytest.param(Memory, "is_there", always(True), id="3 available: as the worker sees it"),
        pytest.param(skipping, "_covered", skip_it, id="4 covered"),
        pytest.param(claims, "stand", stand_on_the_checkpoint, id="rewind: never asked for"),
        pytest.param(Pass, "_make_again", always(None), id="rewind: nothing is made again"),
        pytest.param(Rewind, "covers", always(False), id="rewind: covered steps stay skipped"),
    ],
)
def test_a_rule_that_lets_too_much_pass_is_found(
    monkeypatch: pytest.MonkeyPatch, where: object, name: str, broken: object
) -> None:
    monkeypatch.setattr(where, name, broken)
    with pytest.raises(AssertionError):
        every_story_ends_well()


@pytest.mark.parametrize(
    ("where", "name", "broken"),
    [
        pytest.param(Rewind, "covers", always(True), id="every pass is a rewind"),
        pytest.param(Memory, "changed_read", all_is_changed, id="what is read is never the same"),
        pytest.param(skipping, "_covering", always(None), id="nothing covers a step"),
        pytest.param(
            fingerprints,
            "step_digest_of",
            lambda attempt, *_: attempt,
            id="no early cut-off at steps",
        ),
        pytest.param(
            fingerprints,
            "_digest_of_artifacts",
            lambda attempt: attempt.id,
            id="no early cut-off at checkpoints",
        ),
    ],
)
def test_a_rule_that_has_too_much_run_is_found(
    monkeypatch: pytest.MonkeyPatch, where: object, name: str, broken: object
) -> None:
    monkeypatch.setattr(where, name, broken)
    with pytest.raises(AssertionError, match="ran without need"):
        every_story_ends_well()
