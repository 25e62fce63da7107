"""What a skip says that it has compared."""

import pytest

from buildstate_worker.attempt.compared import Counted, compared
from buildstate_worker.reads import Compared

CODE = {"code": "2:aa", "code:flow.harden": "2:bb"}


@pytest.mark.parametrize(
    ("recorded", "now", "said"),
    [
        ({"command": "aa"}, {"command": "aa"}, "the command only"),
        (
            {"command": "aa", "param:os": "bb", "input:a": "cc", "input:b": "dd"},
            {"command": "aa", "param:os": "bb", "input:a": "cc", "input:b": "dd"},
            "the command, 1 parameter, 2 inputs",
        ),
        (CODE, CODE, "code of 4 functions"),
        ({"code": "aa"}, CODE, "code of 1 function"),
        ({}, CODE, "nothing of what goes into it"),
        ({"upstream:10": "aa"}, {"param:os": "2:bb"}, "nothing of what goes into it"),
    ],
)
def test_only_what_both_sides_say_is_compared(
    recorded: dict[str, str], now: dict[str, str], said: str
) -> None:
    assert compared(recorded, now, Counted("code of 4 functions")) == f"compared: {said}"


@pytest.mark.parametrize(
    ("looked", "said"),
    [
        (Compared(7), "compared: the command, 7 files read last time"),
        (Compared(1, absent=1), "compared: the command, 1 file that was not there"),
        (
            Compared(3, absent=2),
            "compared: the command, 1 file read last time, 2 files that were not there",
        ),
    ],
)
def test_files_that_were_read_are_counted(looked: Compared, said: str) -> None:
    assert compared({"command": "a"}, {"command": "a"}, looked=looked) == said


def test_files_that_a_command_names_are_counted_one_by_one() -> None:
    parts = {"command": "2:a", "found:x.sh": "2:b", "found:conf": "2:c", "found:gone": "2:d"}
    counted = Counted(files={"found:x.sh": 1, "found:conf": 40, "found:gone": 0})
    assert compared(parts, parts, counted) == "compared: the command, 41 files that it names"


def test_files_that_tools_read_are_not_said_to_be_named() -> None:
    parts = {"command": "2:a", "found:Makefile": "2:b", "found:*.mk": "2:c", "found:x": "2:d"}
    tools = {"found:Makefile": "make", "found:*.mk": "make", "found:x": "packer"}
    counted = Counted(files={"found:*.mk": 0}, tools=tools)
    assert compared(parts, parts, counted) == (
        "compared: the command, 1 file that make reads, 1 file that packer reads"
    )


def test_where_no_such_file_is_there_only_the_command_was_compared() -> None:
    parts = {"command": "2:a", "found:Makefile": "2:b"}
    counted = Counted(files={"found:Makefile": 0}, tools={"found:Makefile": "make"})
    assert compared(parts, parts, counted) == "compared: the command only"


def test_what_comes_through_a_pipe_is_said_to_be_not_compared() -> None:
    assert compared({"command": "a"}, {"command": "a"}, Counted(is_piped=True)) == (
        "compared: the command only; not compared: what comes through the pipe on standard input"
    )
