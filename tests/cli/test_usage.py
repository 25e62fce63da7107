"""Bad input: exit code 2, the option's name, the value seen, and what to do. Nothing is sent."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

REPORT = ["build", "add-state", "1", "--status", "completed"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        pytest.param([*REPORT, "--state", "-1"], "--state is -1; use an integer from 0 to 100."),
        pytest.param([*REPORT, "--state", "101"], "--state is 101; use an integer from 0 to 100."),
        pytest.param([*REPORT, "--state", "abc"], '--state is "abc"; use an integer from 0 to 100'),
        pytest.param([*REPORT, "--state", "2.5"], '--state is "2.5"; use an integer'),
        pytest.param(REPORT, "Missing option '--state'."),
        pytest.param(
            ["build", "add-state", "1", "--state", "5", "--status", "done"],
            "--status: 'done' is not one of 'pending', 'in_progress', 'completed', 'failed',"
            " 'cancelled'.",
        ),
        pytest.param(
            ["build", "add-state", "1", "--state", "5", "--status", "lost"],
            "--status: 'lost' is not one of",
        ),
        pytest.param([*REPORT, "--state", "5", "--lane", "a/b"], '--lane is "a/b"; use letters'),
        pytest.param([*REPORT, "--state", "5", "--at", "noon"], '--at is "noon"; use RFC 3339'),
        pytest.param([*REPORT, "--state", "5", "--worker", "w" * 200], '--worker is "www'),
        pytest.param(["build", "get", "abc"], 'BUILD is "abc"; use its number'),
        pytest.param(["build", "get", "9" * 5000], 'BUILD is "999'),
        pytest.param(["build", "get", ""], 'BUILD is ""; use its number'),
        pytest.param(["build", "get"], "Missing argument 'BUILD'."),
        pytest.param(["build", "list", "--limit", "0"], "--limit is 0; use an integer of at least"),
        pytest.param(["build", "list", "--output", "xml"], "--output: 'xml' is not one of 'table'"),
        pytest.param(["build", "list", "--stauts", "x"], "No such option: --stauts"),
        pytest.param(["build", "lst"], "No such command 'lst'. Did you mean 'list'?"),
        pytest.param(["build", "create", "-p", "UP"], '--project is "UP"; use lower case'),
        pytest.param(["build", "create", "-p", "p", "--label", "a"], '--label is "a"; use KEY='),
        pytest.param(
            ["build", "create", "-p", "p", "--label", "a=1", "--label", "a=2"], "given twice"
        ),
        pytest.param(["project", "create", "a b"], 'NAME is "a b"; use lower case'),
        pytest.param(["artifact", "show", "x"], 'ARTIFACT is "x"; use its id.'),
        pytest.param(
            ["catalog", "insert", "p", "--state", "42", "--name", "x", "--color", "red"],
            '--color is "red"; use #rrggbb.',
        ),
        pytest.param(["key", "create", "--name", ""], '--name is ""'),
    ],
    ids=lambda value: " ".join(value)[:60] if isinstance(value, list) else "",
)
def test_a_wrong_value_is_named(
    arguments: list[str], told: str, stub: Any, bldst: Callable[..., Any]
) -> None:
    answer = bldst(*arguments)
    assert answer.code == 2
    assert answer.err.startswith("bldst: ")
    assert told in answer.err
    assert answer.out == ""
    assert stub.requests == []


@pytest.mark.parametrize(
    ("content", "told"),
    [
        pytest.param("{states: [{code: 250, name: x}]}", "states[0].code is 250; use an integer"),
        pytest.param("[{code: 5, name: x, requires: [-1]}]", "states[0].requires[0] is -1; use an"),
        pytest.param("[{code: 5, name: x, colour: red}]", "states[0].colour is not known here"),
        pytest.param("[{code: 5}]", "states[0].name is missing."),
        pytest.param(
            "[{code: 5, name: x}, {code: 5, name: y}]", "state 5 is listed more than once"
        ),
        pytest.param("[]", "states is []: tuple should have at least 1 item"),
        pytest.param("{}", "states is missing."),
        pytest.param("hello", "has no list of states."),
        pytest.param("", "has no list of states."),
        pytest.param("{", "is not JSON or YAML: "),
        pytest.param("[" * 20_000, "is not JSON or YAML: "),
        pytest.param("#" * 1_000_001, "is over a megabyte"),
    ],
    ids=lambda value: value[:30],
)
def test_a_wrong_catalogue_is_placed(
    content: str, told: str, stub: Any, bldst: Callable[..., Any], tmp_path: Path
) -> None:
    file = tmp_path / "states.yaml"
    file.write_text(content)
    answer = bldst("catalog", "set", "p", "--file", str(file))
    assert answer.code == 2
    assert told in answer.err
    assert stub.requests == []


@pytest.mark.parametrize("file", ["missing.yaml", ".", "nul\0.yaml"])
def test_a_file_that_cannot_be_read_is_named(file: str, bldst: Callable[..., Any]) -> None:
    answer = bldst("catalog", "set", "p", "--file", file)
    assert answer.code == 2
    assert "which cannot be read: " in answer.err


def test_bytes_that_are_not_utf_8_are_refused(process: Callable[..., Any]) -> None:
    answer = process("build", "add-failure", "1", "--state", "5", "--message", b"caf\xe9")
    assert answer.code == 2
    assert answer.err.startswith(r"bldst: Argument 7 is not valid UTF-8: b'caf\xe9'.")


def test_a_usage_error_says_where_the_help_is(bldst: Callable[..., Any]) -> None:
    assert "bldst build add-state --help" in bldst("build", "add-state").err


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BLDST_API_URL", "localhost:8642"),
        ("BLDST_API_KEY", "two\nlines"),
        ("BLDST_API_KEY", "ключ"),
    ],
)
def test_a_setting_that_cannot_be_one_is_named(
    name: str, value: str, bldst: Callable[..., Any]
) -> None:
    answer = bldst("build", "list", **{name: value})
    assert answer.code == 2
    assert name in answer.err
