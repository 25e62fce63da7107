"""A build that machines work on together, and storages as their administrators see them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

import boto3
import pytest
from support import Cluster, Service, serving
from support.machine import Ended, Machine, Story, machines
from support.s3 import s3_server

MakeMachine = Callable[..., Machine]


@pytest.fixture(scope="session")
def service(cluster: Cluster) -> Iterator[Service]:
    """One service for all tests that do it no harm; each has a project of its own there."""
    name = cluster.create_database()
    with serving(cluster.url(name), cluster.key) as service:
        yield service
    cluster.drop_database(name)


class Storage(Protocol):
    """A storage as its administrator sees it, without the code under test."""

    url: str
    environ: dict[str, str]
    unreachable: dict[str, str]

    def names(self, state: int) -> list[str]: ...
    def read(self, name: str) -> bytes: ...
    def write(self, name: str, content: bytes) -> None: ...
    def delete(self, name: str) -> None: ...
    def lose(self) -> None: ...


@dataclass
class Shelf:
    """A folder that every machine can reach."""

    folder: Path
    environ: dict[str, str]
    unreachable: dict[str, str]

    @property
    def url(self) -> str:
        return self.folder.as_uri()

    def names(self, state: int) -> list[str]:
        files = (path for path in self.folder.rglob(f"state-{state:02d}/**/*") if path.is_file())
        return sorted(str(path.relative_to(self.folder)) for path in files)

    def read(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()

    def write(self, name: str, content: bytes) -> None:
        (self.folder / name).write_bytes(content)

    def delete(self, name: str) -> None:
        (self.folder / name).unlink()

    def lose(self) -> None:
        """As an administrator who unmounts it: the folder that it was mounted on stays, empty."""
        self.folder.rename(self.folder.with_name("unmounted"))
        self.folder.mkdir()


@dataclass
class Bucket:
    """A bucket on a real S3 server."""

    s3: Any
    name: str
    environ: dict[str, str]
    unreachable: dict[str, str]

    @property
    def url(self) -> str:
        return f"s3://{self.name}/images"

    def names(self, state: int) -> list[str]:
        listed = self.s3.list_objects_v2(Bucket=self.name).get("Contents", [])
        return sorted(each["Key"] for each in listed if f"/state-{state:02d}/" in each["Key"])

    def read(self, name: str) -> bytes:
        content: bytes = self.s3.get_object(Bucket=self.name, Key=name)["Body"].read()
        return content

    def write(self, name: str, content: bytes) -> None:
        self.s3.put_object(Bucket=self.name, Key=name, Body=content)

    def delete(self, name: str) -> None:
        self.s3.delete_object(Bucket=self.name, Key=name)

    def lose(self) -> None:
        """Nothing: a machine's environment is what makes it unreachable."""


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    folder = tmp_path / "storage"
    folder.mkdir()
    return Shelf(folder, {}, {})


@pytest.fixture(scope="session")
def s3_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An S3 server in a process of its own."""
    with s3_server(tmp_path_factory.mktemp("s3") / "server") as server:
        yield server.url


@pytest.fixture
def bucket(s3_url: str, tmp_path: Path) -> Iterator[Bucket]:
    environ = {
        "AWS_ENDPOINT_URL": s3_url,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": str(tmp_path / "no-aws-config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "no-aws-credentials"),
    }
    client = boto3.client(
        "s3",
        endpoint_url=s3_url,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        region_name="us-east-1",
    )
    name = f"images-{uuid4().hex}"
    client.create_bucket(Bucket=name)
    yield Bucket(client, name, environ, {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"})
    client.close()


@pytest.fixture(params=["shelf", "bucket"], ids=["file", "s3"])
def storage(request: pytest.FixtureRequest) -> Storage:
    found: Storage = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def make_machine(service: Service, tmp_path: Path) -> Iterator[MakeMachine]:
    """Make machines that speak to the service in the tests' own process."""
    common = {"BLDST_API_URL": service.url, "BLDST_API_KEY": service.key}
    with machines(tmp_path / "machines", common) as make:
        yield make


@pytest.fixture
def build(service: Service, shelf: Shelf) -> str:
    """The number of a build whose artifacts go to the shelf."""
    project = service.make_project(f"p{uuid4().hex}", storage_url=shelf.url)
    return str(service.make_build(project).number)


@pytest.fixture
def machine(make_machine: MakeMachine) -> Machine:
    return make_machine("server-a")


@pytest.fixture
def elsewhere(make_machine: MakeMachine) -> Machine:
    """A second machine: nothing of the first is there."""
    return make_machine("server-b")


@pytest.fixture
def story(service: Service, build: str) -> Story:
    def tell() -> list[tuple[int, str, str | None]]:
        return [
            (each.state, each.status.value, each.reason) for each in service.client.history(build)
        ]

    return tell


@pytest.fixture
def step(build: str) -> Callable[..., Ended]:
    """Run a shell command as a state of the build, on a machine."""

    def run(machine: Machine, state: int, command: str, *flags: str, **environ: str) -> Ended:
        return machine.bldst(
            "run", build, "--state", str(state), *flags, "--", "sh", "-c", command, **environ
        )

    return run
