"""Artifacts from the command line: stored, verified, held, given up; with the real service."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from support import Service

from buildstate_cli.run.call.flags import RunFlags
from buildstate_cli.run.call.journal import Journal, RunCall
from buildstate_core.models import Build
from buildstate_core.vocabulary import Compression
from buildstate_worker.storage_options import StorageOptions
from buildstate_worker.workspace.machine_key import MachineKey
from buildstate_worker.workspace.machine_state import Workspace

from .uploads import push

Bldst = Callable[..., Any]


@pytest.fixture
def service(module_service: Service) -> Service:
    return module_service


def files_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_what_is_pushed_is_recorded_listed_and_verified(
    bldst: Bldst, build: Build, storage: Path, tmp_path: Path
) -> None:
    pushed = push(bldst, build, tmp_path / "image.raw")
    (stored,) = files_in(storage)
    assert pushed["uri"] == stored.as_uri()
    listed = bldst("artifact", "list", str(build.number), "--output", "json").data
    assert [each["id"] for each in listed] == [pushed["id"]]
    looked = bldst("artifact", "verify", str(build.number), "--output", "json")
    assert (looked.code, looked.data[0]["result"]) == (0, "ok")

    stored.chmod(0o600)
    stored.write_bytes(b"an imagE")
    looked = bldst("artifact", "verify", str(build.number), "--output", "json")
    assert (looked.code, looked.data[0]["result"]) == (1, "corrupt")
    shown = bldst("artifact", "show", pushed["id"], "--output", "json").data
    assert (shown["status"], shown["status_reason"]) == ("quarantined", "artifact_corrupt")
    pulled = bldst("artifact", "pull", pushed["id"])
    assert f"To see why: bldst artifact show {pushed['id']}" in pulled.err
    why = "artifact_corrupt: its artifact does not have the recorded content"
    assert why in bldst("artifact", "show", pushed["id"]).out


def test_a_copy_is_whole_and_nothing_is_overwritten(
    bldst: Bldst, build: Build, tmp_path: Path
) -> None:
    pushed = push(bldst, build, tmp_path / "image.raw")
    target = tmp_path / "delivered" / "image.raw"
    copied = bldst("artifact", "copy", pushed["id"], target.as_uri(), "--output", "json")
    assert copied.code == 0, copied.err
    assert target.read_bytes() == b"an image"
    assert bldst("artifact", "copy", pushed["id"], target.as_uri()).code == 4


def test_what_an_open_build_needs_cannot_be_deleted(
    bldst: Bldst, build: Build, tmp_path: Path
) -> None:
    pushed = push(bldst, build, tmp_path / "image.raw")
    answer = bldst("artifact", "delete", pushed["id"], "--reason", "disk is full")
    assert answer.code == 4
    assert str(build.number) in answer.err


def test_a_created_record_moves_no_bytes(bldst: Bldst, build: Build) -> None:
    answer = bldst(
        *("artifact", "create", str(build.number), "25", "--uri", "s3://elsewhere/image.raw"),
        *("--size", "8", "--output", "json"),
    )
    assert answer.code == 0, answer.err
    assert answer.data["uri"] == "s3://elsewhere/image.raw"
    assert answer.data["storage_type"] == "s3"


def test_a_push_that_is_refused_leaves_nothing(
    bldst: Bldst, service: Service, build: Build, storage: Path, tmp_path: Path
) -> None:
    service.claim(build, 25)
    image = tmp_path / "image.raw"
    image.write_bytes(b"an image")
    answer = bldst("artifact", "push", str(build.number), "25", str(image))
    assert (answer.code, answer.out) == (7, "")
    assert files_in(storage) == []


def test_the_holder_of_a_claim_pushes_to_its_attempts_place(
    bldst: Bldst, service: Service, build: Build, tmp_path: Path
) -> None:
    claim = service.claim(build, 25, lane="eu")
    paths = [tmp_path / name for name in ("a.raw", "b.raw")]
    for path in paths:
        path.write_text(path.name)
    answer = bldst(
        *("artifact", "push", str(build.number), "25", *map(str, paths), "--lane", "eu"),
        *("--token", claim.token, "--expires", "30d", "--sensitivity", "public", "-o", "json"),
    )
    assert answer.code == 0, answer.err
    assert [each["name"] for each in answer.data] == ["a.raw", "b.raw"]
    for each in answer.data:
        assert f"/state-25/eu/{claim.attempt.id}/" in each["uri"]
        assert (each["sensitivity"], each["expires_at"] is None) == ("public", False)


def test_one_upload_goes_elsewhere_and_is_compressed(
    bldst: Bldst, build: Build, tmp_path: Path
) -> None:
    image = tmp_path / "image.raw"
    image.write_bytes(bytes(100_000))
    elsewhere = tmp_path / "elsewhere"
    template = f"{elsewhere.as_uri()}/{{attempt}}-{{name}}"
    pushed = bldst(
        *("artifact", "push", str(build.number), "25", str(image), "--name", "disk"),
        *("--storage", template, "--compress", "zstd", "-o", "json"),
    ).data[0]
    (stored,) = files_in(elsewhere)
    assert stored.name.endswith("-disk")
    assert stored.stat().st_size == pushed["packed"]["size_bytes"] < pushed["size_bytes"]
    assert "zstd, " in bldst("artifact", "show", pushed["id"]).out
    copied = bldst("artifact", "copy", pushed["id"], f"{tmp_path}/copied/", "-o", "json")
    assert copied.data["checksum"] == pushed["packed"]["checksum"]
    assert "copied as it is stored: zstd" in copied.err
    assert (tmp_path / "copied" / "disk").read_bytes() == stored.read_bytes()


def test_one_artifact_is_pulled_by_its_id(bldst: Bldst, build: Build, tmp_path: Path) -> None:
    pushed = push(bldst, build, tmp_path / "image.raw")
    to = tmp_path / "back"
    pulled = bldst("artifact", "pull", pushed["id"], "--to", str(to), "-o", "json")
    assert [each["id"] for each in pulled.data] == [pushed["id"]]
    assert to.read_bytes() == b"an image"
    to.unlink()
    assert bldst("artifact", "pull", str(build.number), "25", "--to", str(to)).code == 0
    assert to.exists()
    lost = bldst("artifact", "pull", str(build.number))
    assert lost.code == 2
    assert "STATE is missing" in lost.err


def test_what_is_gone_and_what_cannot_be_reached_are_told_apart(
    bldst: Bldst, service: Service, build: Build, tmp_path: Path
) -> None:
    whole, gone, far = (
        push(bldst, build, tmp_path / f"{state}.raw", state) for state in (5, 10, 25)
    )
    service.query(
        "UPDATE artifacts SET uri = replace(uri, 'storage', 'not-mounted') WHERE id = %s", far["id"]
    )
    service.query("UPDATE artifacts SET checksum = NULL WHERE id = %s", whole["id"])
    one = bldst("artifact", "verify", far["id"], "-o", "json")
    assert (one.code, [each["result"] for each in one.data]) == (6, ["unreachable"])
    assert service.client.get_artifact(far["id"]).status == "available"

    Path(gone["uri"].removeprefix("file://")).unlink()
    all_of_them = bldst("artifact", "verify", str(build.number))
    assert all_of_them.code == 1
    assert all_of_them.out.endswith("3 artifacts verified: 1 ok, 1 gone, 1 unreachable.\n")
    assert "had no checksum; it is recorded now" in all_of_them.out
    assert service.client.get_artifact(whole["id"]).checksum == whole["checksum"]
    assert service.client.get_artifact(gone["id"]).status == "quarantined"


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        pytest.param("sftp://u:hunter2@nas/srv/a.raw", "holds a password", id="a password"),
        pytest.param("sftp://nas", "does not name a file on a server", id="no file"),
    ],
)
def test_what_was_recorded_wrongly_has_its_reason_and_the_others_are_verified(
    bldst: Bldst, service: Service, build: Build, tmp_path: Path, uri: str, says: str
) -> None:
    wrong, whole = (push(bldst, build, tmp_path / f"{state}.raw", state) for state in (5, 10))
    service.query("UPDATE artifacts SET uri = %s WHERE id = %s", uri, wrong["id"])
    done = bldst("artifact", "verify", str(build.number), "-o", "json")
    assert done.code == 6
    looked = {each["artifact"]: each for each in done.data}
    assert looked[whole["id"]]["result"] == "ok"
    assert looked[wrong["id"]]["result"] == "unreachable"
    assert says in looked[wrong["id"]]["message"]


def test_artifacts_of_all_builds_are_found_by_what_they_are(
    bldst: Bldst, service: Service, build: Build, tmp_path: Path
) -> None:
    first = push(bldst, build, tmp_path / "image.raw")
    other = service.make_build(build.project, key="other")
    second = push(bldst, other, tmp_path / "image.raw", state=10)

    def found(*flags: str) -> list[str]:
        return [each["id"] for each in bldst("artifact", "list", *flags, "-o", "json").data]

    assert found("--project", build.project) == [first["id"], second["id"]]
    assert found("--checksum", first["checksum"], "--project", build.project, "--state", "10") == [
        second["id"]
    ]
    assert found(str(build.number), "--status", "available") == [first["id"]]
    assert found("--project", build.project, "--removable") == []
    assert f"#{other.number}" in bldst("artifact", "list", "--project", build.project).out
    wrong = bldst("artifact", "list", str(build.number), "--project", "rhel-other")
    assert wrong.code == 4


def test_a_hold_and_its_end_are_told(bldst: Bldst, build: Build, tmp_path: Path) -> None:
    pushed = push(bldst, build, tmp_path / "image.raw")
    held = bldst("artifact", "hold", pushed["id"], "--reason", "for the auditors")
    assert held.out.endswith("is held, whatever the policy says: for the auditors\n")
    assert "available, held" in bldst("artifact", "list", str(build.number)).out
    released = bldst("artifact", "hold", pushed["id"], "--release")
    assert "is not held" in released.out
    assert bldst("artifact", "hold", pushed["id"]).code == 2


def test_what_is_deleted_is_not_used_again_and_goes_later(
    bldst: Bldst, build: Build, tmp_path: Path
) -> None:
    first = push(bldst, build, tmp_path / "image.raw", state=10)
    push(bldst, build, tmp_path / "later.raw", state=25)
    deleted = bldst("artifact", "delete", first["id"], "--reason", "disk is full")
    assert deleted.code == 0, deleted.err
    assert "image.raw of state 10 of build" in deleted.out
    assert "by: bldst artifact gc" in deleted.out
    assert "disk is full; its bytes may be removed from" in (
        bldst("artifact", "show", first["id"]).out
    )
    refused = bldst("artifact", "pull", first["id"])
    assert refused.code == 4
    assert "is expired" in refused.err


def test_the_flags_of_add_state_name_the_same(bldst: Bldst, build: Build) -> None:
    answer = bldst(
        *("artifact", "create", str(build.number), "25", "--storage-path", "snap-0abc"),
        *("--storage-type", "ebs", "--artifact-name", "root", "--artifact-size", "8"),
        *("--metadata", "region=eu-west-1", "-o", "json"),
    )
    assert answer.code == 0, answer.err
    facts = {name: answer.data[name] for name in ("name", "kind", "uri", "size_bytes", "metadata")}
    assert facts == {
        "name": "root",
        "kind": "handle",
        "uri": "snap-0abc",
        "size_bytes": 8,
        "metadata": {"region": "eu-west-1"},
    }
    value = bldst(
        *("artifact", "create", str(build.number), "30", "--kind", "value", "--name", "version"),
        *("--metadata", "value=9.6", "-o", "json"),
    )
    assert (value.code, value.data["kind"], value.data["uri"]) == (0, "value", None)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(["push", "1", "25", "nowhere.raw"], 'PATH is "nowhere.raw"', id="no file"),
        pytest.param(
            ["create", "1", "25", "--uri", "snap-0abc"],
            '--storage-type is missing, and --uri "snap-0abc" does not tell it.',
            id="an id of something",
        ),
        pytest.param(
            ["create", "1", "25", "--uri", "ami:ami-0abc"],
            "--storage-type ami (ebs-snapshot",
            id="an id with a scheme",
        ),
        pytest.param(
            ["create", "1", "25", "--uri", "a.raw", "--storage-type", "nfs"],
            '--uri is "a.raw"; in storage of type nfs use a URI',
            id="a path from nowhere",
        ),
        pytest.param(
            ["create", "1", "25", "--uri", "s3://b"],
            '--uri is "s3://b": it names no object; use s3://bucket/key.',
            id="a bucket",
        ),
        pytest.param(
            ["push", "1", "25", ".", "--name", "ö"],
            '--name is "ö"; use letters, digits, dot, dash and underscore',
            id="no name",
        ),
        pytest.param(
            ["list", "--checksum", "zz"],
            '--checksum is "zz"; use sha256: and 64 hexadecimal digits',
            id="no checksum",
        ),
        pytest.param(["push", "1", "25", ".", "..", "--name", "x"], "2 paths", id="one name"),
        pytest.param(["push", "1", "25", ".", "--expires", "soon"], "use 30d, 12h", id="time"),
        pytest.param(
            ["push", "1", "25", ".", "--expires", "2020-01-01T00:00:00Z"],
            "is in the past",
            id="past",
        ),
        pytest.param(
            ["push", "1", "25", ".", "--storage", "s3://b/{foo}/{attempt}/{name}"],
            "{foo} is not known",
            id="template",
        ),
        pytest.param(["push", "1", "25", ".", "--storage", "here"], "is no storage", id="storage"),
        pytest.param(["create", "1", "25"], "--uri is missing", id="no URI"),
        pytest.param(["create", "1", "25", "--uri", "image.raw"], "--storage-type", id="type"),
        pytest.param(["create", "1", "25", "--uri", "/x", "--size", "-1"], "--size", id="size"),
        pytest.param(["copy", "1", "/x"], "use its id", id="no id"),
        pytest.param(["pull", "1"], "STATE is missing", id="pull what"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_done(
    bldst: Bldst, arguments: list[str], says: str
) -> None:
    answer = bldst("artifact", *arguments)
    assert (answer.code, answer.out) == (2, "")
    assert says in answer.err


def test_what_a_command_makes_is_stored_as_it_is_asked_for(
    bldst: Bldst, build: Build, storage: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    elsewhere = tmp_path / "elsewhere"
    answer = bldst(
        *("run", str(build.number), "--state", "25", "--artifact", "image.raw"),
        *("--storage", elsewhere.as_uri(), "--compress", "zstd", "--sensitivity", "public"),
        *("-o", "json", "--", "sh", "-c", "head -c 100000 /dev/zero > image.raw"),
    )
    assert answer.code == 0, answer.err
    (artifact,) = answer.data["artifacts"]
    assert (artifact["sensitivity"], artifact["packed"]["compression"]) == ("public", "zstd")
    assert len(files_in(elsewhere)) == 1
    assert files_in(storage) == []
    wrong = bldst(
        *("run", str(build.number), "--state", "30", "--artifact", "x", "--storage", "s3://b/{x"),
        *("--", "touch", "x"),
    )
    assert (wrong.code, Path("x").exists()) == (2, False)


def test_a_call_that_is_made_again_stores_what_it_makes_as_it_did(tmp_path: Path) -> None:
    options = StorageOptions(storage="s3://b", compression=Compression.NONE)
    flags = RunFlags(
        state=25,
        lane="",
        kind=None,
        artifacts=["image.raw"],
        inputs=[],
        params=[],
        restores=[],
        probe=None,
        lease_seconds=None,
        wait_seconds=None,
        storage_options=options,
    )
    journal = Journal(Workspace(tmp_path), UUID(int=1), MachineKey(tmp_path / "key"))
    journal.note(RunCall(command=["make"], flags=flags))
    (call,) = journal.calls(25, lane="", below=30)
    assert call.flags.storage_options == options
