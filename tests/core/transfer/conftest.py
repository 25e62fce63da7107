"""Real storages for the transfer's tests: folders, and an S3 server in a process of its own."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

import boto3
import pytest

from buildstate_core.transfer import ArtifactStore
from buildstate_core.transfer.registry import storage_for
from buildstate_core.transfer.storage import Storage

SERVER_STARTS_SECONDS = 60


class Place(Protocol):
    """A storage as its administrator sees it, without the code under test."""

    root: str

    def uri(self, name: str) -> str: ...
    def write(self, name: str, content: bytes) -> None: ...
    def read(self, name: str) -> bytes: ...
    def delete(self, name: str) -> None: ...
    def names(self) -> list[str]: ...
    def unfinished(self) -> int: ...
    def unreachable_uri(self) -> str: ...


@dataclass
class Folder:
    path: Path

    @property
    def root(self) -> str:
        return self.path.as_uri()

    def uri(self, name: str) -> str:
        return (self.path / name).as_uri()

    def write(self, name: str, content: bytes) -> None:
        (self.path / name).write_bytes(content)

    def read(self, name: str) -> bytes:
        return (self.path / name).read_bytes()

    def delete(self, name: str) -> None:
        (self.path / name).unlink()

    def names(self) -> list[str]:
        files = [path for path in self.path.rglob("*") if path.is_file()]
        return sorted(
            str(path.relative_to(self.path)) for path in files if not path.name.startswith(".")
        )

    def unfinished(self) -> int:
        return len(list(self.path.rglob(".*")))

    def unreachable_uri(self) -> str:
        return (self.path / "not-mounted" / "image.raw").as_uri()


@dataclass
class Bucket:
    s3: Any
    name: str

    @property
    def root(self) -> str:
        return f"s3://{self.name}"

    def uri(self, name: str) -> str:
        return f"s3://{self.name}/{name}"

    def write(self, name: str, content: bytes) -> None:
        self.s3.put_object(Bucket=self.name, Key=name, Body=content)

    def read(self, name: str) -> bytes:
        content: bytes = self.s3.get_object(Bucket=self.name, Key=name)["Body"].read()
        return content

    def delete(self, name: str) -> None:
        self.s3.delete_object(Bucket=self.name, Key=name)

    def names(self) -> list[str]:
        listed = self.s3.list_objects_v2(Bucket=self.name).get("Contents", [])
        return sorted(each["Key"] for each in listed)

    def unfinished(self) -> int:
        return len(self.s3.list_multipart_uploads(Bucket=self.name).get("Uploads", []))

    def unreachable_uri(self) -> str:
        return f"s3://{self.name}-with-a-typo/image.raw"


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    """The URL of an S3 server; in its own process, since it shares no interpreter in real life."""
    port = closed_port()
    with subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        try:
            wait_for_port(port, server)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.kill()


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
    path = tmp_path / "storage"
    path.mkdir()
    return Folder(path)


@pytest.fixture(params=["folder", "bucket"], ids=["file", "s3"])
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


def closed_port() -> int:
    """A port of this machine that nothing listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def wait_for_port(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + SERVER_STARTS_SECONDS
    while time.monotonic() < deadline:
        assert server.poll() is None, "the S3 server ended"
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("the S3 server did not start in time")
