"""An installation that is killed and frozen, and a way to tell a history on it.

The long runs are only made by whoever asks for them, by their mark or their file.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from support import Cluster, ServiceProcess, short_folder
from support.long_runs import leave_out_long_runs
from support.s3 import S3, s3_server

from .injecting import Installation
from .judging import Judge, told
from .plans import history
from .telling import Telling

TellHistory = Callable[..., None]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    leave_out_long_runs(config, items, Path(__file__).parent)


@dataclass(frozen=True)
class Shelf:
    """A folder that every machine can reach."""

    folder: Path

    def uris(self) -> set[str]:
        return {path.as_uri() for path in self.folder.rglob("*") if path.is_file()}

    def read(self, uri: str) -> str:
        return Path(uri.removeprefix("file://")).read_text()


@dataclass(frozen=True)
class Bucket:
    """A bucket of an S3 server."""

    s3: Any
    name: str

    def uris(self) -> set[str]:
        listed = self.s3.list_objects_v2(Bucket=self.name).get("Contents", [])
        return {f"s3://{self.name}/{each['Key']}" for each in listed}

    def read(self, uri: str) -> str:
        key = uri.removeprefix(f"s3://{self.name}/")
        content: bytes = self.s3.get_object(Bucket=self.name, Key=key)["Body"].read()
        return content.decode()


@pytest.fixture(scope="session")
def installation(made_cluster: Path) -> Iterator[Installation]:
    """A service and a PostgreSQL of their own, whatever happens to them meanwhile."""
    with short_folder() as folder:
        cluster = Cluster(folder, made_cluster, is_quick=True)
        service = ServiceProcess.on_a_free_port(cluster.url(cluster.create_database()), cluster.key)
        service.start()
        try:
            yield Installation(cluster, service)
        finally:
            service.kill()
            service.close()
            cluster.stop()


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    with s3_server(tmp_path_factory.mktemp("s3") / "server") as server:
        yield server


@pytest.fixture
def tell_history(
    installation: Installation, tmp_path: Path, request: pytest.FixtureRequest
) -> TellHistory:
    """Tell the history of a seed, and judge it."""

    def tell(seed: int, *, is_short: bool) -> None:
        plan = history(seed, is_short=is_short)
        store: Shelf | Bucket = Shelf(tmp_path / "storage")
        url, environ = (tmp_path / "storage").as_uri(), {}
        if plan.is_on_s3:
            server: S3 = request.getfixturevalue("s3")
            store = Bucket(server.client(), f"images-{uuid4().hex}")
            store.s3.create_bucket(Bucket=store.name)
            url, environ = f"s3://{store.name}", server.environ()
        else:
            (tmp_path / "storage").mkdir()
        telling = Telling(plan, installation, tmp_path, url, environ)
        telling.go()
        judge = Judge(telling, store)
        wrongs = judge.wrongs()
        text = "\n".join([*wrongs, "", told(telling, judge)])
        (tmp_path / "history").write_text(text)
        request.node.add_report_section("call", "history", text)
        assert not wrongs, "\n".join(wrongs)

    return tell
