"""Real storages: folders, and servers in processes of their own."""

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import boto3
import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage as google_storage
from support.azurite import Azurite, azurite
from support.disks import nfs_like
from support.gcs import Gcs, gcs_server
from support.places import Bucket, Container, Folder, GoogleBucket, Place, RemoteFolder
from support.s3 import S3, s3_server
from support.sftp import Sftp, sftp_server

from buildstate_worker.storage.base import Storage
from buildstate_worker.storage.registry import storage_for
from buildstate_worker.transfer import ArtifactStore


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    """An S3 server; in its own process, since it shares no interpreter in real life."""
    with s3_server(tmp_path_factory.mktemp("s3") / "server") as server:
        yield server


@pytest.fixture(scope="session")
def s3_url(s3: S3) -> str:
    return s3.url


@pytest.fixture
def s3_environment(s3_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """The worker's environment, as an administrator would set it."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-aws-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-aws-credentials"))
    return s3_url


@pytest.fixture
def bucket(s3_environment: str) -> Iterator[Bucket]:
    assert s3_environment
    client = boto3.client("s3")
    name = f"images-{uuid4().hex}"
    client.create_bucket(Bucket=name)
    yield Bucket(client, name)
    client.close()


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder.at(tmp_path / "storage")


@pytest.fixture
def mounted_folder(tmp_path: Path) -> Iterator[Folder]:
    with nfs_like(tmp_path / "nfs") as mount:
        yield Folder.at(mount / "storage")


@pytest.fixture(scope="session")
def azure() -> Iterator[Azurite]:
    with azurite() as server:
        yield server


@pytest.fixture
def container(azure: Azurite, monkeypatch: pytest.MonkeyPatch) -> Iterator[Container]:
    for name, value in azure.environ().items():
        monkeypatch.setenv(name, value)
    with azure.create_container(f"images-{uuid4().hex}") as client:
        yield Container(client)


@pytest.fixture(scope="session")
def google(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gcs]:
    with gcs_server(tmp_path_factory.mktemp("gcs") / "server") as server:
        yield server


@pytest.fixture
def google_bucket(google: Gcs, monkeypatch: pytest.MonkeyPatch) -> Iterator[GoogleBucket]:
    for name, value in google.anonymous_environ().items():
        monkeypatch.setenv(name, value)
    client = google_storage.Client(
        project="image-builders",
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": google.url},
    )
    yield GoogleBucket(client.create_bucket(f"images-{uuid4().hex}"))
    client.close()


@pytest.fixture(scope="session")
def sftp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sftp]:
    with sftp_server(tmp_path_factory.mktemp("sftp") / "server") as server:
        yield server


@pytest.fixture
def remote_folder(sftp: Sftp, monkeypatch: pytest.MonkeyPatch) -> RemoteFolder:
    monkeypatch.setenv("HOME", str(sftp.home))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return RemoteFolder.on(sftp, uuid4().hex)


@pytest.fixture(
    params=["folder", "mounted_folder", "bucket", "container", "google_bucket", "remote_folder"],
    ids=["file", "nfs", "s3", "az", "gs", "sftp"],
)
def place(request: pytest.FixtureRequest) -> Place:
    found: Place = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def storage(place: Place) -> Storage:
    return storage_for(place.root)


@pytest.fixture
def cache_dir(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def store(cache_dir: Path) -> ArtifactStore:
    return ArtifactStore(cache_dir=cache_dir)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    path = tmp_path / "workspace"
    path.mkdir()
    return path
