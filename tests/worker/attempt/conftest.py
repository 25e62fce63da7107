"""Workers of one build, whose storage is a folder."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support import Service

from buildstate_core.models import Build

from .workers import Worker


@pytest.fixture
def shared(module_service: Service) -> Service:
    return module_service


@pytest.fixture
def storage(tmp_path: Path) -> Path:
    folder = tmp_path / "storage"
    folder.mkdir()
    return folder


@pytest.fixture
def build(shared: Service, storage: Path) -> Build:
    project = f"p{storage.stat().st_ino}-{time.time_ns()}"
    return shared.make_build(shared.make_project(project, storage_url=storage.as_uri()))


@pytest.fixture
def make_worker(shared: Service, build: Build, tmp_path: Path) -> Iterator[Callable[[str], Worker]]:
    made: list[Worker] = []

    def make(name: str) -> Worker:
        made.append(Worker(shared, build, tmp_path, name))
        return made[-1]

    yield make
    for each in made:
        each.client.close()


@pytest.fixture
def worker(make_worker: Callable[[str], Worker]) -> Worker:
    return make_worker("worker-a")


@pytest.fixture
def other(make_worker: Callable[[str], Worker]) -> Worker:
    return make_worker("worker-b")
