"""Removing bytes: only what the service lets go of, one by one, and never without its answer."""

import os
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
import urllib3
from support import Service

from buildstate_core.errors import Refused, Unreachable
from buildstate_core.locations import upload_of
from buildstate_core.models import (
    Artifact,
    ArtifactCreate,
    ArtifactDelete,
    Build,
    HoldCreate,
    Retention,
)
from buildstate_worker.client import Client
from buildstate_worker.collect import due_artifacts, find_orphans, remove_due, remove_orphans
from buildstate_worker.files.temp_names import temp_name
from buildstate_worker.transfer import ArtifactStore

NOW = datetime.now(UTC)
TEMP = temp_name()


@pytest.fixture
def service(module_service: Service) -> Service:
    return module_service


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(cache_dir=tmp_path / "cache")


@pytest.fixture
def storage(tmp_path: Path) -> Path:
    folder = tmp_path / "storage"
    folder.mkdir()
    return folder


@pytest.fixture
def build(service: Service, storage: Path) -> Build:
    project = f"rhel-{uuid4().hex[:8]}"
    service.make_project(
        project, storage_url=storage.as_uri(), retention=Retention(grace_hours=0, keep_days=1)
    )
    return service.make_build(project)


@pytest.fixture
def silent() -> Iterator[Client]:
    """The client of a service that does not answer."""
    with closing(Client("http://127.0.0.1:9", "k", retries=urllib3.Retry(0))) as client:
        yield client


def given_up(service: Service, build: Build, path: Path, state: int) -> Artifact:
    """Record a file as an artifact that nobody needs any more."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"an image")
    made = service.client.create_artifact(
        build.number,
        ArtifactCreate(
            state=state, name=path.name, storage_type="file", uri=path.as_uri(), size_bytes=8
        ),
    )
    later = ArtifactCreate(state=90, name=f"of-{state}", storage_type="file", uri=f"/later/{state}")
    service.client.create_artifact(build.number, later)
    return service.client.delete_artifact(made.id, ArtifactDelete(reason="disk is full"))


def old(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.utime(path, (0, 0))
    return path


def test_what_was_held_meanwhile_stays(
    service: Service, store: ArtifactStore, build: Build, storage: Path
) -> None:
    first, second = (given_up(service, build, storage / f"{each}.raw", each) for each in (5, 10))
    found = due_artifacts(service.client, build.project)
    service.client.hold_artifact(first.id, HoldCreate(reason="for the auditors"))
    kept, gone = remove_due(service.client, store, found, root=storage.as_uri())
    assert isinstance(kept.error, Refused)
    assert "somebody holds it" in kept.error.message
    assert (gone.artifact.id if gone.artifact else None, gone.error) == (second.id, None)
    assert [path.name for path in storage.iterdir()] == ["5.raw"]


def test_a_removal_that_failed_half_way_is_done_by_the_next_run(
    service: Service, store: ArtifactStore, build: Build, storage: Path
) -> None:
    path = storage / "7" / "image.raw"
    artifact = given_up(service, build, path, 5)
    path.unlink()
    path.mkdir()  # what no unlink removes
    (failed,) = remove_due(
        service.client, store, due_artifacts(service.client, build.project), root=storage.as_uri()
    )
    assert isinstance(failed.error, Unreachable)
    removal = service.client.get_artifact(artifact.id).removal
    assert removal is not None
    assert (removal.begun_at is not None, removal.done_at) == (True, None)

    path.rmdir()
    (done,) = remove_due(
        service.client, store, due_artifacts(service.client, build.project), root=storage.as_uri()
    )
    assert done.error is None
    assert service.client.get_artifact(artifact.id).status == "deleted"
    assert due_artifacts(service.client, build.project) == []


def test_orphans_are_asked_about_in_pages(
    service: Service, store: ArtifactStore, build: Build, storage: Path
) -> None:
    folder = storage / str(build.number) / "state-05" / upload_of(build.id, "pushed")
    for number in range(1001):
        old(folder / f"{number}.raw")
    found = find_orphans(service.client, store, storage.as_uri(), before=NOW)
    assert len(found) == 1001
    removed = list(remove_orphans(service.client, store, storage.as_uri(), found[:2]))
    assert [each.error for each in removed] == [None, None]
    assert len(list(folder.iterdir())) == 999


def test_what_is_recorded_after_it_was_found_is_no_orphan(
    service: Service, store: ArtifactStore, build: Build, storage: Path
) -> None:
    folder = storage / str(build.number) / "state-05"
    first, other = (old(folder / upload_of(build.id, "pushed") / f"{n}.raw") for n in (1, 2))
    found = find_orphans(service.client, store, storage.as_uri(), before=NOW)
    assert len(found) == 2
    record = ArtifactCreate(state=5, name="1.raw", storage_type="file", uri=first.as_uri())
    service.client.create_artifact(build.number, record)
    removed = remove_orphans(service.client, store, storage.as_uri(), found)
    assert [each.uri for each in removed] == [other.as_uri()]
    assert (first.exists(), other.exists()) == (True, False)


def test_without_the_services_answer_nothing_is_an_orphan(
    silent: Client, store: ArtifactStore, storage: Path
) -> None:
    orphan = old(storage / "7" / "state-05" / f"pushed-{uuid4()}" / "image.raw")
    with pytest.raises(Unreachable):
        find_orphans(silent, store, storage.as_uri(), before=NOW)
    assert orphan.exists()


@pytest.mark.parametrize("name", ["image.raw", TEMP], ids=["whole", "temporary"])
@pytest.mark.parametrize(
    ("build_number", "attempt"),
    [
        pytest.param(None, f"{uuid4()}", id="another's attempt"),
        pytest.param(None, upload_of(uuid4(), "pushed"), id="pushed for another's build"),
        pytest.param(None, upload_of(uuid4(), "adopted"), id="adopted for another's build"),
        pytest.param(99_999, f"pushed-{uuid4()}", id="a build that is not here"),
        pytest.param(10**22, upload_of(uuid4(), "pushed"), id="a build that cannot be"),
    ],
)
def test_what_is_another_services_is_refused_and_stays(
    service: Service,
    store: ArtifactStore,
    build: Build,
    storage: Path,
    build_number: int | None,
    attempt: str,
    name: str,
) -> None:
    foreign = old(storage / str(build_number or build.number) / "state-05" / attempt / name)
    with pytest.raises(Refused, match="that this service does not know"):
        find_orphans(service.client, store, storage.as_uri(), before=NOW)
    assert foreign.exists()


def test_what_does_not_tell_whose_it_is_is_no_orphan(
    service: Service, store: ArtifactStore, build: Build, storage: Path
) -> None:
    """As what older releases have pushed."""
    old(storage / str(build.number) / "state-05" / f"pushed-{uuid4()}" / "image.raw")
    assert find_orphans(service.client, store, storage.as_uri(), before=NOW) == []


@pytest.mark.parametrize("name", ["image.raw", TEMP], ids=["whole", "temporary"])
def test_a_template_that_does_not_name_the_build_gives_no_orphans(
    service: Service, store: ArtifactStore, storage: Path, name: str
) -> None:
    old(storage / str(uuid4()) / name)
    location = f"{storage.as_uri()}/{{attempt}}/{{name}}"
    assert find_orphans(service.client, store, location, before=NOW) == []
