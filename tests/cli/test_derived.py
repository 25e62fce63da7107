"""Derived builds, side by side, and what belongs to projects, against the real service."""

from collections.abc import Callable
from textwrap import dedent
from typing import Any

import pytest
from support import Service, image

from buildstate_cli.build import compare_view as comparisons
from buildstate_cli.output import text as plain
from buildstate_core.models import Build, BuildDerive
from buildstate_core.vocabulary import AttemptStatus

Bldst = Callable[..., Any]

COMPLETED = AttemptStatus.COMPLETED


@pytest.fixture
def service(module_service: Service) -> Service:
    return module_service


@pytest.fixture(autouse=True)
def _configured(service: Service, environment: dict[str, str]) -> None:
    environment.update(BLDST_API_URL=service.url, BLDST_API_KEY=service.key)


@pytest.fixture
def common(service: Service, request: pytest.FixtureRequest) -> Build:
    """A build that has come to 40, with a step between its checkpoints."""
    made = service.make_build(version=request.node.name[-100:])
    for state in (10, 40):
        service.report(made, state, COMPLETED, image(content=f"{made.number} at {state}"))
    service.report(made, 30, COMPLETED)
    return made


def derived(service: Service, parent: Build, platform: str, state: int = 40) -> Build:
    request = BuildDerive(from_state=state, platform=platform)
    return service.client.derive_build(parent.number, request)


class TestDerive:
    def test_starts_a_build_where_another_one_is(
        self, service: Service, common: Build, bldst: Bldst
    ) -> None:
        line = ("build", "derive", str(common.number), "--from-state", "40")
        told = bldst(*line, "--platform", "azure", "--label", "a=b", "-o", "json")
        assert (told.code, told.err) == (0, "")
        made = told.data
        assert made == service.request("GET", f"/v1/builds/{made['number']}").json
        assert (made["derived_from"], made["derived_state"]) == (common.number, 40)
        kept = [made[name] for name in ("platform", "version", "os", "labels")]
        assert kept == ["azure", common.version, "rhel-9", {"a": "b"}]
        again = bldst(*line, "--platform", "azure", "--label", "a=b", "--quiet")
        assert again.out == f"{made['number']}\n"

    def test_is_an_option_of_create(self, service: Service, common: Build, bldst: Bldst) -> None:
        service.make_project("rhel-azure")
        line = ("build", "create", "-p", "rhel-azure", "--platform", "azure", "--version", "9.6")
        told = bldst(*line, "--derive-from", str(common.number), "--from-state", "40")
        assert (told.code, told.err) == (0, "")
        assert f"It derives from #{common.number} at state 40.\n" in told.out

    def test_from_a_state_without_a_checkpoint_is_refused(
        self, common: Build, bldst: Bldst
    ) -> None:
        line = ("build", "derive", str(common.number), "--from-state", "30")
        told = bldst(*line, "--platform", "azure")
        assert (told.code, told.out) == (4, "")
        assert "30" in told.err

    @pytest.mark.parametrize("line", [["derive", "999999"], ["compare", "999999", "999998"]])
    def test_of_no_build_is_not_found(self, line: list[str], bldst: Bldst) -> None:
        told = bldst("build", *line)
        assert (told.code, told.out) == (3, "")
        assert "999999" in told.err

    def test_both_ends_say_so(self, service: Service, common: Build, bldst: Bldst) -> None:
        made = [derived(service, common, platform).number for platform in ("azure", "aws-gov")]
        child, parent = (bldst("build", "get", str(n)).out for n in (made[0], common.number))
        assert f"It derives from #{common.number} at state 40.\n" in child
        assert "derive from #" not in child
        assert f"These builds derive from #{common.number}:\n" in parent
        assert all(f"\n#{number} " in parent for number in made)
        listed = bldst("build", "list", "--derived-from", f"#{common.number}", "-o", "json").data
        assert [each["number"] for each in listed] == made[::-1]


class TestCompare:
    def test_shows_what_is_inherited_and_what_differs(
        self, service: Service, common: Build, bldst: Bldst
    ) -> None:
        azure, aws = (derived(service, common, platform) for platform in ("azure", "aws-gov"))
        for build, content in ((azure, "vhd"), (aws, "raw")):
            service.report(build, 50, COMPLETED, image(content="the same"))
            service.report(build, 60, COMPLETED, image(content=content))
        numbers = (str(azure.number), str(aws.number))
        told = bldst("build", "compare", *numbers, "-o", "json")
        assert (told.code, told.err) == (0, "")
        assert [each["number"] for each in told.data["builds"]] == [azure.number, aws.number]
        rows = {each["state"]: each["cells"] for each in told.data["states"]}
        assert list(rows) == [10, 30, 40, 50, 60]
        inherited, own = rows[40][0], rows[60][0]
        assert inherited["inherited_from"] == common.number
        assert inherited["checksum"] == image(content=f"{common.number} at 40").checksum
        assert own["inherited_from"] is None
        assert (own["status"], own["attempt"]) == ("completed", 1)
        assert own["checksum"] == image(content="vhd").checksum
        assert rows[30][0]["checksum"] is None

        shown = bldst("build", "compare", *numbers).out
        head, *table, below = shown.splitlines()
        assert head.split() == [
            "STATE", f"#{azure.number}", "azure", f"#{aws.number}", "aws-gov", "DIGESTS",
        ]  # fmt: skip
        assert [line.split()[-1] for line in table] == ["same", "-", "same", "same", "differ"]
        assert f"from #{common.number}" in table[0]
        assert below == "The artifacts differ at state 60."

    def test_follows_a_lineage_to_its_end(
        self, service: Service, common: Build, bldst: Bldst
    ) -> None:
        middle = derived(service, common, "azure", 10)
        service.report(middle, 40, COMPLETED, image(content="of the middle"))
        last = derived(service, middle, "azure-gov", 40)
        told = bldst("build", "compare", str(last.number), str(common.number), "-o", "json").data
        rows = {each["state"]: each["cells"] for each in told["states"]}
        assert [rows[state][0] and rows[state][0]["inherited_from"] for state in (10, 30, 40)] == [
            common.number,
            None,
            middle.number,
        ]
        assert rows[30][0] is None
        assert [rows[state][1]["inherited_from"] for state in (10, 30, 40)] == [None] * 3

    def test_shows_what_a_build_started_from_and_not_what_came_after(
        self, service: Service, common: Build, bldst: Bldst
    ) -> None:
        child = derived(service, common, "azure")
        service.report(common, 40, COMPLETED, image(content="made later"))
        told = bldst("build", "compare", str(child.number), str(common.number), "-o", "json").data
        [cells] = [each["cells"] for each in told["states"] if each["state"] == 40]
        assert [each["attempt"] for each in cells] == [1, 2]
        assert cells[0]["checksum"] == image(content=f"{common.number} at 40").checksum

    def test_of_a_build_with_itself_is_refused(self, common: Build, bldst: Bldst) -> None:
        told = bldst("build", "compare", str(common.number), str(common.id))
        assert (told.code, told.out) == (2, "")
        assert f"Build #{common.number} is compared with itself" in told.err

    def test_has_a_row_for_each_lane(self, service: Service, common: Build, bldst: Bldst) -> None:
        other = service.make_build(key=f"other than {common.number}")
        for lane in ("eu", "us"):
            service.report(common, 60, COMPLETED, image(content=lane), lane=lane)
        told = bldst("build", "compare", str(common.number), str(other.number))
        lines = [line.split()[:2] for line in told.out.splitlines()]
        assert lines[:6] == [["LANE", "STATE"], ["-", "10"], ["-", "30"], ["-", "40"],
                             ["eu", "60"], ["us", "60"]]  # fmt: skip

    def test_of_builds_with_nothing_says_so(self, service: Service, bldst: Bldst) -> None:
        numbers = [str(service.make_build(key=f"empty {each}").number) for each in range(2)]
        told = bldst("build", "compare", *numbers)
        assert (told.code, told.out) == (0, "There are no artifacts to compare.\n")
        assert told.err.startswith("Nothing was recorded of #")


def cell(**changes: Any) -> dict[str, Any]:
    fields = {
        "status": "completed",
        "attempt": 1,
        "duration_seconds": 75.0,
        "checksum": "sha256:" + "a" * 64,
        "inherited_from": None,
    }
    return {**fields, **changes}


def test_a_comparison_as_a_table() -> None:
    other = "sha256:" + "b" * 64
    compared = {
        "builds": [{"number": 14, "platform": "azure"}, {"number": 15, "platform": None}],
        "states": [
            {"state": 40, "state_name": "Network", "lane": "",
             "cells": [cell(inherited_from=12), cell(inherited_from=12)]},
            {"state": 50, "state_name": None, "lane": "",
             "cells": [cell(status="failed", checksum=None, duration_seconds=None), None]},
            {"state": 60, "state_name": None, "lane": "", "cells": [cell(), cell(checksum=other)]},
        ],
    }  # fmt: skip
    assert plain.render(comparisons.one(compared)) == dedent("""\
        STATE       #14 azure                          #15                                DIGESTS
        40 Network  from #12 aaaaaaaaaaaa              from #12 aaaaaaaaaaaa              same
        50          failed                             -                                  -
        60          completed aaaaaaaaaaaa 1 min 15 s  completed bbbbbbbbbbbb 1 min 15 s  differ
        The artifacts differ at state 60.
        """)


class TestProjects:
    def test_are_told_when_builds_go_on_by_themselves(self, service: Service, bldst: Bldst) -> None:
        flags = ("--auto-resume", "lost", "--max-auto-resumes", "2")
        made = bldst("project", "create", "resuming", *flags, "-o", "json").data
        assert (made["auto_resume"], made["max_auto_resumes"]) == ("lost", 2)
        changed = bldst("project", "update", "resuming", "--auto-resume", "failed", "-o", "json")
        assert (changed.code, changed.err) == (0, "")
        assert changed.data == {**made, "auto_resume": "failed"}
        assert changed.data == service.request("GET", "/v1/projects/resuming").json
        shown = bldst("project", "show", "resuming").out
        assert "auto_resume       failed\n" in shown
        assert "max_auto_resumes  2\n" in shown

    def test_that_are_not_there_cannot_be_changed(self, bldst: Bldst) -> None:
        told = bldst("project", "update", "no-such", "--description", "x")
        assert (told.code, told.out) == (3, "")

    def test_keep_every_version_of_their_catalogue(self, service: Service, bldst: Bldst) -> None:
        service.make_project("versions")
        open_build = service.make_build("versions", key="open")
        bldst("catalog", "insert", "versions", "--state", "42", "--name", "VPN setup")
        assert service.client.get_build(open_build.number).catalog_version == 1
        line = ("--state", "43", "--name", "DNS", "--apply-to-open")
        told = bldst("catalog", "insert", "versions", *line)
        assert told.out.endswith("Builds in flight take it over.\n")
        assert service.client.get_build(open_build.number).catalog_version == 3
        shown = bldst("catalog", "history", "versions")
        assert (shown.code, shown.err) == (0, "")
        changes = [line.split("  ")[-1] for line in shown.out.splitlines()[1:]]
        assert changes == ["added 43", "added 42", "the first version"]
        listed = bldst("catalog", "history", "versions", "-o", "json").data
        assert [each["version"] for each in listed] == [3, 2, 1]
