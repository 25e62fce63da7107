"""Fixtures for the tests of every folder.

`database_url` is a fresh, migrated database; `service` is the real service on one, over real
HTTP. Both are cheap enough for one per test.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# The tests are no package, so that they run against an installed distribution as well.
sys.path.insert(0, str(Path(__file__).parent))

from support import Cluster, Service, ServiceProcess, serving, short_folder


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The PostgreSQL of this test run."""
    with short_folder() as folder:
        cluster = Cluster(folder, is_quick=True)
        try:
            yield cluster
        finally:
            cluster.stop()


@pytest.fixture
def own_cluster() -> Iterator[Cluster]:
    """A PostgreSQL of the test's own, to be killed."""
    with short_folder() as folder:
        cluster = Cluster(folder)
        try:
            yield cluster
        finally:
            cluster.stop()


@pytest.fixture
def database_url(cluster: Cluster) -> Iterator[str]:
    """A fresh database with every table and one API key, `cluster.key`."""
    name = cluster.create_database()
    yield cluster.url(name)
    cluster.drop_database(name)


@pytest.fixture
def service(cluster: Cluster, database_url: str) -> Iterator[Service]:
    """The service in a thread of the tests."""
    with serving(database_url, cluster.key) as service:
        yield service


@pytest.fixture(scope="module")
def module_service(cluster: Cluster) -> Iterator[Service]:
    """The same for a whole module whose tests leave nothing behind."""
    name = cluster.create_database()
    with serving(cluster.url(name), cluster.key) as service:
        yield service
    cluster.drop_database(name)


@pytest.fixture
def service_process(cluster: Cluster, database_url: str) -> Iterator[ServiceProcess]:
    """The service in a process of its own."""
    service = ServiceProcess.on_a_free_port(database_url, cluster.key)
    service.start()
    yield service
    service.kill()
    service.close()
