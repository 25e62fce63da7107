"""Which build a key means, as the command line says it, against the real service."""

from collections.abc import Callable
from typing import Any

import pytest

Bldst = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("configured")

CREATE = ("build", "create", "--project", "rhel-base")


@pytest.fixture
def key(shared_service: Any, request: pytest.FixtureRequest) -> str:
    """The key of no build yet, in a project that exists."""
    shared_service.make_build(key="any")
    return str(request.node.nodeid[-200:])


@pytest.mark.parametrize(
    ("flag", "called"),
    [
        ("--version", "version"),
        ("--platform", "platform"),
        ("--os", "os"),
        ("--image-type", "image type"),
    ],
)
def test_a_build_with_this_key_for_something_else_is_a_conflict(
    flag: str, called: str, key: str, bldst: Bldst
) -> None:
    number = bldst(*CREATE, "--key", key, flag, "this", "--quiet").out.strip()
    refused = bldst(*CREATE, "--key", key, flag, "that", "--quiet")
    assert (refused.code, refused.out) == (4, "")
    assert f"Build {number} has the key" in refused.err
    assert f"its {called} is 'this', not 'that'." in refused.err
    assert "a key of its own" in refused.err
    for same in ([], [flag, "this"], [flag, " this "]):
        found = bldst(*CREATE, "--key", key, *same, "--quiet")
        assert (found.code, found.out.strip()) == (0, number)


def test_a_build_with_this_key_from_another_parent_is_a_conflict(key: str, bldst: Bldst) -> None:
    parents = []
    for each in ("one", "two"):
        made = bldst(*CREATE, "--key", f"{key}-{each}", "--quiet").out.strip()
        bldst("artifact", "create", made, "10", "--uri", f"s3://b/{made}")
        parents.append(made)
    one, two = parents
    child = bldst(*CREATE, "--key", key, "--derive-from", one, "--quiet")
    assert child.code == 0, child.err
    for again in (
        bldst(*CREATE, "--key", key, "--derive-from", two),
        bldst("build", "derive", two, "--key", key),
    ):
        assert (again.code, again.out) == (4, "")
        assert f"state 10 of build {one}, not the resume point of build {two}" in again.err


def test_the_same_key_begins_anew_with_a_restart(key: str, bldst: Bldst) -> None:
    old = bldst(*CREATE, "--key", key, "--platform", "aws", "--quiet").out
    new = bldst(*CREATE, "--key", key, "--platform", "azure", "--restart", "--quiet")
    assert new.code == 0
    assert int(new.out) > int(old)


@pytest.mark.parametrize("flag", ["--key", "--version", "--platform", "--os", "--image-type"])
@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("", '""; use some text, or leave it out.'),
        ("9.6\r", "it contains the control character U+000D; leave that out."),
    ],
    ids=["empty", "carriage return"],
)
def test_a_name_that_is_none_is_refused(flag: str, value: str, told: str, bldst: Bldst) -> None:
    answer = bldst(*CREATE, flag, value)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith(f"bldst: {flag} is ")
    assert told in answer.err


def test_a_list_is_of_a_platform_in_one_form(key: str, bldst: Bldst) -> None:
    number = bldst(*CREATE, "--key", key, "--platform", "gr\xf6sse", "--quiet").out.strip()
    found = bldst("build", "list", "--platform", " gro\u0308sse ", "-o", "json").data
    assert [str(each["number"]) for each in found] == [number]
    refused = bldst("build", "list", "--platform", "")
    assert (refused.code, refused.out) == (2, "")
    assert '--platform is ""; use some text, or leave it out.' in refused.err


def test_what_a_lane_that_is_not_set_would_have_published_stays_where_it_was(
    key: str, shared_service: Any, bldst: Bldst
) -> None:
    number = bldst(*CREATE, "--key", key, "--quiet").out.strip()
    line = ("run", number, "--state", "60", "--kind", "effect")
    refused = bldst(*line, "--lane", "", "--", "true")
    assert (refused.code, refused.out) == (2, "")
    assert '--lane is ""; use a lane\'s name, or leave it out for the trunk.' in refused.err
    assert "a variable that is not set" in refused.err
    assert list(shared_service.client.history(number)) == []
