"""A cloud, and the environment of a worker that may look into it."""

import os
from collections.abc import Iterator

import pytest
from support.ec2 import Ec2, ec2_server
from support.s3_front import Front, fronted


@pytest.fixture(scope="session")
def ec2(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ec2]:
    with ec2_server(tmp_path_factory.mktemp("ec2") / "server") as cloud:
        yield cloud


@pytest.fixture
def worker(ec2: Ec2, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The worker's environment, to be changed."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in ec2.server.environ().items():
        monkeypatch.setenv(name, value)
    return monkeypatch


@pytest.fixture
def front(ec2: Ec2, worker: pytest.MonkeyPatch) -> Iterator[Front]:
    """What stands between the worker and the cloud."""
    with fronted(ec2.server.url) as front:
        worker.setenv("AWS_ENDPOINT_URL", front.url)
        yield front
