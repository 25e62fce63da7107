"""Interventions, against the real service: waive, force, revoke, adopt, cancel."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any
from uuid import UUID

import pytest
from support import Service, image

from buildstate_cli.interventions import view as interventions
from buildstate_cli.output import text as plain
from buildstate_core.errors import StaleClaim
from buildstate_core.models import Build, BuildDerive, Intervention, Revocation
from buildstate_core.vocabulary import AttemptStatus

Bldst = Callable[..., Any]

COMPLETED, FAILED = AttemptStatus.COMPLETED, AttemptStatus.FAILED
WHY = ("--reason", "the mirror was compromised")
NO_SUCH = "999999"


@pytest.fixture
def service(module_service: Service) -> Service:
    return module_service


@pytest.fixture(autouse=True)
def _configured(service: Service, environment: dict[str, str]) -> None:
    environment.update(BLDST_API_URL=service.url, BLDST_API_KEY=service.key)


@pytest.fixture
def build(service: Service, request: pytest.FixtureRequest) -> Build:
    """A build with checkpoints at 10 and 25, a step at 30, and a failure at 50."""
    made = service.make_build(key=request.node.nodeid[-500:])
    for state in (10, 25):
        service.report(made, state, COMPLETED, image(content=f"{made.number} at {state}"))
    service.report(made, 30, COMPLETED)
    service.report(made, 50, FAILED, message="mirror timed out")
    return made


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def storage(service: Service, build: Build, tmp_path: Path) -> Path:
    """The folder where the build's project keeps its artifacts."""
    folder = tmp_path / "storage"
    service.query(
        "UPDATE projects SET storage_url = %s WHERE name = %s", folder.as_uri(), build.project
    )
    return folder


def interventions_of(service: Service, build: Build) -> list[tuple[str, int | None, str]]:
    found = service.client.interventions(build.number)
    return [(each.kind.value, each.state, each.reason) for each in found]


def test_a_waived_state_is_not_run(service: Service, build: Build, bldst: Bldst) -> None:
    told = bldst("waive", str(build.number), "50", *WHY)
    assert (told.code, told.err) == (0, "")
    assert told.out == f"Build #{build.number}: state 50 Application runtimes waived.\n"
    [row] = [each for each in service.client.plan(build.number).milestones if each.state == 50]
    assert (row.decision.value, row.reason) == ("skip", "waived")
    assert interventions_of(service, build) == [("waive", 50, WHY[1])]


def test_a_forced_state_and_what_follows_run_again(
    service: Service, build: Build, bldst: Bldst
) -> None:
    told = bldst("force", f"#{build.number}", "25", *WHY)
    assert (told.code, told.err) == (0, "")
    assert told.out.startswith("Everything from state 25 on runs again.\n")
    assert "a person asked for it to run again" in told.out
    assert "A rerun restores state 10 (" in told.out
    plan = bldst("plan", str(build.number), "-o", "json").data
    doing = {each["state"]: each["decision"] for each in plan["milestones"]}
    assert [doing[state] for state in (10, 25, 30, 50)] == ["restore", "run", "run", "run"]
    assert interventions_of(service, build) == [("force", 25, WHY[1])]


def test_json_of_a_forced_build_is_its_plan(service: Service, build: Build, bldst: Bldst) -> None:
    told = bldst("force", str(build.number), "25", *WHY, "-o", "json")
    assert told.data == service.request("GET", f"/v1/builds/{build.number}/plan").json


class TestRevoke:
    def test_takes_what_was_made_from_it_too(
        self, service: Service, build: Build, bldst: Bldst
    ) -> None:
        told = bldst("revoke", str(build.number), "10", *WHY)
        assert (told.code, told.err) == (0, "")
        assert told.out.endswith(f"2 artifacts in build #{build.number} are not used again.\n")
        statuses = {each.state: each.status for each in service.client.list_artifacts(build.number)}
        assert statuses == {10: "revoked", 25: "revoked"}
        assert service.client.get_build(build.number).resume_from is None
        assert interventions_of(service, build) == [("revoke", 10, WHY[1])]

    def test_reaches_derived_builds(self, service: Service, build: Build, bldst: Bldst) -> None:
        request = BuildDerive(from_state=25, platform="azure")
        child = service.client.derive_build(build.number, request)
        service.report(child, 40, COMPLETED, image(content="of the child"))
        told = bldst("revoke", str(build.number), "25", *WHY, "-o", "json")
        assert told.data["builds"] == [build.number, child.number]
        assert {(each["build"], each["state"]) for each in told.data["artifacts"]} == {
            (build.number, 25),
            (child.number, 40),
        }

    def test_said_twice_is_the_same(self, build: Build, bldst: Bldst) -> None:
        first = bldst("revoke", str(build.number), "25", *WHY, "-o", "json")
        again = bldst("revoke", str(build.number), "25", *WHY, "-o", "json")
        assert (again.code, again.data) == (0, first.data)

    def test_takes_the_newest_attempt_and_can_name_one_artifact(
        self, service: Service, build: Build, bldst: Bldst
    ) -> None:
        twice = [image("a", "new a"), image("b", "new b")]
        service.report(build, 25, COMPLETED, *twice)
        told = bldst("revoke", str(build.number), "25", "--name", "b", *WHY, "-o", "json")
        assert [each["name"] for each in told.data["artifacts"]] == ["b"]
        told = bldst("revoke", str(build.number), "25", *WHY, "-o", "json")
        assert [each["name"] for each in told.data["artifacts"]] == ["a"]

    @pytest.mark.parametrize(
        ("line", "said"),
        [
            (["50"], "State 50 of build {} has no completed attempt."),
            (["25", "--lane", "eu"], "It was completed in the trunk. Leave --lane out."),
            (["30"], "of state 30 left no artifact."),
            (["25", "--name", "x"], "of state 25 left no artifact named x."),
        ],
    )
    def test_finds_nothing_and_says_where_to_look(
        self, line: list[str], said: str, service: Service, build: Build, bldst: Bldst
    ) -> None:
        told = bldst("revoke", str(build.number), *line, *WHY)
        assert (told.code, told.out) == (3, "")
        assert said.format(build.number) in told.err
        assert interventions_of(service, build) == []

    def test_of_an_inherited_state_names_the_build_that_made_it(
        self, service: Service, build: Build, bldst: Bldst
    ) -> None:
        child = service.client.derive_build(build.number, BuildDerive(from_state=25))
        told = bldst("revoke", str(child.number), "25", *WHY)
        assert told.code == 3
        assert f"derives from #{build.number} at state 25. Name that one." in told.err


class TestAdopt:
    def test_a_file_is_uploaded_and_restored_where_it_was(
        self, service: Service, build: Build, bldst: Bldst, workspace: Path, storage: Path
    ) -> None:
        (workspace / "out").mkdir()
        (workspace / "out/image.qcow2").write_bytes(b"by hand")
        told = bldst("adopt", str(build.number), "50", "out/image.qcow2", *WHY, "-o", "json")
        assert (told.code, told.err) == (0, "")
        [artifact] = told.data["artifacts"]
        digest = hashlib.sha256(b"by hand").hexdigest()
        assert (artifact["name"], artifact["size_bytes"]) == ("image.qcow2", 7)
        assert artifact["checksum"] == f"sha256:{digest}"
        assert artifact["metadata"] == {"path": "out/image.qcow2"}
        place = artifact["uri"].removeprefix(storage.as_uri())
        assert place.startswith(f"/{build.number}/state-50/adopted-")
        assert (storage / place[1:]).read_bytes() == b"by hand"
        assert service.client.get_build(build.number).resume_from == 50
        assert interventions_of(service, build) == [("adopt", 50, WHY[1])]

    def test_a_folder_in_a_lane_under_a_name_of_its_own(
        self, build: Build, bldst: Bldst, storage: Path, tmp_path: Path
    ) -> None:
        outside = tmp_path / "disks"
        outside.mkdir()
        (outside / "a").write_text("a")
        line = ("adopt", str(build.number), "60", f"disks.tar={outside}", "--lane", "eu", *WHY)
        told = bldst(*line)
        assert told.code == 0, told.err
        assert told.out.startswith(f"Build #{build.number}, lane eu: state 60 ")
        [artifact] = bldst(
            "artifact", "list", str(build.number), "--state", "60", "-o", "json"
        ).data
        assert (artifact["name"], artifact["lane"]) == ("disks.tar", "eu")
        assert artifact["metadata"] == {"folder": True}
        place = f"{storage.as_uri()}/{build.number}/state-60/eu/adopted-"
        assert artifact["uri"].startswith(place)

    def test_a_uri_is_recorded_as_it_is(self, build: Build, bldst: Bldst) -> None:
        uri, digest = "s3://images/base.qcow2?versionId=a=b", "sha256:" + "a" * 64
        flags = ("--checksum", digest, "--size", "7")
        told = bldst("adopt", str(build.number), "50", f"image={uri}", *flags, *WHY, "-o", "json")
        [artifact] = told.data["artifacts"]
        recorded = [artifact[name] for name in ("name", "kind", "storage_type", "uri", "checksum")]
        assert recorded == ["image", "blob", "s3", uri, digest]
        assert artifact["size_bytes"] == 7

    def test_a_handle_is_an_id(self, build: Build, bldst: Bldst) -> None:
        told = bldst("adopt", str(build.number), "60", "ami-0abc", "--handle", "ami", *WHY)
        assert told.out.endswith(" completed, by ami-0abc.\n")
        [artifact] = bldst(
            "artifact", "list", str(build.number), "--state", "60", "-o", "json"
        ).data
        recorded = [artifact[name] for name in ("name", "kind", "storage_type", "uri")]
        assert recorded == ["ami-0abc", "handle", "ami", "ami-0abc"]

    def test_what_is_refused_leaves_no_upload(
        self, service: Service, build: Build, bldst: Bldst, workspace: Path, storage: Path
    ) -> None:
        (workspace / "image.qcow2").write_bytes(b"by hand")
        service.claim(build, 50)
        told = bldst("adopt", str(build.number), "50", "image.qcow2", *WHY)
        assert (told.code, told.out) == (7, "")
        assert "held by worker-a" in told.err
        assert [each for each in storage.rglob("*") if each.is_file()] == []
        assert interventions_of(service, build) == []

    def test_a_storage_that_nothing_moves_bytes_to_is_refused(
        self, service: Service, build: Build, bldst: Bldst, workspace: Path
    ) -> None:
        service.query(
            "UPDATE projects SET storage_url = 'rbd://images' WHERE name = %s", build.project
        )
        (workspace / "image.qcow2").write_bytes(b"by hand")
        told = bldst("adopt", str(build.number), "50", "image.qcow2", *WHY)
        assert told.code == 2
        assert "nothing here moves bytes to it" in told.err


def test_an_upload_that_may_be_recorded_all_the_same_is_left(
    stub: Any, bldst: Bldst, make_build: Callable[..., Any], workspace: Path, tmp_path: Path
) -> None:
    project = {
        "id": str(UUID(int=1)), "name": "rhel-base", "description": "", "catalog_version": 1,
        "storage_url": (tmp_path / "storage").as_uri(), "created_at": "2026-11-24T12:00:00Z",
    }  # fmt: skip
    stub.on("GET /v1/builds/123", make_build().model_dump(mode="json"))
    stub.on("GET /v1/projects/rhel-base", project)
    stub.refuse("POST /v1/builds/123/adopt", 401, detail="The key was revoked.")
    (workspace / "image.qcow2").write_bytes(b"by hand")
    told = bldst("adopt", "123", "50", "image.qcow2", *WHY, BLDST_API_URL=stub.url)
    assert (told.code, told.out) == (5, "")
    [upload] = [each for each in (tmp_path / "storage").rglob("*") if each.is_file()]
    assert f"{upload.as_uri()} was uploaded, and is left there" in told.err


class TestCancel:
    def test_ends_the_build_and_tells_the_holder(
        self, service: Service, build: Build, bldst: Bldst
    ) -> None:
        claim = service.claim(build, 50)
        told = bldst("build", "cancel", str(build.number), *WHY)
        assert (told.code, told.err) == (0, "")
        assert f"#{build.number} rhel-base aws: cancelled at 50 " in told.out
        with pytest.raises(StaleClaim):
            service.heartbeat(claim)
        assert interventions_of(service, build) == [("cancel", None, WHY[1])]

    def test_of_a_completed_build_is_refused(self, service: Service, bldst: Bldst) -> None:
        build = service.make_build(key="delivered")
        service.report(build, 100, COMPLETED)
        told = bldst("build", "cancel", str(build.number), *WHY)
        assert (told.code, told.out) == (4, "")


@pytest.mark.parametrize(
    "line",
    [
        ("waive", "50"),
        ("force", "25"),
        ("adopt", "50", "s3://images/x"),
    ],
    ids=lambda each: each[0],
)
def test_an_intervention_in_what_a_worker_holds_is_refused(
    line: tuple[str, ...], service: Service, build: Build, bldst: Bldst
) -> None:
    service.claim(build, 50)
    command, *arguments = line
    told = bldst(command, str(build.number), *arguments, *WHY)
    assert (told.code, told.out) == (7, "")
    assert "held by worker-a" in told.err
    assert interventions_of(service, build) == []


@pytest.mark.parametrize(
    "line",
    [
        ("waive", NO_SUCH, "25", *WHY),
        ("force", NO_SUCH, "25", *WHY),
        ("revoke", NO_SUCH, "25", *WHY),
        ("adopt", NO_SUCH, "25", "s3://images/x", *WHY),
        ("explain", NO_SUCH, "25"),
        ("build", "cancel", NO_SUCH, *WHY),
        ("build", "interventions", NO_SUCH),
    ],
    ids=" ".join,
)
def test_a_build_that_is_not_there_is_named(line: tuple[str, ...], bldst: Bldst) -> None:
    told = bldst(*line)
    assert (told.code, told.out) == (3, "")
    assert NO_SUCH in told.err


def test_the_decisions_about_a_build_are_listed(
    service: Service, build: Build, bldst: Bldst
) -> None:
    number = str(build.number)
    nothing = bldst("build", "interventions", number)
    assert (nothing.code, nothing.out) == (0, "")
    assert nothing.err == "No interventions in this build.\n"
    bldst("force", number, "25", *WHY)
    bldst("waive", number, "60", "--lane", "eu", "--reason", "no load\nbalancer there")
    shown = bldst("build", "interventions", number)
    head, force, waive = shown.out.splitlines()
    assert head.split() == ["WHEN", "WHO", "WHAT", "STATE", "LANE", "WHY"]
    assert force.endswith("force  25     -     the mirror was compromised")
    assert waive.endswith("waive  60     eu    no load balancer there")
    listed = bldst("build", "interventions", number, "-o", "json").data
    path = f"/v1/builds/{number}/interventions"
    assert listed == service.request("GET", path).json["items"]
    assert all(each["actor"] for each in listed)


def test_decisions_as_a_table() -> None:
    made = Intervention(
        id=UUID(int=1), build=12, kind="revoke", state=25, lane="", artifact=UUID(int=7),
        reason="compromised", actor="maria", at="2026-11-24T12:00:00Z",
    )  # fmt: skip
    cancelled = made.model_copy(update={"kind": "cancel", "state": None, "lane": None})
    assert plain.render(interventions.listing([made, cancelled])) == dedent("""\
        WHEN                  WHO    WHAT    STATE  LANE  WHY
        2026-11-24 12:00:00Z  maria  revoke  25     -     compromised
        2026-11-24 12:00:00Z  maria  cancel  -      -     compromised
        """)


def test_a_revocation_in_words(make_artifact: Callable[..., Any]) -> None:
    revoked = Revocation(
        artifacts=(make_artifact(), make_artifact(build=124, state=60, lane="eu")),
        builds=(123, 124),
    )
    shown = plain.render(interventions.revoked(revoked))
    assert shown.splitlines()[2].startswith("#124   60     eu    image.qcow2  blob  1.0 GiB")
    assert shown.endswith("2 artifacts in builds #123 and #124 are not used again.\n")
