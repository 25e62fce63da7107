"""Signals to a command behind `bldst run`, and to its upload."""

import signal
from pathlib import Path

import pytest
from support import Service, until
from support.machine import Machine, Story


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)],
    ids=["SIGTERM", "SIGINT", "SIGHUP"],
)
def test_a_signal_reaches_the_command_and_is_recorded_by_name(
    number: signal.Signals, code: int, machine: Machine, build: str, service: Service
) -> None:
    traps = f'trap "echo {number.name} > got; exit" {number.name[3:]}; touch here;'
    running = machine.start(
        "run", build, "--state", "25", "--", "sh", "-c", f"{traps} while :; do sleep 0.05; done"
    )
    machine.await_file("here")
    running.send(number)
    ended = running.end()
    [attempt] = service.client.history(build)
    assert (ended.code, machine.read("got").strip()) == (code, number.name)
    assert attempt.status == "cancelled"
    assert number.name in (attempt.message or "")


def test_a_signal_that_only_tells_something_is_passed_on_and_is_no_failure(
    machine: Machine, build: str, story: Story
) -> None:
    body = "trap 'touch told' USR1; touch ready; until test -e told; do sleep 0.05; done"
    running = machine.start("run", build, "--state", "10", "--", "sh", "-c", body)
    machine.await_file("ready")
    running.send(signal.SIGUSR1)
    assert running.end().code == 0
    assert story() == [(10, "completed", "never_completed")]


def test_a_command_that_does_not_handle_sigterm_dies_of_it(
    machine: Machine, build: str, service: Service
) -> None:
    running = machine.start(
        "run", build, "--state", "25", "--", "sh", "-c", "touch here; exec sleep 600"
    )
    machine.await_file("here")
    running.send(signal.SIGTERM)
    assert running.end().code == 143
    [attempt] = service.client.history(build)
    assert (attempt.status, "SIGTERM" in (attempt.message or "")) == ("cancelled", True)


def test_a_command_may_outlive_a_signal_and_have_its_own_exit_code(
    machine: Machine, build: str, service: Service
) -> None:
    command = 'trap "exit 5" TERM; touch here; while :; do sleep 0.05; done'
    running = machine.start("run", build, "--state", "25", "--", "sh", "-c", command)
    machine.await_file("here")
    running.send(signal.SIGTERM)
    assert running.end().code == 5
    [attempt] = service.client.history(build)
    assert (attempt.status, "SIGTERM" in (attempt.message or "")) == ("cancelled", True)


def test_a_signal_that_its_caller_ignores_is_ignored(
    machine: Machine, build: str, service: Service
) -> None:
    """As under `nohup`: the terminal that it was started from may go away."""
    running = machine.start_script(
        """trap '' HUP
        exec bldst run $ID --state 25 -- sh -c 'touch here; until [ -e go ]; do sleep 0.05; done'
        """,
        ID=build,
    )
    machine.await_file("here")
    running.send_all(signal.SIGHUP)
    machine.write("go")
    assert running.end().code == 0
    [attempt] = service.client.history(build)
    assert attempt.status == "completed"


def test_a_signal_during_the_upload_ends_the_attempt_and_leaves_nothing(
    machine: Machine, build: str, service: Service, tmp_path: Path
) -> None:
    storage = tmp_path / "storage"
    running = machine.start(
        "run", build, "--state", "25", "--artifact", "small", "--artifact", "large",
        "--", "sh", "-c", "echo small > small; truncate -s 300G large",
    )  # fmt: skip

    def is_at_the_second() -> bool:
        # Until its hidden name has gone too, the first is not over.
        first_is_over = [path.stat().st_nlink for path in storage.rglob("small")] == [1]
        return first_is_over and any(storage.rglob(".buildstate-*"))

    until(is_at_the_second)
    running.send(signal.SIGTERM)
    ended = running.end()
    [attempt] = service.client.history(build)
    assert (ended.code, attempt.status) == (143, "cancelled")
    assert "SIGTERM" in (attempt.message or "")
    assert [path for path in storage.rglob("*") if path.is_file()] == []
