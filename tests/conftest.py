"""Fixtures for the tests of every folder.

`database_url` is a fresh, migrated database; `service` is the real service, over real HTTP, with
nothing in it. Both are cheap enough for every test.
"""

import gc
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

# The tests are no package, so that they run against an installed distribution as well.
sys.path.insert(0, str(Path(__file__).parent))

from support import Blank, Cluster, Service, ServiceProcess, serving, short_folder
from support.guard import begin_run
from support.interruptions import end_in_good_order, let_what_is_started_hear
from support.needs import MARKS, mark_needs
from support.postgres import migrated_cluster
from support.prefect import migrated_home
from support.spread import SlowFilesFirst, slow_files_first

# Hundreds of processes start from here, and load in half the time what is compiled already.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # for them, and for the workers of pytest-xdist

gc.disable()  # until all tests are imported, nearly all of which stays


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> SlowFilesFirst | None:
    """Spread the tests by file, unless another way is asked for."""
    return SlowFilesFirst(config, log) if config.option.dist == "loadfile" else None


@pytest.hookimpl(tryfirst=True)  # before the marks are asked for
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        mark_needs(item)
    if hasattr(config, "workerinput"):  # one of several workers
        slow_files_first(items)


def pytest_configure(config: pytest.Config) -> None:
    for mark, meaning in MARKS.items():
        config.addinivalue_line("markers", f"{mark}: {meaning}")
    config.add_cleanup(begin_run().end)
    end_in_good_order()
    # Hypothesis sees that a thread of a service used `random` while it drew, and takes that for
    # its own strategies' doing. Those are kept from it by the linter.
    config.addinivalue_line("filterwarnings", "ignore:Do not use the `random` module inside")


def pytest_collection_finish() -> None:
    """Prepare for what tests start; a process that only leads workers does not come here."""
    let_what_is_started_hear()
    gc.freeze()  # what was imported stays; to look through it again and again takes a tenth
    gc.enable()


@pytest.fixture(scope="session")
def common(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for what is made once: for all workers of this run, and the runs within it."""
    if "BUILDSTATE_TEST_COMMON" not in os.environ:
        folder = tmp_path_factory.getbasetemp()
        is_worker = hasattr(request.config, "workerinput")
        os.environ["BUILDSTATE_TEST_COMMON"] = str(folder.parent if is_worker else folder)
    return Path(os.environ["BUILDSTATE_TEST_COMMON"])


@pytest.fixture(scope="session")
def made_cluster(common: Path) -> Path:
    """What every PostgreSQL of the tests begins with a copy of."""
    return migrated_cluster(common / "postgres")


@pytest.fixture(scope="session")
def cluster(made_cluster: Path) -> Iterator[Cluster]:
    """The PostgreSQL of this test run."""
    with short_folder() as folder:
        cluster = Cluster(folder, made_cluster, is_quick=True)
        try:
            yield cluster
        finally:
            cluster.stop()


@pytest.fixture
def own_cluster(made_cluster: Path) -> Iterator[Cluster]:
    """A PostgreSQL of the test's own, to be killed."""
    with short_folder() as folder:
        cluster = Cluster(folder, made_cluster)
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


@pytest.fixture(scope="session")
def blank_service(cluster: Cluster) -> Iterator[Callable[[], Service]]:
    """One service in a thread of the tests, and what makes it blank for the next of them."""
    name = cluster.create_database()
    blank = Blank(cluster.url(name))
    with serving(cluster.url(name), cluster.key) as running:

        def restored() -> Service:
            blank.restore()
            return Service(running.url, running.key, running.database_url)

        yield restored
    cluster.drop_database(name)


@pytest.fixture
def service(blank_service: Callable[[], Service]) -> Iterator[Service]:
    """The service, with nothing in it."""
    with closing(blank_service()) as service:
        yield service


@pytest.fixture(scope="module")
def module_service(cluster: Cluster) -> Iterator[Service]:
    """The same for a whole module whose tests leave nothing behind."""
    name = cluster.create_database()
    with serving(cluster.url(name), cluster.key) as service:
        yield service
    cluster.drop_database(name)


@pytest.fixture(scope="session")
def prefect_home(common: Path) -> Path:
    """The `PREFECT_HOME` that every Prefect server here begins with a copy of."""
    return migrated_home(common / "prefect-home")


@pytest.fixture
def service_process(cluster: Cluster, database_url: str) -> Iterator[ServiceProcess]:
    """The service in a process of its own."""
    service = ServiceProcess.on_a_free_port(database_url, cluster.key)
    service.start()
    yield service
    service.kill()
    service.close()
