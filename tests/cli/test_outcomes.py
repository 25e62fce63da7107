"""Every error has an exit code and a text, and no error has a traceback."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Never

import pytest
from pydantic import ValidationError

from buildstate_cli.build import actions
from buildstate_cli.exit_codes import exit_code
from buildstate_core import errors
from buildstate_core.models import Fail

E = errors


@pytest.mark.parametrize(
    ("error", "code"),
    [
        pytest.param(E.BuildStateError("x"), 1, id="any other"),
        pytest.param(E.InvalidInput("x"), 2, id="invalid input"),
        pytest.param(E.NotFound("x"), 3, id="not found"),
        pytest.param(E.Conflict("x"), 4, id="conflict"),
        pytest.param(E.Refused("x"), 4, id="refused"),
        pytest.param(E.StaleClaim("x"), 4, id="stale claim"),
        pytest.param(E.ArtifactLost("x", reason="artifact_gone"), 4, id="artifact lost"),
        pytest.param(E.ArtifactUnreachable("x"), 4, id="artifact unreachable"),
        pytest.param(E.NotAllowed("x"), 5, id="not allowed"),
        pytest.param(E.Unreachable("x"), 6, id="unreachable"),
        pytest.param(E.Held("x"), 7, id="held"),
        pytest.param(KeyboardInterrupt(), 130, id="Ctrl-C"),
        pytest.param(BrokenPipeError(), 141, id="broken pipe"),
        pytest.param(OSError("x"), 1, id="operating system"),
        pytest.param(KeyError("x"), 1, id="bug"),
    ],
)
def test_scripts_can_tell_errors_apart(
    error: BaseException, code: int, bldst: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "get", raiser(error))
    answer = bldst("build", "get", "1")
    assert exit_code(error) == answer.code == code
    assert answer.out == ""
    assert "Traceback" not in answer.err


def test_every_error_class_has_a_code() -> None:
    classes = [each for each in vars(errors).values() if isinstance(each, type)]
    codes = {each: exit_code(each.__new__(each)) for each in classes if issubclass(each, Exception)}
    assert {cls for cls, code in codes.items() if code == 1} == {E.BuildStateError}


def test_an_error_is_a_sentence_with_the_next_step_below(
    bldst: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    held = E.Held("state 25 of build 123 is held by packer-07.", hint="See: bldst watch 123")
    monkeypatch.setattr(actions, "get", raiser(held))
    assert bldst("build", "get", "1").err == (
        "bldst: state 25 of build 123 is held by packer-07.\n       See: bldst watch 123\n"
    )


def test_what_could_steer_a_terminal_is_made_visible(
    bldst: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "get", raiser(E.NotFound("no \x1b[31m build")))
    assert bldst("build", "get", "1").err == "bldst: no \\x1b[31m build\n"


def test_what_a_model_refuses_names_the_option(
    bldst: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValidationError) as refused:
        Fail(token="t" * 300, message="x")
    monkeypatch.setattr(actions, "get", raiser(refused.value))
    answer = bldst("build", "get", "1")
    assert answer.code == 2
    assert answer.err.startswith('bldst: --token is "ttt')


def test_a_bug_says_where_to_report_it(
    bldst: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "get", raiser(KeyError("number")))
    answer = bldst("build", "get", "1")
    assert answer.err.startswith("bldst: internal error: KeyError: 'number'\n")
    assert "report" in answer.err


def test_a_bug_shows_its_traceback_when_debugging(
    bldst: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "get", raiser(KeyError("number")))
    assert "Traceback" in bldst("build", "get", "1", BLDST_DEBUG="1").err


def test_an_unreachable_service_is_named(process: Callable[..., Any], closed_url: str) -> None:
    answer = process("build", "list")
    assert (answer.code, answer.out) == (6, "")
    assert closed_url in answer.err


def test_a_reader_that_goes_away_is_no_error(
    stub: Any, environment: dict[str, str], make_build: Callable[..., Any]
) -> None:
    page = {"items": [make_build(number=n).model_dump(mode="json") for n in range(200)]}
    stub.on("GET /v1/builds", page)
    reading, writing = os.pipe()
    os.close(reading)
    program = Path(sys.executable).with_name("bldst")
    with os.fdopen(writing, "wb") as pipe:
        done = subprocess.run(
            [program, "build", "list", "--limit", "200"],
            stdout=pipe,
            stderr=subprocess.PIPE,
            check=False,
            env=environment,
        )
    assert (done.returncode, done.stderr) == (141, b"")


def raiser(error: BaseException) -> Callable[..., Never]:
    def fail(*_: object, **__: object) -> Never:
        raise error

    return fail
