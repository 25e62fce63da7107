"""What becomes of a command when `bldst run` is signalled, killed, cancelled, or cut off."""

import os
import pty
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support import Service, ServiceProcess, until
from support.machine import Ended, Machine, Started, machines

from buildstate_core.models import Cancel, ClaimRequest
from buildstate_core.vocabulary import ClaimDecision, Kind

FAMILY = """
trap 'touch told' USR1
sh -c 'echo $$ > child; touch here; exec sleep 600' & echo $$ > parent
until wait; do :; done
"""
"""A command that has started another one, and tells when a signal has been passed on to it."""


@pytest.fixture
def make_machine(shared_service: Service, tmp_path: Path) -> Iterator[Callable[..., Machine]]:
    common = {"BLDST_API_URL": shared_service.url, "BLDST_API_KEY": shared_service.key}
    with machines(tmp_path / "machines", common) as make:
        yield make


@pytest.fixture
def machine(make_machine: Callable[..., Machine]) -> Machine:
    return make_machine("server-a")


@pytest.fixture
def build(shared_service: Service) -> str:
    return str(shared_service.make_build(key=os.urandom(8).hex()).number)


def start(machine: Machine, build: str, command: str, *flags: str, state: int = 25) -> Started:
    line = ("run", build, "--state", str(state), *flags, "--", "sh", "-c", command)
    started = machine.start(*line)
    machine.await_file("here")
    return started


def is_alive(machine: Machine, name: str) -> bool:
    try:
        status = Path(f"/proc/{machine.read(name).strip()}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def story(service: Service, build: str) -> list[tuple[int, str, str]]:
    return [(each.state, each.status, each.message or "") for each in service.client.history(build)]


class TestFamily:
    def test_a_command_dies_with_a_bldst_that_is_killed(self, machine: Machine, build: str) -> None:
        running = start(machine, build, FAMILY)
        pass_on(running, machine)
        assert is_alive(machine, "parent")
        running.send(signal.SIGKILL)
        until(lambda: not is_alive(machine, "parent"))
        until(lambda: not is_alive(machine, "child"))

    def test_it_may_clean_up_before(self, machine: Machine, build: str) -> None:
        traps = "trap 'touch cleaned; exit' TERM; trap 'touch told' USR1"
        running = start(machine, build, f"{traps}; touch here; while :; do sleep 0.05; done")
        pass_on(running, machine)
        running.send(signal.SIGKILL)
        machine.await_file("cleaned")

    def test_what_a_command_has_started_ends_when_its_claim_is_lost(
        self, machine: Machine, build: str, shared_service: Service
    ) -> None:
        running = start(machine, build, FAMILY, "--lease", "3")
        [attempt] = shared_service.client.history(build)
        shared_service.expire(attempt.id)
        assert running.end().code == 4
        assert not is_alive(machine, "child")

    def test_what_a_signalled_command_leaves_behind_is_ended(
        self, machine: Machine, build: str
    ) -> None:
        running = start(machine, build, FAMILY)
        running.send(signal.SIGTERM)
        assert running.end().code == 143
        assert not is_alive(machine, "child")

    def test_what_a_command_leaves_running_by_itself_is_left_alone(
        self, machine: Machine, build: str
    ) -> None:
        command = "sleep 600 > /dev/null 2>&1 & echo $! > child; touch here"
        assert start(machine, build, command).end().code == 0
        assert is_alive(machine, "child")
        os.kill(int(machine.read("child")), signal.SIGKILL)

    def test_nothing_of_ours_is_left_when_it_has_ended(self, machine: Machine, build: str) -> None:
        command = "touch here; until [ -e go ]; do sleep 0.05; done"
        running = start(machine, build, command)
        [guard] = [
            each for each in children(running.pid) if "processes.watch" in command_line(each)
        ]
        machine.write("go")
        assert running.end().code == 0
        assert not guard.exists()


STUBBORN = """
trap 'touch told' TERM
sh -c 'trap "" TERM; echo $$ > child; while :; do sleep 0.05; done' &
echo $$ > parent
until [ -s child ]; do sleep 0.05; done
touch here
while :; do sleep 0.05; done
"""
"""A command that outlives SIGTERM, as does what it has started."""


class TestGrace:
    def test_a_command_that_outlives_a_signal_is_killed_with_all_that_it_has_started(
        self, machine: Machine, build: str, shared_service: Service
    ) -> None:
        running = start(machine, build, STUBBORN, "--grace", "1")
        running.send(signal.SIGTERM)
        machine.await_file("told")
        client = shared_service.client
        request = ClaimRequest(state=25, worker="next")
        until(lambda: client.claim(build, request).decision is ClaimDecision.RUN)
        assert not is_alive(machine, "parent")
        assert not is_alive(machine, "child")
        ended = running.end()
        assert ended.code == 143
        assert [each[1] for each in story(shared_service, build)] == ["cancelled", "in_progress"]

    def test_one_that_ends_within_it_is_left_to_clean_up(
        self, machine: Machine, build: str
    ) -> None:
        cleans = "trap 'until [ -e go ]; do sleep 0.05; done; touch cleaned; exit 3' TERM"
        command = f"{cleans}; touch here; while :; do sleep 0.05; done"
        running = start(machine, build, command, "--grace", "600")
        running.send(signal.SIGTERM)
        machine.write("go")
        assert running.end().code == 3
        assert machine.has("cleaned")


class TestFrozen:
    """`bldst run` is stopped for longer than its lease lasts."""

    LEASE = ("--lease", "6")

    def test_its_effect_has_ended_before_anybody_else_may_begin(
        self, machine: Machine, build: str, shared_service: Service
    ) -> None:
        running = start(machine, build, FAMILY, *self.LEASE, "--kind", "effect", state=60)
        running.send(signal.SIGSTOP)
        client = shared_service.client
        request = ClaimRequest(state=60, kind=Kind.EFFECT, worker="next")
        until(lambda: client.claim(build, request).decision is ClaimDecision.RUN)
        assert not is_alive(machine, "parent")
        assert not is_alive(machine, "child")
        running.send(signal.SIGCONT)
        assert running.end().code != 0
        assert [each[1] for each in story(shared_service, build)] == ["lost", "in_progress"]

    def test_an_effect_that_takes_its_end_for_success_is_not_recorded_as_that(
        self, machine: Machine, build: str, shared_service: Service
    ) -> None:
        command = "trap 'touch asked; exit 0' TERM; touch here; while :; do sleep 0.05; done"
        running = start(machine, build, command, *self.LEASE, "--kind", "effect", state=60)
        running.send(signal.SIGSTOP)
        machine.await_file("asked")
        running.send(signal.SIGCONT)
        assert running.end().code == 6
        assert [each[1] for each in story(shared_service, build)] != ["completed"]

    def test_a_step_goes_on_and_nothing_of_it_is_recorded(
        self, machine: Machine, build: str, shared_service: Service
    ) -> None:
        command = "touch here; until [ -e go ]; do sleep 0.05; done; touch left"
        running = start(machine, build, command, "--lease", "3")
        running.send(signal.SIGSTOP)
        request = ClaimRequest(state=25, worker="next")
        client = shared_service.client
        until(lambda: client.claim(build, request).decision is ClaimDecision.RUN)
        machine.write("go")
        machine.await_file("left")
        running.send(signal.SIGCONT)
        assert running.end().code == 4
        assert [each[1] for each in story(shared_service, build)] == ["lost", "in_progress"]


def pass_on(running: Started, machine: Machine) -> None:
    """Wait until a signal comes through to the command: all is as it stays until it ends."""
    running.send(signal.SIGUSR1)
    machine.await_file("told")


def children(pid: int) -> list[Path]:
    return [each for each in Path("/proc").glob("[0-9]*") if parent_of(each) == pid]


def parent_of(process: Path) -> int:
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def command_line(process: Path) -> str:
    return (process / "cmdline").read_text()


def test_a_command_can_ask_at_the_terminal(machine: Machine, build: str) -> None:
    """As `sudo` and `ssh` do for a password, also when stdin is something else."""
    command = "touch here; read -r said < /dev/tty; echo $said > got"
    terminal, end = pty.openpty()
    line = ["bldst", "run", build, "--state", "25", "--", "sh", "-c", command]
    with subprocess.Popen(
        ["setsid", "--ctty", "sh", "-c", 'exec "$@" < /dev/null', "sh", *line],
        stdin=end,
        stdout=end,
        stderr=end,
        cwd=machine.folder,
        env=machine.environ,
    ) as running:
        os.close(end)
        machine.await_file("here")
        os.write(terminal, b"secret\n")
        assert running.wait(30) == 0
    os.close(terminal)
    assert machine.read("got") == "secret\n"


class TestCancelled:
    def test_who_stops_it_cancels_the_attempt_and_the_next_one_runs(
        self, machine: Machine, build: str, shared_service: Service
    ) -> None:
        running = start(machine, build, "touch here; exec sleep 600")
        running.send(signal.SIGINT)
        ended = running.end()
        assert ended.code == 130
        assert "cancelled: ended by SIGINT, which was passed on to the command" in ended.err
        assert [each[1] for each in story(shared_service, build)] == ["cancelled"]
        assert shared_service.client.get_build(build).status == "in_progress"
        assert machine.bldst("run", build, "--state", "25", "--", "true").code == 0

    def test_a_build_that_is_cancelled_stops_its_command_and_says_why(
        self, machine: Machine, build: str, shared_service: Service
    ) -> None:
        running = start(machine, build, FAMILY, "--lease", "3")
        shared_service.client.cancel_build(build, Cancel(reason="the wrong release"))
        ended: Ended = running.end()
        assert ended.code == 4
        assert not is_alive(machine, "child")
        assert "cancelled" in ended.err
        assert "the wrong release" in ended.err
        assert "Traceback" not in ended.err
        assert [each[1] for each in story(shared_service, build)] == ["cancelled"]


class TestOutOfReach:
    """A service that does not answer: an effect stops, all else goes on."""

    @pytest.fixture
    def make_machine(
        self, service_process: ServiceProcess, tmp_path: Path
    ) -> Iterator[Callable[..., Machine]]:
        common = {"BLDST_API_URL": service_process.url, "BLDST_API_KEY": service_process.key}
        with machines(tmp_path / "machines", common) as make:
            yield make

    def test_an_effect_stops_before_its_lease_ends_and_a_checkpoint_goes_on(
        self, service_process: ServiceProcess, make_machine: Callable[..., Machine], tmp_path: Path
    ) -> None:
        storage = tmp_path / "storage"
        storage.mkdir()
        service_process.make_project("rhel-base", storage_url=storage.as_uri())
        build = str(service_process.make_build().number)
        one, other = make_machine("server-a"), make_machine("server-b")
        eu, us = ("--lane", "eu"), ("--lane", "us")
        stubborn = "trap 'touch asked' TERM; touch here; while :; do touch alive; sleep 0.05; done"
        patient = "touch here; until [ -e go ]; do sleep 0.05; done; echo disk > disk"
        checkpoint = start(one, build, patient, *eu, "--lease", "4", "--artifact", "disk", state=25)
        effect = start(other, build, stubborn, *us, "--lease", "8", "--kind", "effect", state=60)

        service_process.signal(signal.SIGSTOP)
        other.await_file("alive")
        cut_off = (other.folder / "alive").stat().st_mtime
        ended = effect.end()
        assert ended.code == 6
        assert other.has("asked")
        assert "The service could not be reached to renew the lease" in ended.err
        # The last renewal was acknowledged before it was cut off.
        assert (other.folder / "alive").stat().st_mtime < cut_off + 8

        assert checkpoint.process.poll() is None
        service_process.signal(signal.SIGCONT)
        one.write("go")
        assert checkpoint.end().code == 0
        done = {each[0]: each[1] for each in story(service_process, build)}
        assert done[25] == "completed"
        assert done[60] != "completed"

    def test_an_effect_that_ends_well_meanwhile_is_recorded(
        self, service_process: ServiceProcess, make_machine: Callable[..., Machine]
    ) -> None:
        build = str(service_process.make_build().number)
        machine = make_machine("server-a")
        command = "touch here; until [ -e go ]; do sleep 0.05; done; touch left"
        effect = start(machine, build, command, "--lease", "6", "--kind", "effect", state=60)
        service_process.signal(signal.SIGSTOP)
        machine.write("go")
        machine.await_file("left")
        service_process.signal(signal.SIGCONT)
        assert effect.end().code == 0
        assert story(service_process, build)[0][1] == "completed"


class TestLeftovers:
    def test_an_artifact_that_was_there_and_is_not_touched_is_warned_about(
        self, machine: Machine, build: str
    ) -> None:
        machine.write("out/disk", "of another day")
        line = ("run", build, "--state", "25", "--artifact", "out")
        ended = machine.bldst(*line, "--", "true")
        assert ended.code == 0
        assert "--artifact out was there before, and the command has not touched it" in ended.err

    @pytest.mark.parametrize(
        "command",
        ["echo more >> out/disk", "touch out/disk", "cp out/disk o; mv o out/disk", "rm out/disk"],
    )
    def test_one_that_is_touched_is_not(self, command: str, machine: Machine, build: str) -> None:
        machine.write("out/disk", "of another day")
        machine.write("out/log", "")
        line = ("run", build, "--state", "25", "--artifact", "out")
        assert "was there before" not in machine.bldst(*line, "--", "sh", "-c", command).err

    def test_one_that_is_neither_there_before_nor_made_is_not(
        self, machine: Machine, build: str
    ) -> None:
        line = ("run", build, "--state", "25", "--artifact", "out")
        ended = machine.bldst(*line, "--", "true")
        assert (ended.code, "was there before" in ended.err) == (1, False)
        assert "--artifact out is not there" in ended.err

    def test_what_was_restored_may_stay_as_it_is(self, machine: Machine, build: str) -> None:
        keep = ("--artifact", "disk", "--")
        machine.bldst("run", build, "--state", "25", *keep, "sh", "-c", "echo 25 > disk")
        for state in ("30", "50"):
            ended = machine.bldst("run", build, "--state", state, *keep, "true")
            assert (ended.code, "was there before" in ended.err) == (0, False)
