"""The model can fail: with each of the rules broken, one by one, it finds a build that is wrong."""

from collections.abc import Callable
from typing import Any, Final

import pytest
from hypothesis import Phase, given, settings

from buildstate_core.rewinding import Rewind
from buildstate_core.rules import claims, fingerprints, recipes, skipping
from buildstate_core.rules.facts import AttemptFact
from buildstate_core.rules.skipping import Skip

from .driver import Pass
from .memory import Memory, MemorySite
from .pipelines import Story, stories
from .telling import tell

UNTIL_THE_FIRST: Final = settings(
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=2000,
    phases=[Phase.generate],
    report_multiple_bugs=False,
)


def always(value: object) -> Callable[..., Any]:
    return lambda *_arguments, **_named: value


def some_checkpoint(below: dict[int, AttemptFact], _machine: object) -> AttemptFact | None:
    """Stand on the checkpoint before, whatever was done to a machine since."""
    return next(
        (each for _, each in sorted(below.items(), reverse=True) if each.is_checkpoint), None
    )


def skip_it(_views: object, attempt: AttemptFact, _kind: object, **_: object) -> Skip:
    return Skip("unchanged", attempt)


@pytest.mark.parametrize(
    ("where", "name", "broken"),
    [
        pytest.param(skipping, "_why_not_recorded", always(None), id="1 recorded"),
        pytest.param(skipping, "why_changed", always(None), id="2 unchanged"),
        pytest.param(recipes, "changed_part", always(None), id="2 unchanged, part by part"),
        pytest.param(recipes, "_steps", always(()), id="2 unchanged, steps"),
        pytest.param(recipes, "_is_later", always(False), id="2 unchanged, inserted states"),
        pytest.param(skipping, "_why_unavailable", always(None), id="3 available, as recorded"),
        pytest.param(Memory, "is_there", always(True), id="3 available, as the worker sees it"),
        pytest.param(skipping, "_covered", skip_it, id="4 covered"),
        pytest.param(claims, "_base", some_checkpoint, id="rewind: the rule"),
        pytest.param(Pass, "_make_again", always(None), id="rewind: nothing is made again"),
        pytest.param(
            Rewind, "covers", always(False), id="rewind: covered steps are not made again"
        ),
        pytest.param(Rewind, "covers", always(True), id="needless: everything is made again"),
        pytest.param(skipping, "_covering", always(None), id="needless: nothing is covered"),
        pytest.param(fingerprints, "_step", lambda a: a.id, id="needless: no cut-off at steps"),
        pytest.param(
            recipes,
            "upstream_part",
            lambda a: (f"upstream:{a.state}", a.id),
            id="needless: no cut-off at checkpoints",
        ),
    ],
)
def test_a_broken_rule_is_found(
    monkeypatch: pytest.MonkeyPatch, where: object, name: str, broken: object
) -> None:
    monkeypatch.setattr(where, name, broken)

    n = 0

    @UNTIL_THE_FIRST
    @given(story=stories())
    def tells(story: Story) -> None:
        nonlocal n
        n += 1
        tell(story, Memory(), MemorySite)

    with pytest.raises(AssertionError) as e:
        tells()
    print("N", n, str(e.value)[:100])
