"""stdout has the resource and nothing else."""

import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import yaml


def test_json_is_one_resource(
    bldst: Callable[..., Any], stub: Any, make_build: Callable[..., Any]
) -> None:
    build = make_build().model_dump(mode="json")
    stub.on("GET /v1/builds/123", build)
    answer = bldst("build", "get", "#123", "--output", "json")
    assert (answer.code, answer.err, answer.data) == (0, "", build)
    assert answer.out.startswith('{\n  "id"')


def test_yaml_is_the_same_resource(
    bldst: Callable[..., Any], stub: Any, make_build: Callable[..., Any]
) -> None:
    build = make_build(labels={"team": "Köln"}).model_dump(mode="json")
    stub.on("GET /v1/builds/123", build)
    answer = bldst("build", "get", "123", "-o", "yaml")
    assert yaml.safe_load(answer.out) == build
    assert "Köln" in answer.out


def test_a_list_is_an_array_even_when_empty(bldst: Callable[..., Any], stub: Any) -> None:
    stub.on("GET /v1/builds", {"items": []})
    answer = bldst("build", "list", "-o", "json")
    assert (answer.out, answer.err) == ("[]\n", "")


def test_an_empty_table_says_so_on_stderr(bldst: Callable[..., Any], stub: Any) -> None:
    stub.on("GET /v1/builds", {"items": []})
    answer = bldst("build", "list")
    assert (answer.code, answer.out, answer.err) == (0, "", "No builds.\n")


def test_a_list_stops_at_its_limit(
    bldst: Callable[..., Any], stub: Any, make_build: Callable[..., Any]
) -> None:
    page = {"items": [make_build().model_dump(mode="json")] * 3, "next_cursor": "more"}
    stub.on("GET /v1/builds", page)
    filters = ("--project", "p", "--platform", "aws", "--status", "failed")
    assert len(bldst("build", "list", "--limit", "5", *filters, "-o", "json").data) == 5
    asked = "GET /v1/builds?project=p&platform=aws&status=failed"
    assert [request for request, _ in stub.requests] == [asked, f"{asked}&cursor=more"]


def test_history_can_be_narrowed(
    bldst: Callable[..., Any], stub: Any, make_attempt: Callable[..., Any]
) -> None:
    attempts = [make_attempt(state=5), make_attempt(state=60, lane="eu"), make_attempt(state=60)]
    page = {"items": [each.model_dump(mode="json") for each in attempts]}
    stub.on("GET /v1/builds/1/history", page)

    def found(*filters: str) -> list[tuple[int, str]]:
        return [(a["state"], a["lane"]) for a in bldst("build", "history", "1", *filters).data]

    every = [(5, ""), (60, "eu"), (60, "")]
    assert found("-o", "json") == every
    assert found("--state", "60", "-o", "json") == every[1:]
    assert found("--trunk", "-o", "json") == [(5, ""), (60, "")]
    assert found("--lane", "eu", "--state", "5", "-o", "json") == []


def test_a_new_key_is_alone_on_stdout(
    bldst: Callable[..., Any], stub: Any, make_key: Callable[..., Any]
) -> None:
    new = {**make_key().model_dump(mode="json"), "key": "bldst_secret"}
    stub.on("POST /v1/keys", new, 201)
    answer = bldst("key", "create", "--name", "ci")
    assert answer.out == "bldst_secret\n"
    assert "bldst_secret" not in answer.err
    assert bldst("key", "create", "--name", "ci", "-o", "json").data == new


def test_a_key_is_revoked_by_name_among_the_good_ones(
    bldst: Callable[..., Any], stub: Any, make_key: Callable[..., Any]
) -> None:
    old = make_key(id=UUID(int=1), revoked_at="2026-11-24T12:00:00Z")
    good = make_key(id=UUID(int=2))
    stub.on("GET /v1/keys", {"items": [each.model_dump(mode="json") for each in (old, good)]})
    stub.on(f"DELETE /v1/keys/{good.id}", good.model_dump(mode="json"))
    assert bldst("key", "revoke", "ci").out == f"Key ci ({good.id}) is revoked.\n"


def test_a_name_of_several_keys_revokes_none(
    bldst: Callable[..., Any], stub: Any, make_key: Callable[..., Any]
) -> None:
    keys = [make_key(id=UUID(int=n)) for n in (1, 2)]
    stub.on("GET /v1/keys", {"items": [each.model_dump(mode="json") for each in keys]})
    answer = bldst("key", "revoke", "ci")
    assert answer.code == 4
    assert all(str(each.id) in answer.err for each in keys)
    assert len(stub.requests) == 1


def test_an_unknown_key_is_not_found(bldst: Callable[..., Any], stub: Any) -> None:
    stub.on("GET /v1/keys", {"items": []})
    assert bldst("key", "revoke", "ci").code == 3


def test_the_settings_never_show_the_key(
    bldst: Callable[..., Any], environment: dict[str, str]
) -> None:
    answer = bldst("config", "show", "-o", "json")
    assert answer.data["api_key"] == "bldst_012345…"
    assert answer.data["api_url"] == environment["BLDST_API_URL"]
    assert answer.data["worker"] == "packer-07"
    assert environment["BLDST_API_KEY"] not in bldst("config", "show").out


@pytest.mark.parametrize(("key", "shown"), [("", None), ("short-secret", "…")])
def test_a_short_key_is_not_shown_at_all(
    key: str, shown: str | None, bldst: Callable[..., Any]
) -> None:
    assert bldst("config", "show", "-o", "json", BLDST_API_KEY=key).data["api_key"] == shown


def test_what_a_command_sends_is_what_was_given(
    bldst: Callable[..., Any], stub: Any, make_build: Callable[..., Any]
) -> None:
    stub.on("POST /v1/builds", make_build().model_dump(mode="json"), 201)
    bldst("build", "create", "--project", "rhel-base", "--platform", "aws", "--label", "a=b=c")
    sent = {"project": "rhel-base", "platform": "aws", "labels": {"a": "b=c"}}
    assert stub.requests == [("POST /v1/builds", sent)]


def test_a_shown_catalogue_can_be_edited_and_set(
    bldst: Callable[..., Any], stub: Any, tmp_path: Path
) -> None:
    states = [{"code": 5, "name": "OS install"}, {"code": 42, "name": "VPN setup", "requires": [5]}]
    catalog = {"project": "p", "version": 2, "states": states, "created_at": "2026-11-24T12:00:00Z"}
    stub.on("GET /v1/projects/p/catalog", catalog)
    stub.on("PUT /v1/projects/p/catalog", catalog)
    for suffix in ("json", "yaml"):
        file = tmp_path / f"catalog.{suffix}"
        file.write_text(bldst("catalog", "show", "p", "-o", suffix).out)
        answer = bldst("catalog", "set", "p", "-f", str(file))
        assert answer.out.startswith("The catalogue of p is now version 2, with 2 states.")
    assert [each["code"] for each in stub.requests[1][1]["states"]] == [5, 42]
    assert stub.requests[1] == stub.requests[3]


def test_a_catalogue_comes_from_stdin(process: Callable[..., Any], stub: Any) -> None:
    stub.on("PUT /v1/projects/p/catalog", {})
    process("catalog", "set", "p", "--file", "-", stdin="[{code: 5, name: OS install}]")
    assert stub.requests[0][1] == {"states": [{"code": 5, "name": "OS install"}]}


@pytest.mark.parametrize(("no_color", "reds"), [({}, 1), ({"NO_COLOR": "1"}, 0)])
def test_a_terminal_gets_colours_unless_told_otherwise(
    no_color: dict[str, str],
    reds: int,
    stub: Any,
    environment: dict[str, str],
    make_build: Callable[..., Any],
) -> None:
    stub.on("GET /v1/builds", {"items": [make_build(status="failed").model_dump(mode="json")]})
    reading, writing = pty.openpty()
    program = Path(sys.executable).with_name("bldst")
    env = {**environment, "TERM": "xterm", "COLUMNS": "120", **no_color}
    subprocess.run([program, "build", "list"], stdout=writing, check=True, env=env)
    os.close(writing)
    shown = os.read(reading, 10_000).decode()
    os.close(reading)
    assert "#123" in shown
    assert shown.count("\x1b[31m") == reds
