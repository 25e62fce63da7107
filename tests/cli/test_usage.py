"""Bad input: exit code 2, the option's name, the value seen, and what to do. Nothing is sent."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

REPORT = ["build", "add-state", "1", "--status", "completed"]

WHY = ["--reason", "because"]
ADOPT = ["adopt", "1", "30", *WHY]


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
        pytest.param(["waive", "1", "30"], "Missing option '--reason'."),
        pytest.param(["force", "1", "30"], "Missing option '--reason'."),
        pytest.param(["revoke", "1", "30"], "Missing option '--reason'."),
        pytest.param(["adopt", "1", "30", "s3://b/x"], "Missing option '--reason'."),
        pytest.param(["build", "cancel", "1"], "Missing option '--reason'."),
        pytest.param(["waive", "1", "30", "--reason", ""], '--reason is ""'),
        pytest.param(["force", "1", "30", "--reason", "  "], '--reason is "  "'),
        pytest.param(["build", "cancel", "1", "--reason", "x" * 2000], '--reason is "xxx'),
        pytest.param(["waive", "1", "101", *WHY], "STATE is 101; use an integer from 0 to 100."),
        pytest.param(["force", "1", "-1", *WHY], "No such option: -1"),
        pytest.param(["revoke", "1", "abc", *WHY], 'STATE is "abc"; use an integer from 0'),
        pytest.param(["force", "x", "30", *WHY], 'BUILD is "x"; use its number'),
        pytest.param(["force", "1", "30", "--lane", "a/b", *WHY], '--lane is "a/b"; use letters'),
        pytest.param(["explain", "1"], "Missing argument 'STATE'."),
        pytest.param(["explain", "1", "101"], "STATE is 101; use an integer from 0 to 100."),
        pytest.param(["explain", "1", "25", "--attempt", "0"], "--attempt is 0; use an integer"),
        pytest.param([*ADOPT, "missing.qcow2"], 'PATH_OR_URI is "missing.qcow2", which is not'),
        pytest.param([*ADOPT, "image=missing"], 'PATH_OR_URI is "missing", which is not there.'),
        pytest.param([*ADOPT, ""], 'PATH_OR_URI is ""; name a file'),
        pytest.param([*ADOPT, "conftest.py", "--size", "7"], "--size is given, but conftest.py is"),
        pytest.param(
            [*ADOPT, "conftest.py", "--checksum", "sha256:" + "a" * 64],
            "--checksum is given, but conftest.py is a path",
        ),
        pytest.param([*ADOPT, "s3://b/x", "--checksum", "abc"], '--checksum is "abc"; use sha256:'),
        pytest.param([*ADOPT, "s3://b/x", "--size", "-1"], "--size is -1; use an integer of at"),
        pytest.param([*ADOPT, "ami-1", "--handle", "A M I"], '--handle is "A M I"; use a short'),
        pytest.param([*ADOPT, "s3://b/x", "--lane", "a/b"], '--lane is "a/b"; use letters'),
        pytest.param(["build", "compare", "1"], "Missing argument 'BUILD'."),
        pytest.param(["build", "compare", "1", "two"], 'BUILD is "two"; use its number'),
        pytest.param(
            ["build", "derive", "1", "--from-state", "101"], "--from-state is 101; use an"
        ),
        pytest.param(["build", "derive", "1", "--lane", "a/b"], '--lane is "a/b"; use letters'),
        pytest.param(["build", "derive", "1", "--label", "a"], '--label is "a"; use KEY=VALUE'),
        pytest.param(["build", "derive", "1", "-p", "UP"], '--project is "UP"; use lower case'),
        pytest.param(
            ["build", "create", "-p", "p", "--from-state", "40"],
            "--from-state is given without --derive-from; say from which build.",
        ),
        pytest.param(
            ["build", "create", "-p", "p", "--from-lane", "eu"],
            "--from-lane is given without --derive-from; say from which build.",
        ),
        pytest.param(
            ["build", "create", "-p", "p", "--derive-from", "1", "--from-lane", "a/b"],
            '--from-lane is "a/b"; use letters',
        ),
        pytest.param(
            ["build", "list", "--derived-from", "x"], '--derived-from is "x"; use its number'
        ),
        pytest.param(["project", "update", "p"], "There is nothing to change."),
        pytest.param(
            ["project", "update", "p", "--auto-resume", "always"],
            "--auto-resume: 'always' is not one of 'never', 'lost', 'failed'.",
        ),
        pytest.param(
            ["project", "update", "p", "--max-auto-resumes", "101"],
            "--max-auto-resumes is 101; use an integer from 0 to 100.",
        ),
        pytest.param(["project", "update", "p", "--storage-url", "x"], "--storage-url is"),
    ],
    ids=lambda value: " ".join(value)[:60] if isinstance(value, list) else "",
)
def test_a_wrong_value_is_named(
    arguments: list[str],
    told: str,
    stub: Any,
    bldst: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(Path(__file__).parent)
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
