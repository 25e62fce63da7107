"""`bldst artifact gc`: the bytes that policies give up, and what killed uploads left."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from support import Service

from buildstate_core.errors import Unreachable
from buildstate_core.locations import upload_of
from buildstate_core.models import Build, ProjectUpdate, Retention
from buildstate_worker.client import Client
from buildstate_worker.storage.uris import local_path

from .uploads import push

Bldst = Callable[..., Any]

LONG_AGO = time.time() - 7 * 86_400
NO_KEYS = {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}


@pytest.fixture
def service(module_service: Service) -> Service:
    return module_service


def files_in(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


def collect(bldst: Bldst, build: Build, *more: str) -> Any:
    return bldst("artifact", "gc", "--project", build.project, "-o", "json", *more)


def give_everything_up(service: Service, build: Build) -> None:
    policy = Retention(keep_days=0, grace_hours=0, keep_delivered_builds=0)
    service.client.update_project(build.project, ProjectUpdate(retention=policy))


def killed_upload(service: Service, build: Build, state: int = 25) -> str:
    """Give the attempt of a worker that was killed while it uploaded, hours ago."""
    claim = service.claim(build, state)
    service.fail(claim, "its worker was killed")
    service.query(
        "UPDATE build_states SET ended_at = ended_at - interval '2 hours' WHERE id = %s",
        str(claim.attempt.id),
    )
    return str(claim.attempt.id)


def left(path: Path, content: bytes = b"left", *, is_young: bool = False) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    if not is_young:
        os.utime(path, (LONG_AGO, LONG_AGO))
    return path


def test_it_marks_then_removes_what_the_policy_gives_up(
    bldst: Bldst, service: Service, build: Build, storage: Path, tmp_path: Path
) -> None:
    first = push(bldst, build, tmp_path / "image.raw", state=10)
    push(bldst, build, tmp_path / "later.raw", state=25)
    held = push(bldst, build, tmp_path / "held.raw", state=15)
    assert bldst("artifact", "hold", held["id"], "--reason", "for the auditors").code == 0
    give_everything_up(service, build)

    dry = collect(bldst, build, "--dry-run")
    assert dry.code == 0, dry.err
    assert [each["artifact"] for each in dry.data["marked"]] == [first["id"]]
    assert len(files_in(storage)) == 3

    done = collect(bldst, build)
    assert [each["artifact"] for each in done.data["removed"]] == [first["id"]]
    assert done.data["freed_bytes"] == 8
    assert dry.data == done.data | {"dry_run": True}
    assert len(files_in(storage)) == 2
    assert bldst("artifact", "show", first["id"], "--output", "json").data["status"] == "deleted"
    # Nothing has to run again for it: a later checkpoint includes it.
    plan = bldst("plan", str(build.number), "--output", "json").data
    assert next(each for each in plan["milestones"] if each["state"] == 10)["decision"] == "skip"


def test_what_was_marked_is_told_once_and_stays_for_its_grace(
    bldst: Bldst, service: Service, build: Build, storage: Path, tmp_path: Path
) -> None:
    first = push(bldst, build, tmp_path / "image.raw", state=10)
    push(bldst, build, tmp_path / "later.raw", state=25)
    policy = Retention(keep_days=0, grace_hours=1, keep_delivered_builds=0)
    service.client.update_project(build.project, ProjectUpdate(retention=policy))
    dry = collect(bldst, build, "--no-orphans", "--dry-run").data
    assert (len(dry["marked"]), dry["removed"], dry["freed_bytes"]) == (1, [], 0)
    told = [collect(bldst, build, "--no-orphans").data for _ in range(2)]
    assert [[each["artifact"] for each in run["marked"]] for run in told] == [[first["id"]], []]
    assert [run["removed"] for run in told] == [[], []]
    assert len(files_in(storage)) == 2


def test_an_artifact_whose_storage_is_not_mounted_here_is_left_for_another_worker(
    bldst: Bldst, service: Service, build: Build, storage: Path, tmp_path: Path
) -> None:
    first, other = (push(bldst, build, tmp_path / f"{state}.raw", state) for state in (5, 10))
    push(bldst, build, tmp_path / "later.raw", state=25)
    give_everything_up(service, build)
    service.query(
        "UPDATE artifacts SET uri = replace(uri, %s, %s) WHERE id = %s",
        storage.as_uri(),
        (tmp_path / "not-mounted").as_uri(),
        first["id"],
    )
    done = collect(bldst, build, "--no-orphans")
    assert done.code == 6
    assert [each["artifact"] for each in done.data["removed"]] == [other["id"]]
    (failed,) = done.data["failed"]
    assert failed["artifact"] == first["id"]
    assert "there is no folder" in failed["why"]
    assert service.client.get_artifact(first["id"]).status == "expired"


def test_it_removes_what_killed_uploads_left_and_nothing_of_others(
    bldst: Bldst, service: Service, build: Build, storage: Path, tmp_path: Path
) -> None:
    pushed = push(bldst, build, tmp_path / "image.raw")
    of_build = storage / str(build.number)
    live = str(service.claim(build, 60).attempt.id)
    killed = killed_upload(service, build, 50)
    orphans = {
        left(of_build / "state-50" / killed / "image.raw"),
        left(of_build / "state-50" / killed / f".buildstate-{uuid4().hex}.part"),
        left(of_build / "state-25" / upload_of(build.id, "pushed") / "image.raw"),
    }
    kept = {
        left(storage / "somebody" / "elses.raw"),
        left(of_build / "state-25" / upload_of(build.id, "pushed") / "young.raw", is_young=True),
        left(of_build / "state-60" / live / "soon-recorded.raw"),
        left(of_build / "state-60" / live / f".buildstate-{uuid4().hex}.part"),
        Path(pushed["uri"].removeprefix("file://")),
    }
    rehearsed = collect(bldst, build, "--dry-run")
    done = collect(bldst, build)
    assert done.code == 0, done.err
    assert {each["uri"] for each in done.data["orphans"]} == {each.as_uri() for each in orphans}
    assert rehearsed.data["orphans"] == done.data["orphans"]
    assert files_in(storage) == kept


def test_what_was_recorded_under_another_spelling_is_no_orphan(
    bldst: Bldst, service: Service, build: Build, storage: Path, tmp_path: Path
) -> None:
    service.make_project("spelled-otherwise", storage_url=str(storage))
    other = service.make_build("spelled-otherwise")
    pushed = push(bldst, other, tmp_path / "image.raw")
    assert pushed["uri"].startswith("/")
    left(Path(pushed["uri"]), b"an image")
    assert collect(bldst, build).data["orphans"] == []
    assert files_in(storage) == {Path(pushed["uri"])}


def test_a_storage_where_another_service_keeps_things_is_left_alone(
    bldst: Bldst, service: Service, build: Build, storage: Path
) -> None:
    of_build = storage / str(build.number) / "state-25"
    known = left(of_build / killed_upload(service, build) / "image.raw")
    foreign = left(of_build / str(uuid4()) / "image.raw")
    done = collect(bldst, build)
    assert (done.code, done.data["orphans"]) == (0, [])
    assert "that this service does not know" in done.err
    assert files_in(storage) == {known, foreign}


@pytest.mark.parametrize("more", [(), ("--dry-run",)], ids=["gc", "dry run"])
@pytest.mark.parametrize(
    ("url", "says"),
    [
        pytest.param("s3://images", "Unable to locate credentials", id="no keys"),
        pytest.param("sftp://u:hunter2@nas/srv", "holds a password", id="a password"),
    ],
)
def test_a_storage_that_cannot_be_searched_fails_and_the_others_go_on(
    bldst: Bldst, service: Service, build: Build, url: str, says: str, more: tuple[str, ...]
) -> None:
    project = service.make_project(f"a-{uuid4().hex}")  # which comes first
    # As an older release took it, also with a password.
    service.query("UPDATE projects SET storage_url = %s WHERE name = %s", url, project)
    storage = local_path(service.client.get_project(build.project).storage_url or "")
    orphan = left(
        storage / str(build.number) / "state-25" / killed_upload(service, build) / "i.raw"
    )
    done = bldst("artifact", "gc", "-o", "json", *more, **NO_KEYS)
    assert done.code == 6
    assert orphan.as_uri() in [each["uri"] for each in done.data["orphans"]]
    assert any(says in each["why"] for each in done.data["failed"]), done.out
    assert "hunter2" not in done.out + done.err


def test_what_was_removed_is_told_also_if_the_service_goes_away(
    bldst: Bldst, service: Service, build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = push(bldst, build, tmp_path / "image.raw", state=10)
    push(bldst, build, tmp_path / "later.raw", state=25)
    give_everything_up(service, build)

    def look_up(*_: object) -> None:
        raise Unreachable("The service does not answer.")

    left(tmp_path / "storage" / str(build.number) / "state-25" / str(uuid4()) / "image.raw")
    monkeypatch.setattr(Client, "look_up", look_up)
    ended = collect(bldst, build)
    assert (ended.code, [each["artifact"] for each in ended.data["removed"]]) == (6, [first["id"]])
    assert "The service does not answer." in ended.err


@pytest.mark.parametrize(
    ("age", "says"),
    [("5m", "use at least 1h"), ("a while", "use 24h, 3d or 2w")],
)
def test_what_may_be_under_way_cannot_be_asked_for(bldst: Bldst, age: str, says: str) -> None:
    answer = bldst("artifact", "gc", "--older-than", age)
    assert answer.code == 2
    assert says in answer.err


def test_people_read_what_goes_and_why(
    bldst: Bldst, service: Service, build: Build, tmp_path: Path
) -> None:
    push(bldst, build, tmp_path / "image.raw", state=10)
    push(bldst, build, tmp_path / "later.raw", state=25)
    give_everything_up(service, build)
    told = bldst("artifact", "gc", "--project", build.project, "--dry-run").out
    assert told.endswith(
        "1 artifact (8 B) would be given up. 1 artifact would be removed, 8 B would be freed."
        " Nothing was changed.\n"
    )
    told = bldst("artifact", "gc", "--project", build.project).out
    assert told.endswith("1 artifact (8 B) given up. 1 artifact removed, 8 B freed.\n")
    told = bldst("artifact", "gc", "--project", build.project)
    assert (told.out, told.err) == ("", "There is nothing to give up, and nothing to remove.\n")
