"""The service whose jobs are run by hand, step by step, and a real Prefect server."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import Cluster, Service, serving
from support.jobs import park
from support.prefect import PrefectServer, prefect_server

from buildstate_api.settings import PrefectSettings

from .world import World


@pytest.fixture(scope="session")
def prefect(
    tmp_path_factory: pytest.TempPathFactory, prefect_home: Path
) -> Iterator[PrefectServer]:
    with prefect_server(tmp_path_factory.mktemp("prefect"), home=prefect_home) as server:
        yield server


@pytest.fixture(scope="session")
def resting(cluster: Cluster) -> Iterator[Service]:
    """A service for all tests, which leaves the jobs to them."""
    name = cluster.create_database()
    asyncio.run(park(cluster.url(name), "consider", "resume"))
    with serving(cluster.url(name), cluster.key) as service:
        yield service
    cluster.drop_database(name)


@pytest.fixture
def world(resting: Service, prefect: PrefectServer) -> World:
    resting.query("DELETE FROM resume_requests")
    resting.query("UPDATE build_states SET resume_considered_at = now()")  # of the tests before
    return World(resting, prefect, PrefectSettings(api_url=prefect.url))


@pytest.fixture
def deployment(prefect: PrefectServer) -> str:
    return prefect.deploy(parameters={"release": "9.6", "region": "nowhere"}, tags=["images"])
