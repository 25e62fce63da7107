"""The example of a worker pool with real servers: one of two workers is killed in a milestone."""

import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support import Cluster, Service, until
from support.machine import Machine, Started, machines
from support.prefect import QUIET, PrefectServer, prefect_server

from buildstate_core.models import Attempt, ResumeRequest
from buildstate_core.vocabulary import AutoResume, ResumeStatus

EXAMPLE = Path(__file__).parents[2] / "examples/worker_pool"
LEASE_SECONDS = 5
PARAMETERS = {"version": "9.6", "layers": 3, "layer_seconds": 2.0}


@dataclass
class Worker:
    """A machine with a checkout of the pipeline, and the Prefect worker on it."""

    machine: Machine
    started: Started

    @property
    def name(self) -> str:
        return self.machine.environ["BLDST_WORKER"]

    def is_in_the_milestone(self) -> bool:
        """Whether the application's first layer is there, and so not its last one yet."""
        return any(Path(self.machine.environ["TMPDIR"]).rglob("layer-1"))

    def kill(self) -> None:
        """End it, and the processes of its flow runs, as a power cut would."""
        while alive := processes_of(self.machine):
            for pid in alive:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


@dataclass
class Pool:
    """Two workers, the service and the Prefect server."""

    service: Service
    prefect: PrefectServer
    workers: list[Worker]

    def request(self) -> ResumeRequest:
        (found,) = self.service.client.list_resume_requests()
        return found

    def tasks(self, run: str) -> dict[str, str]:
        """Give the name of each milestone's state in a flow run, as Prefect has it."""
        return {
            each["name"].split()[0]: each["state"]["name"] for each in self.prefect.task_runs(run)
        }


def processes_of(machine: Machine) -> list[int]:
    """Find every process that was started on a machine: it has the machine's environment."""
    mark = f"TMPDIR={machine.environ['TMPDIR']}".encode()
    found = []
    for each in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            # Of one that is dead but not yet waited for, nothing is left to read.
            if mark in each.read_bytes().split(b"\0"):
                found.append(int(each.parent.name))
    return found


def prefect_on(machine: Machine, *arguments: str) -> Started:
    """Start Prefect's own command, with what it says in a file."""
    return machine.start_script(f"exec prefect {' '.join(arguments)} >>prefect.log 2>&1")


def ended_well(machine: Machine, started: Started) -> None:
    ended = started.end()
    assert ended.code == 0, machine.read("prefect.log")


@pytest.fixture
def pool(cluster: Cluster, database_url: str, tmp_path: Path, prefect_home: Path) -> Iterator[Pool]:
    with ExitStack() as stack:
        prefect = stack.enter_context(
            prefect_server(tmp_path / "prefect-server", has_services=True, home=prefect_home)
        )
        make = stack.enter_context(machines(tmp_path / "machines", {}))
        server: Machine = make("server", **QUIET, PREFECT_API_URL=prefect.url)
        made = prefect_on(server, "work-pool", "create", "images", "--type", "process")
        started = server.bldst(
            *("server", "start", "--background", "--port", "0", "--output", "json"),
            *("--database-url", database_url, "--prefect-api-url", prefect.url),
        )
        assert started.code == 0, started.err
        stack.callback(server.bldst, "server", "stop")
        service = Service(started.data["url"], cluster.key, database_url)
        stack.callback(service.close)
        ended_well(server, made)
        shutil.copytree(EXAMPLE, server.folder, dirs_exist_ok=True)
        deployed = prefect_on(server, "deploy", "--all")
        workers = []
        for name in ("worker-a", "worker-b"):
            workers.append(worker(make, name, service, prefect))
            stack.callback(workers[-1].kill)
        ended_well(server, deployed)
        service.make_project(
            "worker-pool",
            storage_url=(tmp_path / "storage").as_uri(),
            auto_resume=AutoResume.LOST,
        )
        yield Pool(service, prefect, workers)


def worker(make: Any, name: str, service: Service, prefect: PrefectServer) -> Worker:
    """Start a worker that shares nothing with others but the storage."""
    machine: Machine = make(name)
    home = machine.folder.parent
    (home / "tmp").mkdir()
    shutil.copytree(EXAMPLE, home / "pipeline")
    machine.environ |= {
        **QUIET,
        "BLDST_API_URL": service.url,
        "BLDST_API_KEY": service.key,
        "BLDST_LEASE_SECONDS": str(LEASE_SECONDS),
        "PIPELINE_DIR": str(home / "pipeline"),
        "PREFECT_API_URL": prefect.url,
        "PREFECT_HOME": str(home / "prefect"),
        "PREFECT_WORKER_QUERY_SECONDS": "2",
        "TMPDIR": str(home / "tmp"),
    }
    flags = ("--pool", "images", "--type", "process", "--name", name)
    return Worker(machine, prefect_on(machine, "worker", "start", *flags))


def story(history: list[Attempt]) -> list[tuple[int, int, str, str | None, str | None]]:
    return [
        (each.state, each.attempt, each.status.value, each.reason, each.worker) for each in history
    ]


def test_a_killed_workers_build_is_finished_by_the_other_worker(pool: Pool) -> None:
    client = pool.service.client
    which = "/deployments/name/worker-pool/image"
    deployment = pool.prefect.ask("GET", which)["id"]
    first = pool.prefect.start(deployment, None, parameters=PARAMETERS, name="calm-otter")

    until(lambda: any(each.is_in_the_milestone() for each in pool.workers), seconds=90)
    killed, other = sorted(pool.workers, key=Worker.is_in_the_milestone, reverse=True)
    dead_at = time.monotonic()
    killed.kill()

    await_successor(pool, dead_at + LEASE_SECONDS + 15)
    request = pool.request()
    assert (request.state, request.attempt, str(request.flow_run_id)) == (50, 1, first)
    assert request.reason == "lost_worker"

    def is_done() -> bool:
        request = pool.request()
        assert request.status is not ResumeStatus.FAILED, request
        return request.status is ResumeStatus.DONE

    until(is_done, seconds=120)
    history = list(client.history(request.build))
    assert story(history) == [
        (10, 1, "completed", "never_completed", killed.name),
        (25, 1, "completed", "never_completed", killed.name),
        (30, 1, "completed", "never_completed", killed.name),
        (50, 1, "lost", "never_completed", killed.name),
        (30, 2, "completed", "not_restorable", other.name),
        (50, 2, "completed", "lost_worker", other.name),
        (100, 1, "completed", "never_completed", other.name),
    ]
    assert client.get_build(request.build).status == "completed"

    successor = pool.prefect.run(request.successor_id)
    assert successor["name"] == "calm-otter-resumed"
    assert successor["state"]["type"] == "COMPLETED"
    dead = pool.prefect.run(first)
    assert dead["state"]["type"] == "CRASHED"
    assert f"calm-otter-resumed ({request.successor_id})" in dead["state"]["message"]
    assert dead["parameters"] == successor["parameters"] == PARAMETERS
    assert pool.tasks(first) == {
        "10": "Completed", "25": "Completed", "30": "Completed", "50": "Crashed",
    }  # fmt: skip
    assert pool.tasks(successor["id"]) == {
        "10": "Skipped", "25": "Restored", "30": "Completed", "50": "Completed", "100": "Completed",
    }  # fmt: skip
    assert_either_leads_to_the_other(history, first, successor["id"])


def await_successor(pool: Pool, deadline: float) -> None:
    """Wait for the service to have asked Prefect; if it does not, tell what it did instead."""
    # Not by way of the service: whoever reads there finds lost workers before its job does.
    query = pool.service.query
    try:
        until(
            lambda: query("SELECT 1 FROM resume_requests WHERE successor_id IS NOT NULL"),
            seconds=deadline - time.monotonic(),
        )
    except AssertionError:
        events = query("SELECT at, type, data FROM events ORDER BY id DESC LIMIT 4")
        requests = query("SELECT status, tries, message FROM resume_requests")
        pytest.fail(f"The newest events: {events}; the requests: {requests}")


def assert_either_leads_to_the_other(history: list[Attempt], *runs: str) -> None:
    """Attempts name the flow run that they were made in, and where that was run."""
    for each in history:
        orchestrator = each.orchestrator
        assert orchestrator is not None
        assert str(orchestrator.flow_run_id) == runs[each.worker != history[0].worker]
        assert (orchestrator.deployment, orchestrator.work_pool) == ("image", "images")
        assert orchestrator.worker == each.worker
