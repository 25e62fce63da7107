"""Whether changes of a pipeline are seen, and only those: `make bench-trust`.

A pipeline of five states runs once, is changed in one place, and runs again on another machine. Of
60 changes each changes the image, as calling the plain functions shows; of 40 none does. A change
that was not seen delivers an old image in silence: the worst there is. One that was seen and
changes nothing costs time.

It ends with 1 if a change was not seen, or more than `MOST_NEEDLESS` were seen that are none.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module, invalidate_caches
from pathlib import Path
from typing import Any, Final

# The same real service as in the tests.
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from changes import Change, that_count, that_do_not
from support import Cluster, Service, serving, short_folder
from support.guard import begin_run
from support.postgres import migrated_cluster

from buildstate_core.errors import BuildStateError
from buildstate_flows import build
from buildstate_worker.settings import Settings

PIPELINE: Final = Path(__file__).parent / "pipeline"
PROJECT: Final = "pipeline"
MOST_NEEDLESS: Final = 1


class Machine:
    """A worker with a checkout of the pipeline, which shares nothing but the service."""

    def __init__(self, folder: Path, service: Service, storage: Path) -> None:
        self.project = folder / "project"
        shutil.copytree(PIPELINE, self.project)
        (self.project / ".gitignore").write_text("scratch/\n")
        self._settings = Settings.load(
            {
                "BLDST_API_URL": service.url,
                "BLDST_API_KEY": service.key,
                "BLDST_CACHE_DIR": str(folder / "cache"),
                "BLDST_STORAGE_URL": storage.as_uri(),
                "BLDST_WORKER": folder.name,
            }
        )

    def run(self, key: str) -> str:
        """Run the pipeline; return the image that it delivers."""
        with imported(self.project) as flow, build(PROJECT, key=key, settings=self._settings):
            return Path(flow.main()).read_text()

    def oracle(self) -> str:
        """Return the image that the plain functions make, each called once."""
        with imported(self.project) as flow, tempfile.TemporaryDirectory() as folder:
            flow.workdir = flow.image.__globals__["workdir"] = lambda: Path(
                tempfile.mkdtemp(dir=folder)
            )
            for name, each in list(vars(flow).items()):
                if hasattr(each, "spec"):
                    setattr(flow, name, each.fn)
            return Path(flow.main()).read_text()


@contextmanager
def imported(project: Path) -> Iterator[Any]:
    """Yield a project's flow, loaded anew, in its folder."""
    here, path = Path.cwd(), list(sys.path)
    os.chdir(project)
    sys.path.insert(0, str(project))
    invalidate_caches()
    try:
        yield import_module("flow")
    finally:
        os.chdir(here)
        sys.path[:] = path
        for name, module in list(sys.modules.items()):
            if str(getattr(module, "__file__", None) or "").startswith(f"{project}/"):
                del sys.modules[name]


@contextmanager
def running() -> Iterator[Service]:
    """Run a service with a project in it, and end it."""
    with tempfile.TemporaryDirectory() as root, short_folder() as folder:
        cluster = Cluster(folder, migrated_cluster(Path(root) / "made"), is_quick=True)
        try:
            with serving(cluster.url(cluster.create_database()), cluster.key) as service:
                service.make_project(PROJECT)
                yield service
        finally:
            cluster.stop()
    begin_run().end()


def attempts(service: Service, key: str) -> int:
    """Return how many milestones have run in a build."""
    number = next(each.number for each in service.client.list_builds() if each.key == key)
    return len(list(service.client.history(number)))


def is_missed(change: Change, make: Callable[[str], Machine], key: str) -> bool:
    """Return whether a change that counts was not seen.

    Raises:
        AssertionError: It does not change the image, so that it does not belong here.
    """
    make(f"{key}-before").run(key)
    after = make(f"{key}-after")
    was = after.oracle()
    change.make(after.project)
    wanted = after.oracle()
    assert wanted != was, f"{change} changes nothing"  # noqa: S101 - a mistake of the benchmark
    try:
        return after.run(key) != wanted
    except BuildStateError as error:
        print(f"  refused: {change}: {error}")
        return False


def is_needless(change: Change, make: Callable[[str], Machine], service: Service, key: str) -> bool:
    """Return whether something ran because of a change that is none."""
    make(f"{key}-before").run(key)
    before = attempts(service, key)
    after = make(f"{key}-after")
    change.make(after.project)
    after.run(key)
    return attempts(service, key) != before


def main() -> None:
    """Try all changes, and print what came of them."""
    with tempfile.TemporaryDirectory() as root, running() as service:

        def make(name: str) -> Machine:
            machine = Path(root) / name
            machine.mkdir()
            return Machine(machine, service, Path(root) / "storage")

        missed = [
            each
            for number, each in enumerate(that_count())
            if is_missed(each, make, f"counts-{number}")
        ]
        needless = [
            each
            for number, each in enumerate(that_do_not())
            if is_needless(each, make, service, f"counts-not-{number}")
        ]
    tell("changes that count, and were not seen", missed, len(list(that_count())))
    tell("changes that do not count, and were taken for some", needless, len(list(that_do_not())))
    if missed or len(needless) > MOST_NEEDLESS:
        raise SystemExit(1)


def tell(what: str, found: list[Change], of: int) -> None:
    """Print what was found."""
    print(f"{what}: {len(found)} of {of}")
    for each in found:
        print(f"  {each}")


if __name__ == "__main__":
    main()
