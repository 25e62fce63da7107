"""Artifacts from the command line: stored, verified, held, given up; with the real service."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from support import Service

from buildstate_core.models import Build, ProjectUpdate, Retention
from buildstate_core.vocabulary import AttemptStatus

Bldst = Callable[..., Any]

LONG_AGO = time.time() - 7 * 86_400


@pytest.fixture
def service(module_service: Service) -> Service:
    return module_service


@pytest.fixture
def storage(tmp_path: Path) -> Path:
    return tmp_path / "storage"


@pytest.fixture
def build(service: Service, storage: Path, environment: dict[str, str]) -> Build:
    """A build of a project with a storage of its own, in a workspace that is the current folder."""
    environment.update(BLDST_API_URL=service.url, BLDST_API_KEY=service.key)
    project = f"rhel-{uuid4().hex[:8]}"
    service.make_project(project, storage_url=storage.as_uri())
    return service.make_build(project)


def files_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def push(bldst: Bldst, build: Build, path: Path, state: int = 25) -> Any:
    path.write_bytes(b"an image")
    answer = bldst("artifact", "push", str(build.number), str(state), str(path), "--output", "json")
    assert answer.code == 0, answer.err
    (artifact,) = answer.data
    return artifact


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
    assert bldst("artifact", "show", pushed["id"], "--output", "json").data["status"] == (
        "quarantined"
    )


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


def test_gc_marks_then_removes_what_the_policy_gives_up(
    bldst: Bldst, service: Service, build: Build, storage: Path, tmp_path: Path
) -> None:
    first = push(bldst, build, tmp_path / "image.raw", state=10)
    push(bldst, build, tmp_path / "later.raw", state=25)
    held = push(bldst, build, tmp_path / "held.raw", state=15)
    assert bldst("artifact", "hold", held["id"], "--reason", "for the auditors").code == 0
    policy = Retention(keep_days=0, grace_hours=0, keep_delivered_builds=0)
    service.client.update_project(build.project, ProjectUpdate(retention=policy))

    gc = ("artifact", "gc", "--project", build.project, "--output", "json")
    dry = bldst(*gc, "--dry-run")
    assert dry.code == 0, dry.err
    assert [each["artifact"] for each in dry.data["marked"]] == [first["id"]]
    assert len(files_in(storage)) == 3

    done = bldst(*gc)
    assert [each["artifact"] for each in done.data["removed"]] == [first["id"]]
    assert done.data["freed_bytes"] == 8
    assert len(files_in(storage)) == 2
    assert bldst("artifact", "show", first["id"], "--output", "json").data["status"] == "deleted"
    # Nothing has to run again for it: a later checkpoint includes it.
    plan = bldst("plan", str(build.number), "--output", "json").data
    assert next(each for each in plan["milestones"] if each["state"] == 10)["decision"] == "skip"


def test_gc_removes_what_killed_uploads_left_and_nothing_of_others(
    bldst: Bldst, service: Service, build: Build, storage: Path, tmp_path: Path
) -> None:
    pushed = push(bldst, build, tmp_path / "image.raw")
    beside = Path(storage, f"{build.number}", "state-25")
    orphan = beside / str(uuid4()) / "image.raw"
    draft = beside / str(uuid4()) / f".buildstate-{uuid4().hex}.part"
    not_ours = storage / "somebody" / "elses.raw"
    young = beside / str(uuid4()) / "young.raw"
    for path in (orphan, draft, not_ours, young):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"left")
        if path is not young:
            os.utime(path, (LONG_AGO, LONG_AGO))
    live = service.claim(build, 50)
    under_way = Path(storage, f"{build.number}", "state-50", str(live.attempt.id), "image.raw")
    under_way.parent.mkdir(parents=True)
    under_way.write_bytes(b"soon to be recorded")
    os.utime(under_way, (LONG_AGO, LONG_AGO))

    done = bldst("artifact", "gc", "--project", build.project, "--output", "json")
    assert done.code == 0, done.err
    gone = {each["uri"] for each in done.data["orphans"]}
    assert gone == {orphan.as_uri(), draft.as_uri()}
    recorded = Path(pushed["uri"].removeprefix("file://"))
    assert set(files_in(storage)) == {not_ours, young, under_way, recorded}


def test_a_created_record_moves_no_bytes(bldst: Bldst, build: Build) -> None:
    answer = bldst(
        *("artifact", "create", str(build.number), "25", "--uri", "s3://elsewhere/image.raw"),
        *("--size", "8", "--output", "json"),
    )
    assert answer.code == 0, answer.err
    assert answer.data["uri"] == "s3://elsewhere/image.raw"
    assert answer.data["storage_type"] == "s3"
    assert build.status != AttemptStatus.COMPLETED
