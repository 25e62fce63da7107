"""What a skip says that it has compared."""

import pytest

from buildstate_worker.attempt.compared import compared

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
    assert compared(recorded, now, code="code of 4 functions") == said


def test_files_that_were_read_are_counted() -> None:
    assert compared({"command": "a"}, {"command": "a"}, files_read=7) == (
        "the command, 7 files read last time"
    )
