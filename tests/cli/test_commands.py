"""Every command against the real service: the issue's lines, JSON, exit codes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import Service

DIGEST = "sha256:" + "a" * 64
NO_SUCH_ID = "0198c0de-0000-7000-8000-000000000000"

Bldst = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("configured")


@pytest.fixture
def build(shared_service: Service, request: pytest.FixtureRequest) -> str:
    """A fresh build's number."""
    return str(shared_service.make_build(key=request.node.nodeid[-500:]).number)


class TestTheLinesOfTheIssue:
    def test_as_written_in_a_shell(
        self, shared_service: Service, build: str, environment: dict[str, str], process: Bldst
    ) -> None:
        """Each with a process of its own, as a person types them."""
        assert environment["BLDST_API_URL"] == shared_service.url
        lines = f"""
        build add-state {build} --state 5 --status in_progress
        build add-state {build} --state 25 --status completed --storage-type s3 \
            --storage-path s3://builds/proj-123/build-456/state-25/image.qcow2 --checksum {DIGEST}
        build add-state {build} --state 45 --status completed
        """.replace("\\\n", "")
        for line in lines.strip().splitlines():
            answer = process(*line.split())
            assert (answer.code, answer.err) == (0, ""), line
        listed = process("build", "list").out.splitlines()
        [row] = [line for line in listed if line.startswith(f"#{build} ")]
        assert "  aws  " in row
        assert "45 Storage  45 %" in row
        assert "in_progress" in row

        failed = ("--state", "50", "--status", "failed", "--message", "mirror timed out")
        assert process("build", "add-state", build, *failed).code == 0
        shown = process("build", "get", build)
        assert "failed at 50 Application runtimes; a rerun resumes from 25." in shown.out
        assert "mirror timed out" in shown.out

    def test_where_a_failed_build_stands(self, add_state: Bldst, build: str, bldst: Bldst) -> None:
        add_state("--state", "25", "--status", "completed", "--storage-path", "s3://b/x")
        add_state("--state", "50", "--status", "failed", "--message", "mirror timed out")
        shown = bldst("build", "get", build, "-o", "json").data
        told = [shown[name] for name in ("current_state", "status", "resume_from", "progress")]
        assert told == [50, "failed", 25, 25]
        assert shown["failure"]["message"] == "mirror timed out"

    def test_builds_are_listed_newest_first(self, shared_service: Service, bldst: Bldst) -> None:
        newest = shared_service.make_build(key="the newest").number
        numbers = [each["number"] for each in bldst("build", "list", "-o", "json").data]
        assert numbers == sorted(numbers, reverse=True)
        assert numbers[0] == newest

    def test_an_inserted_state_leaves_builds_and_pipelines_alone(
        self, shared_service: Service, bldst: Bldst
    ) -> None:
        shared_service.make_project("p42")
        before = shared_service.make_build("p42", key="before")
        shared_service.report(before, 40, "completed")  # type: ignore[arg-type]
        old = bldst("build", "get", str(before.number), "-o", "json").data
        plan = bldst("plan", str(before.number), "-o", "json").data
        inserted = bldst("catalog", "insert", "p42", "--state", "42", "--name", "VPN setup")
        assert (inserted.code, inserted.err) == (0, "")
        assert bldst("build", "get", str(before.number), "-o", "json").data == old
        assert bldst("plan", str(before.number), "-o", "json").data == plan
        after = shared_service.make_build("p42", key="after")
        assert (before.catalog_version, after.catalog_version) == (1, 2)
        states = [
            each["code"] for each in bldst("catalog", "show", "p42", "-o", "json").data["states"]
        ]
        assert states[states.index(40) :][:3] == [40, 42, 45]
        names = {
            number: bldst(
                "build", "add-state", str(number), "--state", "42", "--status", "completed",
                "-o", "json",
            ).data["state_name"]
            for number in (before.number, after.number)
        }  # fmt: skip
        assert names == {before.number: None, after.number: "VPN setup"}

    @pytest.mark.parametrize(
        ("flags", "recorded"),
        [
            (["nfs", "/mnt/nfs/builds/sap-123/state-30.qcow2"], ("blob", "state-30.qcow2")),
            (["file", "file:///srv/images/a%20b.raw"], ("blob", "a-b.raw")),
            (["ebs", "snap-0abc"], ("handle", "snap-0abc")),
            (["ami", "ami-0abc"], ("handle", "ami-0abc")),
            (["ceph", "rbd/pool/base@gold"], ("handle", "base-gold")),
            (["azure", "https://acct.blob.core.windows.net/img/base.vhd"], ("blob", "base.vhd")),
            (["azure", "/subscriptions/1/images/base"], ("handle", "base")),
            (["gcs", "gs://images/base.tar.gz"], ("blob", "base.tar.gz")),
            (["s3", "s3://bucket/päth/ümage.qcow2"], ("blob", "umage.qcow2")),
            (["own-thing", "x:y/z"], ("handle", "z")),
        ],
        ids=lambda each: each[0],
    )
    def test_a_report_takes_any_storage(
        self, flags: list[str], recorded: Any, add_state: Bldst, build: str, bldst: Bldst
    ) -> None:
        kind, uri = flags
        told = add_state(
            "--state", "30", "--status", "completed", "--storage-type", kind, "--storage-path", uri
        )
        assert told.code == 0, told.err
        [artifact] = bldst("artifact", "list", build, "-o", "json").data
        assert (artifact["storage_type"], artifact["uri"], artifact["checksum"]) == (
            kind,
            uri,
            None,
        )
        assert (artifact["kind"], artifact["name"]) == recorded
        assert bldst("build", "get", build, "-o", "json").data["resume_from"] == 30

    def test_a_key_is_printed_once(self, bldst: Bldst) -> None:
        made = bldst("key", "create", "--name", "once", "--output", "json")
        assert (made.code, made.err) == (0, "")
        key = made.data["key"]
        assert bldst("build", "list", BLDST_API_KEY=key).code == 0
        later = bldst("key", "list", "--output", "json")
        assert key not in later.out
        assert "once" in [each["name"] for each in later.data]
        bare = bldst("key", "create", "--name", "bare")
        assert bldst("build", "list", BLDST_API_KEY=bare.out.strip()).code == 0


def test_json_is_what_the_service_says(
    shared_service: Service, bldst: Bldst, build: str, tmp_path: Path
) -> None:
    report = ("build", "add-state", build, "--state", "25", "--status", "completed")
    assert bldst(*report, "--storage-path", "s3://b/x", "--artifact-size", "7").code == 0
    [artifact] = shared_service.client.list_artifacts(build)
    resources = {
        ("project", "show", "rhel-base"): "/v1/projects/rhel-base",
        ("catalog", "show", "rhel-base"): "/v1/projects/rhel-base/catalog",
        ("catalog", "show", "rhel-base", "--version", "1"): (
            "/v1/projects/rhel-base/catalog/versions/1"
        ),
        ("build", "get", build): f"/v1/builds/{build}",
        ("build", "get", f"#{build}"): f"/v1/builds/{build}",
        ("plan", build): f"/v1/builds/{build}/plan",
        ("explain", build, "25"): f"/v1/builds/{build}/explain?state=25",
        ("explain", build, "25", "--attempt", "1"): (
            f"/v1/builds/{build}/explain?state=25&attempt=1"
        ),
        ("artifact", "show", str(artifact.id)): f"/v1/artifacts/{artifact.id}",
    }
    lists = {
        ("project", "list"): "/v1/projects",
        ("catalog", "history", "rhel-base"): "/v1/projects/rhel-base/catalog/versions",
        ("build", "list"): "/v1/builds",
        ("build", "history", build): f"/v1/builds/{build}/history",
        ("artifact", "list", build): f"/v1/builds/{build}/artifacts",
    }
    for command, path in resources.items():
        answer = bldst(*command, "--output", "json")
        expected = shared_service.request("GET", path).json
        assert (answer.code, answer.err, answer.data) == (0, "", expected)
        as_yaml = bldst(*command, "--output", "yaml")
        assert json.loads(json.dumps(yaml.safe_load(as_yaml.out))) == answer.data
        assert bldst(*command).out
    for command, path in lists.items():
        answer = bldst(*command, "--output", "json")
        expected = shared_service.request("GET", path).json["items"]
        assert (answer.code, answer.err, answer.data) == (0, "", expected)
        assert bldst(*command).out
    # Using a key changes when it was last used.
    assert [each["name"] for each in bldst("key", "list", "-o", "json").data] == [
        each["name"] for each in shared_service.request("GET", "/v1/keys").json["items"]
    ]
    assert tmp_path


def test_json_of_what_changes_something_is_the_changed_resource(
    shared_service: Service, bldst: Bldst, build: str, tmp_path: Path
) -> None:
    def changed(*command: str) -> Any:
        answer = bldst(*command, "--output", "json")
        assert (answer.code, answer.err) == (0, ""), command
        return answer.data

    def now(path: str) -> Any:
        return shared_service.request("GET", path).json

    assert changed("project", "create", "made") == now("/v1/projects/made")
    made = changed("build", "create", "-p", "made", "--version", "9.6", "--label", "a=b")
    assert made == now(f"/v1/builds/{made['id']}")
    again = changed("build", "create", "-p", "made", "--version", "9.6")
    assert again["id"] == made["id"]
    restarted = changed("build", "create", "-p", "made", "--version", "9.6", "--restart")
    assert restarted["number"] > made["number"]

    inserted = changed("catalog", "insert", "made", "--state", "42", "--name", "VPN")
    assert inserted == now("/v1/projects/made/catalog")
    states = tmp_path / "states.json"
    states.write_text(json.dumps({**inserted, "states": inserted["states"][:3]}))
    assert changed("catalog", "set", "made", "--file", str(states))["version"] == 3

    report = changed("build", "add-state", build, "--state", "5", "--status", "in_progress")
    failure = changed("build", "add-failure", build, "--state", "5", "--message", "x")
    assert failure["id"] == report["id"]
    assert [failure] == now(f"/v1/builds/{build}/history")["items"]

    why = ("--reason", "because")
    waived = changed("waive", build, "10", *why)
    assert waived in now(f"/v1/builds/{build}/history")["items"]
    adopted = changed("adopt", build, "25", "s3://b/x", *why)
    assert adopted in now(f"/v1/builds/{build}/history")["items"]
    [artifact] = adopted["artifacts"]
    assert changed("force", build, "30", *why) == now(f"/v1/builds/{build}/plan")
    revocation = changed("revoke", build, "25", *why)
    assert revocation["artifacts"] == [now(f"/v1/artifacts/{artifact['id']}")]
    assert changed("build", "cancel", build, *why) == now(f"/v1/builds/{build}")
    listed = changed("build", "interventions", build)
    assert listed == now(f"/v1/builds/{build}/interventions")["items"]
    assert [each["kind"] for each in listed] == ["waive", "adopt", "force", "revoke", "cancel"]

    update = ("project", "update", "made", "--max-auto-resumes", "5")
    assert changed(*update) == now("/v1/projects/made")

    key = changed("key", "create", "--name", "shown")
    assert set(key) >= {"id", "name", "key", "prefix"}
    assert changed("key", "revoke", key["id"])["revoked_at"] is not None
    settings = changed("config", "show")
    assert shared_service.key not in json.dumps(settings)


def test_an_artifact_is_pulled_to_its_place(
    add_state: Bldst, build: str, bldst: Bldst, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "share").mkdir()
    image = tmp_path / "share/image.qcow2"
    image.write_text("bytes")
    add_state("--state", "30", "--status", "completed", "--storage-path", str(image))
    pulled = bldst("artifact", "pull", build, "--state", "30", "-o", "json")
    assert pulled.code == 0
    assert "unverified" in pulled.err
    assert [each["uri"] for each in pulled.data] == [str(image)]
    assert (tmp_path / "image.qcow2").read_text() == "bytes"
    elsewhere = bldst("artifact", "pull", build, "--state", "30", "--to", "deep/er/x", "-o", "json")
    assert (elsewhere.code, "unverified" in elsewhere.err) == (0, False)
    assert (tmp_path / "deep/er/x").read_text() == "bytes"

    image.write_text("BYTES")
    (tmp_path / "image.qcow2").unlink()
    assert bldst("artifact", "pull", build, "--state", "30").code == 0  # from the cache
    (tmp_path / "image.qcow2").unlink()
    other_machine = {"BLDST_CACHE_DIR": str(tmp_path / "other")}
    corrupt = bldst("artifact", "pull", build, "--state", "30", **other_machine)
    assert corrupt.code == 4
    assert "corrupt" in corrupt.err
    assert not (tmp_path / "image.qcow2").exists()
    assert bldst("artifact", "pull", build, "--state", "30").code == 3


@pytest.mark.parametrize("code", range(8))
def test_scripts_can_tell_ends_apart(
    code: int, bldst: Bldst, build: str, shared_service: Service, closed_url: str,
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    run = ("run", build, "--state", "30")
    if code == 7:
        shared_service.claim(shared_service.client.get_build(build), 30)
    commands: dict[int, tuple[tuple[str, ...], dict[str, str]]] = {
        0: (("build", "get", build), {}),
        1: ((*run, "--artifact", "not-made", "--", "true"), {}),
        2: (("build", "get", "no number"), {}),
        3: (("build", "get", "999999"), {}),
        4: (("project", "create", "rhel-base"), {}),
        5: (("build", "get", build), {"BLDST_API_KEY": "bldst_no-such-key"}),
        6: (("build", "get", build), {"BLDST_API_URL": closed_url}),
        7: ((*run, "--wait", "0", "--", "true"), {}),
    }
    command, environ = commands[code]
    answer = bldst(*command, **environ)
    assert answer.code == code
    assert bool(answer.err) == (code > 0)
    assert not (answer.out and code)
    assert "Traceback" not in answer.err
    if code:
        *_, hint = answer.err.strip().splitlines()
        assert "bldst: " in answer.err
        assert "bldst" in hint or hint.endswith(".")
