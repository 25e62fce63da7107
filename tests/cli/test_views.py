"""What people see: golden text for each kind of resource."""

import re
from collections.abc import Callable
from textwrap import dedent
from typing import Any

import pytest

from buildstate_cli.artifact import view as artifacts
from buildstate_cli.build import attempts_view as attempts
from buildstate_cli.build import view as builds
from buildstate_cli.catalog import view as catalogs
from buildstate_cli.output import formats, terminal
from buildstate_cli.output import text as plain
from buildstate_cli.output.page import Page, Table
from buildstate_core.models import Catalog, Lane

NOON = "2026-11-24T12:00:00Z"


def lane(name: str, frontier: int, status: str = "in_progress") -> Lane:
    return Lane(
        lane=name, status=status, current_state=frontier, frontier=frontier, resume_from=None
    )


def text(page: Page) -> str:
    return plain.render(page)


def test_a_list_of_builds(make_build: Callable[..., Any]) -> None:
    newest = make_build()
    older = make_build(
        number=7, platform=None, version=None, status="pending", progress=0,
        current_state=None, current_state_name=None,
    )  # fmt: skip
    assert text(builds.listing([newest, older])) == dedent("""\
        BUILD  PROJECT    PLATFORM  VERSION  STATE       PROGRESS  STATUS       UPDATED
        #123   rhel-base  aws       9.6      45 Storage  45 %      in_progress  2026-11-24 12:00:00Z
        #7     rhel-base  -         -        -           0 %       pending      2026-11-24 12:00:00Z
        """)


def test_a_list_of_builds_with_lanes(make_build: Callable[..., Any]) -> None:
    lanes = [lane("eu-west-1", 100, "completed"), lane("eu-west-3", 60)]
    [head, row] = text(builds.listing([make_build(lanes=lanes)])).splitlines()
    assert head.endswith("LANES")
    assert row.endswith("1/2 lanes at 100, slowest eu-west-3 at 60")


@pytest.mark.parametrize(
    ("frontiers", "said"),
    [
        ([], ""),
        ([100, 100], "2/2 lanes at 100"),
        ([100, 60, 100, 80], "2/4 lanes at 100, slowest l1 at 60"),
        ([40, 60], "1/2 lanes at 60, slowest l0 at 40"),
        ([0], "1/1 lanes at 0"),
    ],
)
def test_lanes_in_short(frontiers: list[int], said: str) -> None:
    lanes = [lane(f"l{number}", frontier) for number, frontier in enumerate(frontiers)]
    assert builds.lanes_in_short(lanes) == said


def test_a_failed_build(make_build: Callable[..., Any]) -> None:
    build = make_build(
        status="failed", current_state=50, current_state_name="Application runtimes",
        progress=25, frontier=25, peak=25, labels={"team": "platform"},
        failure={"state": 50, "lane": "", "attempt": 1, "message": "mirror timed out", "at": NOON},
    )  # fmt: skip
    assert text(builds.one(build)) == dedent("""\
        #123 rhel-base aws: failed at 50 Application runtimes; a rerun resumes from 25.
        State 50, attempt 1, at 2026-11-24 12:00:00Z: mirror timed out
        id               00000000-0000-0000-0000-00000000007b
        key              9.6/aws/rhel-9/base
        version          9.6
        os               rhel-9
        image_type       base
        labels           team=platform
        status           failed
        current_state    50 Application runtimes
        progress         25 %
        frontier         25
        peak             25
        resume_from      25
        catalog_version  1
        created_at       2026-11-24 12:00:00Z
        started_at       2026-11-24 12:00:00Z
        updated_at       2026-11-24 12:00:00Z
        """)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"status": "pending", "current_state": None, "current_state_name": None,
             "resume_from": None},
            "#123 rhel-base aws: pending; a rerun starts from the beginning.",
        ),
        ({}, "#123 rhel-base aws: in_progress at 45 Storage; a rerun resumes from 25."),
        ({"platform": None, "status": "cancelled"}, "#123 rhel-base: cancelled at 45 Storage."),
        (
            {"status": "completed", "current_state": 100, "current_state_name": "Published"},
            "#123 rhel-base aws: completed at 100 Published.",
        ),
    ],
)  # fmt: skip
def test_a_build_in_a_sentence(
    changes: dict[str, Any], sentence: str, make_build: Callable[..., Any]
) -> None:
    assert builds.sentence(make_build(**changes)) == sentence


def test_the_history_of_a_build(
    make_attempt: Callable[..., Any], make_artifact: Callable[..., Any]
) -> None:
    rows = [
        make_attempt(artifacts=[make_artifact()]),
        make_attempt(state=50, state_name=None, lane="eu", attempt=2, status="failed",
                     reason="recipe_changed:code", message="mirror\ntimed out", started_at=None,
                     duration_seconds=None),
    ]  # fmt: skip
    table = [re.split(r"  +", row) for row in text(attempts.listing(rows)).splitlines()]
    assert table == [
        ["STATE", "LANE", "ATTEMPT", "STATUS", "STARTED", "DURATION", "WORKER", "WHY",
         "ARTIFACT", "MESSAGE"],
        ["25 Security baseline", "-", "1", "completed", "2026-11-24 12:00:00Z", "1 min 15 s",
         "packer-07", "-", "s3://builds/123/image.qcow2", "-"],
        ["50", "eu", "2", "failed", "-", "-", "packer-07", "its recipe has changed: code", "-",
         "mirror timed out"],
    ]  # fmt: skip


def test_a_report_in_a_sentence(make_attempt: Callable[..., Any]) -> None:
    assert text(attempts.reported(make_attempt())) == (
        "Build #123: state 25 Security baseline completed.\n"
    )
    assert text(attempts.reported(make_attempt(lane="eu", state_name=None))) == (
        "Build #123, lane eu: state 25 completed.\n"
    )


def test_a_build_says_what_it_derives_from_and_what_derives_from_it(
    make_build: Callable[..., Any],
) -> None:
    build = make_build(derived_from=12, derived_state=40)
    derived = [
        make_build(number=130, derived_state=40, platform="azure", status="pending",
                   current_state=None, current_state_name=None),
        make_build(number=129, derived_state=45),
    ]  # fmt: skip
    shown = text(builds.one(build, derived))
    assert shown.splitlines()[1] == "It derives from #12 at state 40."
    assert "derived_from     #12 at state 40\n" in shown
    assert shown.endswith(
        dedent("""\
        These builds derive from #123:
        BUILD  PROJECT    PLATFORM  VERSION  FROM STATE  STATE       STATUS
        #130   rhel-base  azure     9.6      40          -           pending
        #129   rhel-base  aws       9.6      45          45 Storage  in_progress
        """)
    )


@pytest.mark.parametrize(("number", "rows", "more"), [(20, 20, 0), (21, 20, 1)])
def test_of_many_derived_builds_the_newest_are_shown(
    number: int, rows: int, more: int, make_build: Callable[..., Any]
) -> None:
    derived = [make_build(number=each, derived_state=40) for each in range(200, 200 + number)]
    shown = text(builds.one(make_build(), derived))
    assert shown.count("#2") == rows
    assert shown.count("bldst build list --derived-from 123") == more


def catalog(version: int, *states: tuple[int, str]) -> Catalog:
    listed = [{"code": code, "name": name} for code, name in states]
    return Catalog(project="p", version=version, states=listed, created_at=NOON)


def test_the_history_of_a_catalogue() -> None:
    versions = [
        catalog(4, (5, "OS"), (42, "VPN"), (43, "DNS")),
        catalog(3, (5, "OS"), (42, "VPN"), (43, "DNS")),
        catalog(2, (5, "OS"), (40, "Net"), (41, "x"), (42, "VPN set-up")),
        catalog(1, (5, "OS"), (40, "Net"), (41, "x")),
    ]
    assert text(catalogs.history(versions)) == dedent("""\
        VERSION  WHEN                  STATES  CHANGE
        4        2026-11-24 12:00:00Z  3       nothing
        3        2026-11-24 12:00:00Z  3       added 43; removed 40 and 41; changed 42
        2        2026-11-24 12:00:00Z  4       added 42
        1        2026-11-24 12:00:00Z  3       the first version
        """)


def test_a_change_of_a_catalogue_says_for_which_builds() -> None:
    new = catalog(2, (5, "OS"))
    assert text(catalogs.changed(new)) == (
        "The catalogue of p is now version 2, with 1 state. Builds in flight keep theirs.\n"
    )
    assert text(catalogs.changed(new, is_for_open=True)).endswith("in flight take it over.\n")


def test_an_artifact(make_artifact: Callable[..., Any]) -> None:
    shown = text(artifacts.one(make_artifact(checksum=None)))
    assert "size_bytes    1073741824 (1.0 GiB)\n" in shown
    assert "checksum      none: unverified until the first pull\n" in shown
    assert "virtual_size" not in shown
    image = make_artifact(metadata={"virtual_size": 10 * 2**30})
    assert "virtual_size  10737418240 (10.0 GiB)\n" in text(artifacts.one(image))


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0.0 s"),
        (59.94, "59.9 s"),
        (60, "1 min 00 s"),
        (3599, "59 min 59 s"),
        (3600, "1 h 00 min"),
    ],
)
def test_durations(seconds: float, said: str) -> None:
    assert formats.duration(seconds) == said


@pytest.mark.parametrize(
    ("size", "said"), [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (2**63 - 1, "8192.0 PiB")]
)
def test_sizes(size: int, said: str) -> None:
    assert formats.size(size) == said


def test_a_terminal_cuts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("NO_COLOR", "1")
    columns = ("BUILD", "LANE", "STATUS", "MESSAGE")
    message = "dnf: every mirror timed out while it was asked for the list of packages"
    table = Table(
        columns=columns, rows=[("#123", "", "in_progress", message)], free_text={"MESSAGE"}
    )
    lines = terminal.render([table]).splitlines()
    assert "in_progress" in lines[2]
    assert "LANE" not in lines[0]
    assert "".join("".join(lines[2:]).split()).endswith(message.replace(" ", ""))
    assert "…" not in "".join(lines)


def test_a_terminal_is_not_steered_by_what_it_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in terminal.render(
        ["\x1b[31mred", Table(columns=("A",), rows=[("\x1b[2J",)])]
    )
