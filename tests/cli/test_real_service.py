"""The lines of the issue, as written, against the real service."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

DIGEST = "sha256:" + "a" * 64


@pytest.fixture
def real(service: Any, environment: dict[str, str]) -> None:
    environment.update(BLDST_API_URL=service.url, BLDST_API_KEY=service.key)


@pytest.mark.usefixtures("real")
def test_reports_of_a_pipeline_that_fails_at_50(bldst: Callable[..., Any]) -> None:
    assert bldst("project", "create", "rhel-base").code == 0
    created = bldst("build", "create", "--project", "rhel-base", "--platform", "aws", "-o", "json")
    build = str(created.data["number"])
    where = "s3://builds/proj-123/build-456/state-25/image.qcow2"
    artifact = f"--storage-type s3 --storage-path {where} --checksum {DIGEST}"
    lines = [
        "--state 5 --status in_progress",
        "--state 5 --status completed",
        f"--state 25 --status completed {artifact}",
    ]
    told = [bldst("build", "add-state", build, *line.split()).out for line in lines]
    assert told == [
        f"Build #{build}: state 5 OS install in_progress.\n",
        f"Build #{build}: state 5 OS install completed.\n",
        f"Build #{build}: state 25 Security baseline completed.\n",
    ]
    bldst(
        "build", "add-state", build, "--state", "50", "--status", "failed", "--message", "timed out"
    )

    shown = bldst("build", "get", build)
    assert shown.out.splitlines()[0] == (
        f"#{build} rhel-base aws: failed at 50 Application runtimes; a rerun resumes from 25."
    )
    assert "timed out" in shown.out
    data = bldst("build", "get", created.data["id"], "-o", "json").data
    assert (data["current_state"], data["status"], data["resume_from"]) == (50, "failed", 25)

    plan = bldst("plan", build, "-o", "json").data
    decisions = {each["state"]: each["decision"] for each in plan["milestones"]}
    assert (decisions[5], decisions[25], decisions[50]) == ("skip", "restore", "run")

    [recorded] = bldst("artifact", "list", build, "-o", "json").data
    assert recorded["uri"] == where
    assert bldst("artifact", "show", recorded["id"], "-o", "json").data == recorded
    assert bldst("build", "add-failure", build, "--state", "50", "-m", "again").code == 0
    failures = bldst("build", "history", build, "--state", "50", "-o", "json").data
    assert [each["message"] for each in failures] == ["timed out", "again"]


@pytest.mark.usefixtures("real")
def test_builds_are_listed_newest_first(bldst: Callable[..., Any]) -> None:
    bldst("project", "create", "p")
    for platform in ("aws", "azure"):
        bldst("build", "create", "--project", "p", "--platform", platform)
    bldst("build", "add-state", "2", "--state", "45", "--status", "completed")
    [_, newest, oldest] = bldst("build", "list").out.splitlines()
    assert newest.split()[:3] == ["#2", "p", "azure"]
    assert "45 Storage  45 %      in_progress" in newest
    assert oldest.startswith("#1")


@pytest.mark.usefixtures("real")
def test_an_inserted_state_leaves_builds_in_flight_alone(bldst: Callable[..., Any]) -> None:
    bldst("project", "create", "rhel-base")
    bldst("build", "create", "--project", "rhel-base")
    inserted = bldst("catalog", "insert", "rhel-base", "--state", "42", "--name", "VPN setup")
    assert inserted.out.startswith("The catalogue of rhel-base is now version 2, with 22 states.")
    assert bldst("build", "get", "1", "-o", "json").data["catalog_version"] == 1
    again = bldst("catalog", "insert", "rhel-base", "--state", "42", "--name", "VPN setup")
    assert again.code == 4


@pytest.mark.usefixtures("real")
def test_what_does_not_exist_is_not_found(bldst: Callable[..., Any]) -> None:
    assert bldst("build", "get", "999").code == 3
    assert bldst("project", "show", "nope").code == 3
    assert bldst("catalog", "show", "nope").code == 3
    assert bldst("artifact", "show", "0198c0de-0000-7000-8000-000000000000").code == 3
    report = ("build", "add-state", "999", "--state", "5", "--status", "completed")
    assert bldst(*report).code == 3


@pytest.mark.usefixtures("real")
def test_a_completed_build_takes_no_more_reports(bldst: Callable[..., Any]) -> None:
    bldst("project", "create", "p")
    bldst("build", "create", "--project", "p")
    assert bldst("build", "add-state", "1", "--state", "100", "--status", "completed").code == 0
    answer = bldst("build", "add-state", "1", "--state", "50", "--status", "failed")
    assert (answer.code, answer.out) == (4, "")


@pytest.mark.usefixtures("real")
def test_a_key_works_until_it_is_revoked(bldst: Callable[..., Any]) -> None:
    key = bldst("key", "create", "--name", "ci").out.strip()
    assert bldst("build", "list", BLDST_API_KEY=key).code == 0
    assert bldst("key", "revoke", "ci").code == 0
    assert bldst("build", "list", BLDST_API_KEY=key).code == 5
    assert bldst("build", "list", BLDST_API_KEY="").code == 5


@pytest.mark.usefixtures("real")
def test_a_report_made_during_an_outage_arrives(
    bldst: Callable[..., Any], closed_url: str, environment: dict[str, str], tmp_path: Path
) -> None:
    bldst("project", "create", "p")
    bldst("build", "create", "--project", "p")
    report = ("build", "add-state", "1", "--state", "25", "--status", "completed")
    assert bldst(*report, BLDST_API_URL=closed_url).code == 0
    [file] = (tmp_path / "data/spool").glob("*.json")
    file.write_text(file.read_text().replace(closed_url, environment["BLDST_API_URL"]))
    assert bldst("build", "get", "1", "-o", "json").data["current_state"] == 25
