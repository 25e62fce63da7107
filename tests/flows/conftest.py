"""Workers that share nothing but the service and a storage."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    PREFECT_LOGGING_TO_API_ENABLED,
    temporary_settings,
)
from support import Service
from support.prefect import prefect_server

from buildstate_core.models import Attempt
from buildstate_flows import OpenBuild, build
from buildstate_worker.settings import Settings


@dataclass
class Storage:
    """The folder that all workers store to, as its administrator sees it."""

    folder: Path

    def files(self, state: int) -> list[Path]:
        return [path for path in self.folder.rglob(f"state-{state:02d}/**/*") if path.is_file()]

    def delete(self, state: int) -> None:
        for path in self.files(state):
            path.unlink()

    def flip(self, state: int) -> None:
        """Change one byte; the size stays."""
        for path in self.files(state):
            content = bytearray(path.read_bytes())
            content[0] ^= 0xFF
            path.chmod(0o644)
            path.write_bytes(content)


@dataclass
class Worker:
    """One machine: a cache and a working directory of its own."""

    service: Service
    environ: dict[str, str]
    folder: Path

    @property
    def settings(self) -> Settings:
        return Settings.load(self.environ)

    def process(self, script: Path, *arguments: str) -> "subprocess.Popen[str]":
        """Run a pipeline in a process of its own, which finds its settings in the environment."""
        prefect_url = PREFECT_API_URL.value()  # that of the tests, if they have one
        return subprocess.Popen(
            [sys.executable, script, *arguments],
            cwd=self.folder,
            env={
                **os.environ,
                **self.environ,
                **({"PREFECT_API_URL": prefect_url} if prefect_url else {}),
                "TMPDIR": str(self.folder),
            },
            stdout=subprocess.PIPE,
            text=True,
        )

    def build(self, **fields: Any) -> AbstractContextManager[OpenBuild]:
        """Open the build that all workers work on, from the worker's own working directory."""
        os.chdir(self.folder)
        wanted = {"platform": "aws", "settings": self.settings, **fields}
        return build("rhel-base", "9.6", **wanted)

    def history(self) -> list[Attempt]:
        number = next(iter(self.service.client.list_builds())).number
        return list(self.service.client.history(number))

    def story(self) -> list[tuple[int, str, str | None]]:
        """Every attempt so far: its state, how it went, and why it was made."""
        return [(each.state, each.status.value, each.reason) for each in self.history()]


class Calls:
    """Which functions really ran, in order."""

    def __init__(self) -> None:
        self.made: list[int] = []

    def __call__(self, state: int) -> None:
        self.made.append(state)

    def __bldst_fingerprint__(self) -> None:
        """Say nothing: as a parameter it decides nothing of what comes out."""

    def since(self) -> list[int]:
        """Give those since the last time, and forget them."""
        made, self.made = self.made, []
        return made


@pytest.fixture
def ran() -> Calls:
    return Calls()


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(tmp_path / "storage")


@pytest.fixture
def make_worker(
    service: Service, storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Worker]:
    service.make_project("rhel-base")
    monkeypatch.chdir(tmp_path)  # so that it is put back

    def make(name: str, **others: str) -> Worker:
        folder = tmp_path / name
        (folder / "here").mkdir(parents=True)
        environ = {
            "BLDST_API_URL": service.url,
            "BLDST_API_KEY": service.key,
            "BLDST_CONFIG_DIR": str(folder),
            "BLDST_DATA_DIR": str(folder),
            "BLDST_CACHE_DIR": str(folder / "cache"),
            "BLDST_STORAGE_URL": storage.folder.as_uri(),
            "BLDST_WORKER": name,
            **others,
        }
        return Worker(service, environ, folder / "here")

    return make


@pytest.fixture
def worker_a(make_worker: Callable[..., Worker]) -> Worker:
    return make_worker("worker-a")


@pytest.fixture
def worker_b(make_worker: Callable[..., Worker]) -> Worker:
    return make_worker("worker-b")


@pytest.fixture(scope="session")
def prefect(tmp_path_factory: pytest.TempPathFactory, prefect_home: Path) -> Iterator[None]:
    """A real Prefect server, once for all: it takes seconds to start."""
    folder = tmp_path_factory.mktemp("prefect")
    with prefect_server(folder, has_services=True, home=prefect_home) as server:
        known = {
            PREFECT_API_URL: server.url,
            PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,
            PREFECT_LOGGING_TO_API_ENABLED: False,
        }
        with temporary_settings(known):
            yield
