"""A guard ends what its runner has started when the runner is gone, and only then."""

import os
import signal
import subprocess
from collections.abc import Iterator

import pytest

from buildstate_worker.processes.guard import Guard
from buildstate_worker.processes.offspring import Offspring
from buildstate_worker.processes.tree import WITHIN, now


@pytest.fixture
def child() -> Iterator["subprocess.Popen[bytes]"]:
    """What this process has started since the guard was told to look."""
    with subprocess.Popen(["sleep", "300"]) as started:
        yield started
        started.send_signal(signal.SIGKILL)


@pytest.fixture
def guard() -> Iterator[Guard]:
    guard = Guard()
    guard.guard_children(within="0123", since=now())
    yield guard
    guard.close()


def test_a_runner_that_lets_go_of_its_guard_and_lives_on_loses_nothing(
    guard: Guard, child: "subprocess.Popen[bytes]"
) -> None:
    process, guard._process = guard._process, None
    assert process is not None
    process.communicate(timeout=60)
    assert child.poll() is None


def test_a_milestone_that_begins_late_is_guarded_by_nobody() -> None:
    """As one that was submitted, and is claimed only when its flow has ended."""
    offspring = Offspring(spared=tuple)
    offspring.over(offspring.begin("first"))
    offspring.close()
    offspring.over(offspring.begin("late"))
    assert offspring._guard is None
    assert WITHIN not in os.environ
