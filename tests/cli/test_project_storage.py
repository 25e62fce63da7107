"""What a project says about its artifacts: where they lie, how, and for how long."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from support import Service

Bldst = Callable[..., Any]

TEMPLATE = "s3://builds/{project}/{build}/state-{state:02d}/{attempt}/{name}"


@pytest.fixture(autouse=True)
def _configured(module_service: Service, environment: dict[str, str]) -> None:
    environment.update(BLDST_API_URL=module_service.url, BLDST_API_KEY=module_service.key)


@pytest.fixture
def project(bldst: Bldst) -> str:
    name = f"rhel-{uuid4().hex[:8]}"
    assert bldst("project", "create", name).code == 0
    return name


def changed(bldst: Bldst, project: str, *flags: str) -> Any:
    answer = bldst("project", "update", project, *flags, "-o", "json")
    assert answer.code == 0, answer.err
    assert bldst("project", "show", project, "-o", "json").data == answer.data
    return answer.data


def test_a_project_begins_with_all_of_it(bldst: Bldst) -> None:
    made = bldst(
        *("project", "create", f"rhel-{uuid4().hex[:8]}", "--storage-url", TEMPLATE),
        *("--compression", "none", "--deduplicate", "--keep-days", "7", "--no-keep-delivered"),
        *("--allow", "secret=s3://vault/", "--allow", "secret=file:///safe/", "-o", "json"),
    ).data
    assert made["storage_url"] == TEMPLATE
    assert (made["compression"], made["deduplicate"]) == ("none", True)
    assert made["allowed_places"] == {"secret": ["s3://vault/", "file:///safe/"]}
    assert made["retention"] == {
        "keep_delivered_builds": 5,
        "keep_delivered": False,
        "keep_days": 7,
        "grace_hours": 24,
    }


def test_whether_commands_are_traced_is_said_of_a_project(bldst: Bldst, project: str) -> None:
    assert changed(bldst, project, "--trace", "on")["trace"] == "on"
    assert changed(bldst, project, "--description", "x")["trace"] == "on"
    assert "trace             on" in bldst("project", "show", project).out
    assert changed(bldst, project, "--trace", "off")["trace"] == "off"


def test_what_is_left_out_stays_also_within_the_policy(bldst: Bldst, project: str) -> None:
    assert changed(bldst, project, "--keep-days", "7")["retention"]["keep_delivered_builds"] == 5
    policy = changed(bldst, project, "--grace-hours", "0", "--keep-delivered-builds", "2")
    assert (policy["retention"]["keep_days"], policy["retention"]["grace_hours"]) == (7, 0)
    assert changed(bldst, project, "--description", "x")["retention"] == policy["retention"]
    assert changed(bldst, project, "--no-retention")["retention"] is None


def test_a_label_is_limited_and_let_free_without_touching_the_others(
    bldst: Bldst, project: str
) -> None:
    changed(bldst, project, "--allow", "secret=s3://vault/", "--allow", "public=s3://www/")
    now = changed(bldst, project, "--allow", "secret=s3://safe/")["allowed_places"]
    assert now == {"secret": ["s3://safe/"], "public": ["s3://www/"]}
    now = changed(bldst, project, "--allow", "secret=anywhere")["allowed_places"]
    assert now == {"public": ["s3://www/"]}


def test_people_read_it_in_words(bldst: Bldst, project: str) -> None:
    shown = bldst("project", "show", project).out
    assert "none: everything is kept for ever" in shown
    assert "every label: anywhere" in shown
    changed(bldst, project, "--keep-days", "1", "--allow", "secret=s3://vault/")
    shown = bldst("project", "show", project).out
    assert "everything else is kept for 1 day\n" in shown
    assert "secret: s3://vault/" in shown


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        pytest.param(["--allow", "secret"], '--allow is "secret"; use LABEL=', id="no place"),
        pytest.param(["--allow", "top=s3://x/"], "use LABEL=URI_PREFIX", id="no such label"),
        pytest.param(
            ["--allow", "secret=s3://x/", "--allow", "secret=anywhere"],
            "gives both places and anywhere for secret artifacts",
            id="both",
        ),
        pytest.param(["--allow", "secret=foo"], "--allow is \"foo\": 'foo' is no", id="nowhere"),
        pytest.param(["--keep-days", "1", "--no-retention"], "use one of the two", id="no policy"),
        pytest.param(["--keep-days", "-1"], "--keep-days is -1", id="too few days"),
        pytest.param(["--storage-url", "s3://b/{name}"], "lacks {attempt}", id="template"),
        pytest.param([], "There is nothing to change.", id="nothing"),
    ],
)
def test_what_cannot_be_said_is_refused(
    bldst: Bldst, project: str, flags: list[str], says: str
) -> None:
    answer = bldst("project", "update", project, *flags)
    assert (answer.code, answer.out) == (2, "")
    assert says in answer.err
