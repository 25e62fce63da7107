from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildstate_core.rules.facts import ArtifactFact
from buildstate_core.rules.fingerprints import changed_part, upstream_part, upstream_state

from .factories import STEADY, make_artifact, make_attempt

digests = st.dictionaries(
    st.sampled_from(["code", "command", "input:hosts", "param:os", "upstream:10"]),
    st.sampled_from(["aa", "bb", "cc"]),
)


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        pytest.param({}, {}, None, id="nothing known"),
        pytest.param({"code": "aa"}, {"code": "aa"}, None, id="the same"),
        pytest.param({"code": "aa"}, {"code": "bb"}, "code", id="changed"),
        pytest.param({}, {"code": "bb"}, None, id="not recorded: unknown, so kept"),
        pytest.param({"code": "aa"}, {}, None, id="not known now: kept"),
        pytest.param(
            {"param:os": "aa", "code": "aa"},
            {"param:os": "bb", "code": "bb"},
            "code",
            id="the first by name",
        ),
        pytest.param(
            {"code": "aa", "upstream:10": "aa"},
            {"code": "aa", "upstream:15": "bb"},
            None,
            id="different upstreams are not compared",
        ),
    ],
)
def test_parts_are_compared_one_by_one(
    old: Mapping[str, str], new: Mapping[str, str], part: str | None
) -> None:
    assert changed_part(old, new) == part


@given(digests, digests)
@STEADY
def test_it_does_not_matter_which_side_is_old(old: dict[str, str], new: dict[str, str]) -> None:
    assert changed_part(old, new) == changed_part(new, old)


@given(digests, digests)
@STEADY
def test_a_part_that_only_one_side_has_never_counts(
    old: dict[str, str], new: dict[str, str]
) -> None:
    shared = {part: value for part, value in new.items() if part in old}
    assert changed_part(old, new) == changed_part(old, shared)
    assert changed_part(old, old | {each: new[each] for each in new.keys() - old.keys()}) is None


@pytest.mark.parametrize(
    ("artifacts", "part"),
    [
        pytest.param((make_artifact(digest=None),), None, id="never verified: unknown"),
        pytest.param(
            (make_artifact(digest="sha256:aa"),), ("upstream:25", "sha256:aa"), id="one artifact"
        ),
        pytest.param(
            (make_artifact("b", digest="2"), make_artifact("a", digest="1")),
            ("upstream:25", "a=1,b=2"),
            id="several, by name",
        ),
        pytest.param(
            (make_artifact("a", digest="1"), make_artifact("b", digest=None)),
            None,
            id="one of several never verified",
        ),
    ],
)
def test_what_a_milestone_left_becomes_a_part_of_those_that_consume_it(
    artifacts: tuple[ArtifactFact, ...], part: tuple[str, str] | None
) -> None:
    assert upstream_part(make_attempt(25, artifacts=artifacts)) == part


def test_a_step_is_known_by_what_went_into_it() -> None:
    first = upstream_part(make_attempt(25, fingerprint={"command": "aa"}))
    again = upstream_part(make_attempt(25, number=2, minute=90, fingerprint={"command": "aa"}))
    other = upstream_part(make_attempt(25, fingerprint={"command": "bb"}))
    assert first == again
    assert first != other


def test_a_step_of_which_nothing_is_known_is_known_by_its_attempt() -> None:
    assert upstream_part(make_attempt(25)) == ("upstream:25", "attempt:trunk/025/1")
    assert upstream_part(make_attempt(25, is_claimed=False)) is None


@pytest.mark.parametrize(
    ("part", "state"),
    [
        pytest.param("upstream:0", 0, id="the first state"),
        pytest.param("upstream:100", 100, id="the last state"),
        pytest.param("command", None, id="another part"),
        pytest.param("10", None, id="a state alone"),
        pytest.param("param:upstream:10", None, id="a parameter of that name"),
        pytest.param("upstream:", None, id="nothing behind the colon"),
        pytest.param("upstream:-5", None, id="a negative state"),
        pytest.param("upstream:" + "9" * 5000, None, id="more digits than any state has"),
    ],
)
def test_an_upstream_part_names_its_state(part: str, state: int | None) -> None:
    assert upstream_state(part) == state
