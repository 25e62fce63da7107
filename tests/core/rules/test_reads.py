"""What functions were seen to read, in the fingerprint of what was done."""

from dataclasses import replace
from typing import Any

import pytest

from buildstate_core.rules.claims import ClaimQuery, Granted, answer_claim
from buildstate_core.rules.reads import (
    READS,
    Reads,
    are_as_before,
    digest_of_reads,
    steps_below,
    that_has_changed,
    with_reads,
)
from buildstate_core.rules.recipes import Recipe
from buildstate_core.vocabulary import Seen

from .factories import at, checkpoint, make_attempt, make_history, make_recipe

HOSTS: Reads = {"hosts": (Seen.FILE, "aa")}
OTHER: Reads = {"hosts": (Seen.FILE, "bb")}
MORE: Reads = {**HOSTS, "conf": (Seen.LISTING, "cc"), "override": (Seen.ABSENT, None)}
UNSTABLE: Reads = {"hosts": (Seen.UNSTABLE, None)}
LEFT: Reads = {**HOSTS, "out": (Seen.LEFT, "aa")}
LEFT_OTHERWISE: Reads = {**HOSTS, "out": (Seen.LEFT, "bb")}
CODE = {"code": "dd"}
ID = "an attempt"


def test_what_was_read_has_a_digest_of_its_own() -> None:
    assert with_reads(ID, CODE, HOSTS) == {**CODE, READS: digest_of_reads(HOSTS)}
    assert with_reads(ID, {**CODE, READS: "changed"}, HOSTS) == with_reads(ID, CODE, HOSTS)
    assert with_reads(ID, {**CODE, READS: "changed"}, {}) == CODE


def test_the_digest_is_of_content_and_not_of_an_order() -> None:
    backwards = dict(reversed(MORE.items()))
    assert digest_of_reads(backwards) == digest_of_reads(MORE)
    found = {digest_of_reads(each) for each in (HOSTS, OTHER, MORE, UNSTABLE, {})}
    assert len(found) == 5


@pytest.mark.parametrize(
    ("before", "now", "is_the_same"),
    [
        pytest.param(HOSTS, HOSTS, True, id="the same"),
        pytest.param(HOSTS, MORE, True, id="more"),
        pytest.param(MORE, HOSTS, True, id="less"),
        pytest.param(LEFT, LEFT_OTHERWISE, True, id="left otherwise"),
        pytest.param({}, HOSTS, True, id="known for the first time"),
        pytest.param(HOSTS, OTHER, False, id="another content"),
        pytest.param(HOSTS, UNSTABLE, False, id="unstable"),
        pytest.param(UNSTABLE, HOSTS, False, id="unstable before"),
    ],
)
def test_work_that_is_repeated_is_the_same_as_long_as_what_it_read_is(
    before: Reads, now: Reads, *, is_the_same: bool
) -> None:
    assert are_as_before(now, before) is is_the_same


def test_nothing_stands_for_what_was_read_where_nothing_else_is_known() -> None:
    assert with_reads(ID, {}, HOSTS) == {}
    assert that_has_changed({}) == {}


def test_what_changed_while_it_was_read_makes_each_attempt_another_one() -> None:
    assert with_reads(ID, CODE, UNSTABLE) == {**CODE, READS: ID}


def granted(**query: Any) -> Granted:
    """Return what a claim is granted for a step that was done, and is missing on this machine."""
    done = make_attempt(30, fingerprint={**CODE, READS: "ee"})
    asked = ClaimQuery(state=30, lane="", recipe=Recipe(parts=CODE))
    answer = answer_claim(make_history(done), replace(asked, **query), now=at(60))
    assert isinstance(answer, Granted)
    return answer


def test_a_step_that_is_done_again_is_taken_for_the_same_while_it_runs() -> None:
    assert granted().identity is not None


def test_one_with_another_recipe_is_not() -> None:
    assert granted(recipe=Recipe(parts={"code": "ff"})).identity is None


def test_one_that_runs_since_something_that_it_read_has_changed_is_not() -> None:
    begun = granted(changed_read="hosts")
    assert (begun.identity, begun.fingerprint) == (None, {**CODE, READS: "changed"})


def test_what_is_said_to_have_read_something_else_runs_again_for_that() -> None:
    done = checkpoint(25, fingerprint={"code": "2:aa"})
    query = ClaimQuery(
        state=25,
        lane="",
        recipe=make_recipe(parts={"code": "2:aa"}),
        refuted=done.id,
        changed_read="conf/hosts",
    )
    answer = answer_claim(make_history(done), query, now=at(200))
    assert isinstance(answer, Granted)
    assert answer.reason == "discovered_changed:conf/hosts"


def test_the_steps_that_work_stands_on_are_told_from_the_checkpoints() -> None:
    parts = {"upstream:25": "sha256:aa", "upstream:30": "step:bb;sha256:cc", "code": "2:aa"}
    assert steps_below(parts) == {30}
