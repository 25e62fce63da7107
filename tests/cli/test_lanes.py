"""Lanes that are typed: an empty one is a variable that is not set, and never the trunk."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import typer

from buildstate_cli.app import app

Bldst = Callable[..., Any]


def options(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Give every command that takes a lane, and the option for it."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from options(command, (*path, name))
            continue
        for param in command.params:
            if any(each.endswith("lane") for each in param.opts):
                yield (*path, name, param.opts[0])


OPTIONS = list(options(typer.main.get_command(app)))


def test_every_command_that_takes_a_lane_is_among_those_tested() -> None:
    assert {" ".join(each) for each in OPTIONS} >= {
        "run --lane",
        "build add-state --lane",
        "build history --lane",
        "build create --from-lane",
        "build derive --lane",
        "artifact pull --lane",
        "resume --lane",
        "explain --lane",
        "revoke --lane",
    }


@pytest.mark.parametrize("option", OPTIONS, ids=" ".join)
@pytest.mark.parametrize(
    ("lane", "told"),
    [
        pytest.param("", '""; use a lane\'s name, or leave it out for the trunk.', id="empty"),
        pytest.param(" ", '" "; use a lane\'s name, or leave it out for the trunk.', id="blank"),
        pytest.param("trunk", '"trunk"; use another name: the trunk is meant', id="trunk"),
        pytest.param("a/b", '"a/b"; use letters, digits, dot, dash and underscore', id="slash"),
        pytest.param("e\tu", "it contains the control character U+0009", id="tab"),
    ],
)
def test_a_lane_that_is_none_is_refused_before_anything_is_sent(
    option: tuple[str, ...], lane: str, told: str, bldst: Bldst, stub: Any
) -> None:
    answer = bldst(*option, lane)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith(f"bldst: {option[-1]} is ")
    assert told in answer.err
    assert stub.requests == []


def test_a_lane_that_is_not_typed_is_the_trunk(bldst: Bldst, stub: Any, make_attempt: Any) -> None:
    stub.on("POST /v1/builds/1/waive", make_attempt().model_dump(mode="json"))
    assert bldst("waive", "1", "30", "--reason", "because").code == 0
    assert [body["lane"] for _, body in stub.requests] == [""]


def test_blanks_around_a_lane_are_left_out(bldst: Bldst, stub: Any, make_attempt: Any) -> None:
    stub.on("POST /v1/builds/1/waive", make_attempt(lane="eu").model_dump(mode="json"))
    assert bldst("waive", "1", "30", "--lane", " eu ", "--reason", "because").code == 0
    assert [body["lane"] for _, body in stub.requests] == ["eu"]


def test_a_history_of_the_trunk_has_no_lane(bldst: Bldst) -> None:
    answer = bldst("build", "history", "1", "--trunk", "--lane", "eu")
    assert (answer.code, answer.out) == (2, "")
    assert "--lane and --trunk are given; use one of them." in answer.err
