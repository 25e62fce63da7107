"""Workers that want the same milestone, stop answering, or lose the service under their hands."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support import Cluster, Service, ServiceProcess, serving, until
from support.machine import Machine, Started, machines

from buildstate_api.embedded import DATABASE
from buildstate_core.errors import BuildStateError
from buildstate_core.models import Report

MakeMachine = Callable[..., Machine]
WORK = "touch here; until [ -e go ]; do sleep 0.05; done; hostname > disk; echo $NAME >> disk"


def start(machine: Machine, build: str, *flags: str) -> Started:
    """Start state 25, which goes on when there is a file `go`."""
    return machine.start(
        "run", build, "--state", "25", "--artifact", "disk", *flags, "--", "sh", "-c", WORK,
        NAME=machine.environ["BLDST_WORKER"],
    )  # fmt: skip


def made_by(service: Service, build: str) -> str:
    """Name the worker whose artifact is the recorded one, by what is in the file."""
    [artifact] = service.client.list_artifacts(build)
    assert artifact.uri is not None
    assert artifact.status == "available"
    return Path(artifact.uri.removeprefix("file://")).read_text().split()[-1]


def statuses(service: Service, build: str) -> list[tuple[str, str | None, str | None]]:
    return [(each.status.value, each.worker, each.reason) for each in service.client.history(build)]


class TestWithoutAnOutage:
    def test_of_two_racing_workers_one_runs_and_the_other_waits_and_skips(
        self, machine: Machine, elsewhere: Machine, build: str, service: Service
    ) -> None:
        both = (start(machine, build), start(elsewhere, build))
        until(lambda: machine.has("here") or elsewhere.has("here"))
        holder, waiter = (machine, elsewhere) if machine.has("here") else (elsewhere, machine)
        until(lambda: service.client.get_build(build).active == (25,))
        refused = waiter.bldst("run", build, "--state", "25", "--wait", "0", "--", "touch", "ran")
        assert (refused.code, waiter.has("ran")) == (7, False)
        assert f"held by {holder.environ['BLDST_WORKER']} until" in refused.err

        for each in (holder, waiter):
            each.write("go")
        ended = [each.end() for each in both]
        assert [each.code for each in ended] == [0, 0]
        assert not waiter.has("here")
        assert "skipped: it is done" in "".join(each.err for each in ended)
        name = holder.environ["BLDST_WORKER"]
        assert statuses(service, build) == [("completed", name, "never_completed")]
        assert made_by(service, build) == name

    def test_many_racing_workers_run_it_once(
        self, make_machine: MakeMachine, build: str, service: Service
    ) -> None:
        workers = [make_machine(f"worker-{n}") for n in range(4)]
        for each in workers:
            each.write("go")
        ended = [each.end() for each in [start(each, build) for each in workers]]
        assert [each.code for each in ended] == [0, 0, 0, 0]
        assert sum(each.has("here") for each in workers) == 1
        assert len(statuses(service, build)) == 1

    def test_a_killed_worker_s_milestone_is_lost_and_taken_over(
        self, machine: Machine, elsewhere: Machine, build: str, service: Service
    ) -> None:
        killed = start(machine, build, "--lease", "2")
        machine.await_file("here")
        killed.kill_all()
        elsewhere.write("go")
        taken_over = start(elsewhere, build).end()
        assert taken_over.code == 0
        assert "the worker that had it stopped answering" in taken_over.err
        assert statuses(service, build) == [
            ("lost", "server-a", "never_completed"),
            ("completed", "server-b", "lost_worker"),
        ]

    def test_a_killed_worker_is_lost_without_anyone_asking(
        self, machine: Machine, build: str, service: Service
    ) -> None:
        killed = start(machine, build, "--lease", "1")
        machine.await_file("here")
        killed.kill_all()
        until(lambda: statuses(service, build)[0][0] == "lost")
        assert service.client.get_build(build).status == "failed"

    def test_a_stale_holder_cannot_complete_what_another_has_taken_over(
        self, machine: Machine, elsewhere: Machine, build: str, service: Service, tmp_path: Path
    ) -> None:
        stale = start(machine, build, "--lease", "2")
        machine.await_file("here")
        stale.send_all(signal.SIGSTOP)
        machine.write("go")
        elsewhere.write("go")
        assert start(elsewhere, build).end().code == 0
        stale.send_all(signal.SIGCONT)
        refused = stale.end()
        assert refused.code == 4
        assert "Claim the milestone again" in refused.err
        assert statuses(service, build) == [
            ("lost", "server-a", "never_completed"),
            ("completed", "server-b", "lost_worker"),
        ]
        assert made_by(service, build) == "server-b"
        assert len([each for each in (tmp_path / "storage").rglob("*") if each.is_file()]) == 1

    def test_a_holder_that_was_stopped_but_not_replaced_is_refused_as_well(
        self, machine: Machine, build: str, service: Service
    ) -> None:
        stale = start(machine, build, "--lease", "1")
        machine.await_file("here")
        stale.send_all(signal.SIGSTOP)
        machine.write("go")
        until(lambda: statuses(service, build)[0][0] == "lost")
        stale.send_all(signal.SIGCONT)
        assert stale.end().code == 4
        assert statuses(service, build) == [("lost", "server-a", "never_completed")]

    def test_a_command_ends_when_its_claim_is_lost(
        self, machine: Machine, build: str, service: Service
    ) -> None:
        command = "touch here; exec sleep 600"
        running = machine.start(
            "run", build, "--state", "25", "--lease", "3", "--", "sh", "-c", command
        )
        machine.await_file("here")
        [attempt] = service.client.history(build)
        service.expire(attempt.id)
        ended = running.end(seconds=60)
        assert (ended.code, statuses(service, build)[0][0]) == (4, "lost")

    def test_a_long_command_keeps_its_claim(
        self, machine: Machine, build: str, service: Service
    ) -> None:
        running = start(machine, build, "--lease", "2")
        machine.await_file("here")

        [attempt] = service.client.history(build)

        def age_of_lease() -> timedelta:
            query = "SELECT lease_until - started_at AS age FROM build_states WHERE id = %s"
            age: timedelta = service.query(query, attempt.id)[0]["age"]
            return age

        until(lambda: age_of_lease() > timedelta(seconds=4))
        machine.write("go")
        assert running.end().code == 0


class TestOutages:
    @pytest.fixture
    def outage(self, service_process: ServiceProcess, tmp_path: Path) -> Iterator[Any]:
        """A service in a process of its own, and a machine in the middle of a milestone of it."""
        common = {"BLDST_API_URL": service_process.url, "BLDST_API_KEY": service_process.key}
        storage = tmp_path / "storage"
        storage.mkdir()
        service_process.make_project("rhel-base", storage_url=storage.as_uri())
        build = str(service_process.make_build().number)
        with machines(tmp_path / "machines", common) as make:
            yield service_process, make("server-a"), build

    def test_a_holder_goes_on_and_completes_when_the_service_was_killed(self, outage: Any) -> None:
        service, machine, build = outage
        holder = start(machine, build, "--lease", "5")
        machine.await_file("here")
        service.kill()
        # An hour passes.
        service.query("UPDATE service_clock SET last_seen_at = last_seen_at - interval '1 hour'")
        service.query(
            "UPDATE build_states SET lease_until = lease_until - interval '1 hour',"
            " heartbeat_at = heartbeat_at - interval '1 hour'"
        )
        service.start()
        machine.write("go")
        assert holder.end().code == 0
        assert statuses(service, build) == [("completed", "server-a", "never_completed")]
        assert made_by(service, build) == "server-a"

    def test_a_completion_waits_for_a_service_that_is_down(self, outage: Any) -> None:
        service, machine, build = outage
        holder = start(machine, build)
        machine.await_file("here")
        service.kill()
        machine.write("go")
        machine.await_file("disk")
        service.start()
        assert holder.end().code == 0
        assert [each[0] for each in statuses(service, build)] == ["completed"]

    def test_a_failure_waits_for_a_service_that_is_down(self, outage: Any) -> None:
        service, machine, build = outage
        command = "touch here; until [ -e go ]; do sleep 0.05; done; touch left; exit 9"
        holder = machine.start("run", build, "--state", "25", "--", "sh", "-c", command)
        machine.await_file("here")
        service.kill()
        machine.write("go")
        machine.await_file("left")
        service.start()
        assert holder.end().code == 9
        assert [each[0] for each in statuses(service, build)] == ["failed"]


def test_nothing_acknowledged_is_lost_when_postgresql_is_killed(
    own_cluster: Cluster, tmp_path: Path
) -> None:
    storage = tmp_path / "storage"
    storage.mkdir()
    with ExitStack() as stack:
        service = stack.enter_context(serving(own_cluster.url(DATABASE), own_cluster.key))
        common = {"BLDST_API_URL": service.url, "BLDST_API_KEY": service.key}
        make = stack.enter_context(machines(tmp_path / "machines", common))
        service.make_project("rhel-base", storage_url=storage.as_uri())
        build = str(service.make_build().number)
        machine = make("server-a")
        holder = start(machine, build)
        machine.await_file("here")

        acknowledged: list[Any] = []
        killed = threading.Event()

        def report() -> None:
            while not killed.is_set() and len(acknowledged) < 500:
                told = Report(state=5, status="failed", message=f"report {len(acknowledged)}")
                try:
                    acknowledged.append(service.client.report(build, told).id)
                except BuildStateError:
                    continue

        reporter = threading.Thread(target=report)
        reporter.start()
        until(lambda: len(acknowledged) >= 20)
        own_cluster.kill()
        killed.set()
        reporter.join()
        own_cluster.start()
        until(service.is_ready)

        assert set(acknowledged) <= {each.id for each in service.client.history(build)}
        machine.write("go")
        assert holder.end().code == 0
        assert made_by(service, build) == "server-a"
