"""What a process tree takes in, and what the guard of a killed or frozen process ends."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import until

from buildstate_worker.processes.guard import Guard
from buildstate_worker.processes.tree import GUARD, WITHIN, ProcessTree, StartedBy, now, seen

ORPHAN = "(sleep 600 & echo $! > orphan) ; touch here; sleep 600"
"""What it leaves has no living ancestor of ours, as a daemon."""

RUNNER = """
import os, subprocess, sys, time
from buildstate_worker.processes.guard import Guard
within, until, stops_before = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
guard = Guard()
guard.note_lease("a", until=time.monotonic() + until, stops_before=stops_before)
guard.guard_started(within=within)
environ = {**os.environ, "BLDST_WITHIN": within}
subprocess.run(["sh", "-c", "sleep 600 & echo $! > child; wait"], env=environ)
"""


def running(folder: Path, *, until: int, stops_before: int) -> "subprocess.Popen[bytes]":
    words = [os.urandom(8).hex(), str(until), str(stops_before)]
    return subprocess.Popen([sys.executable, "-c", RUNNER, *words], cwd=folder)


@pytest.fixture
def ours() -> Iterator[list[int]]:
    pids: list[int] = []
    yield pids
    for pid in pids:
        if is_alive(pid):
            os.kill(pid, signal.SIGKILL)


def is_alive(pid: int) -> bool:
    found = seen(pid)
    return found is not None and found.is_alive


def read(file: Path) -> int:
    return int(until(lambda: file.exists() and file.read_text()))


def test_one_that_was_left_behind_is_found_by_its_environment(
    tmp_path: Path, ours: list[int]
) -> None:
    environ = {**os.environ, WITHIN: "outer:this:inner"}
    with subprocess.Popen(["sh", "-c", ORPHAN], cwd=tmp_path, env=environ) as process:
        orphan = read(tmp_path / "orphan")
        ours.append(orphan)
        until((tmp_path / "here").exists)
        ProcessTree.of(process.pid, within="another").end(5)
        process.wait()
        assert is_alive(orphan)
        ProcessTree({}, within="this").end(5)
        assert not is_alive(orphan)


def test_what_is_spared_is_left_with_all_below_it(tmp_path: Path, ours: list[int]) -> None:
    command = "sleep 600 & echo $! > child; wait"
    below = StartedBy(os.getpid(), now())
    with subprocess.Popen(["sh", "-c", command], cwd=tmp_path) as process:
        child = read(tmp_path / "child")
        ours.append(child)
        ProcessTree({}, below=below, spared=lambda: {process.pid}).end(0)
        assert process.poll() is None
        ProcessTree.of(process.pid).end(5)
        process.wait()
    assert not is_alive(child)


def test_what_was_started_before_is_no_part_of_it(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "600"], cwd=tmp_path) as before:
        begun = seen(before.pid)
        assert begun is not None
        below = StartedBy(os.getpid(), max(now(), begun.start + 1))
        until(lambda: now() >= below.since)
        with subprocess.Popen(["sleep", "600"], cwd=tmp_path) as after:
            ProcessTree({}, below=below).end(5)
            assert after.wait() == -signal.SIGTERM
        assert before.poll() is None
        before.kill()


def test_who_ignores_it_is_killed_and_gone_when_the_end_is_over(tmp_path: Path) -> None:
    command = "trap '' TERM; touch here; while :; do sleep 0.05; done"
    with subprocess.Popen(["sh", "-c", command], cwd=tmp_path) as process:
        until((tmp_path / "here").exists)
        tree = ProcessTree.of(process.pid)
        tree.end(0.1)
        assert tree.is_gone()
        assert process.wait() == -signal.SIGKILL


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_guard_ends_what_a_killed_or_frozen_runner_can_not(
    tmp_path: Path, number: signal.Signals
) -> None:
    with running(tmp_path, until=3, stops_before=1) as runner:
        child = read(tmp_path / "child")
        runner.send_signal(number)
        until(lambda: not is_alive(child))
        runner.kill()


def test_a_guard_that_begins_when_its_runner_is_gone_already_ends_what_it_is_told() -> None:
    within = os.urandom(8).hex()
    with subprocess.Popen(["true"]) as runner:
        runner.wait()
    guard = [sys.executable, "-c", f"{GUARD}; main({runner.pid})"]
    with subprocess.Popen(["sleep", "600"], env={**os.environ, WITHIN: within}) as child:
        subprocess.run(guard, input=f"started {within}\n".encode(), check=True)
        assert child.wait() == -signal.SIGTERM


def test_what_may_go_on_is_left_when_its_runner_is_frozen(tmp_path: Path) -> None:
    with running(tmp_path, until=0, stops_before=0) as runner:
        child = read(tmp_path / "child")
        runner.send_signal(signal.SIGSTOP)
        [guard] = [
            pid
            for pid in map(int, filter(str.isdigit, os.listdir("/proc")))  # noqa: PTH208
            if (found := seen(pid)) is not None
            and found.parent == runner.pid
            and b"processes.watch" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]
        looks = Path(f"/proc/{guard}/io")
        before = looks.read_text()
        until(lambda: looks.read_text() != before)  # it has looked once more
        assert is_alive(child)
        runner.kill()
        until(lambda: not is_alive(child))


def test_a_guard_that_is_closed_leaves_everything(tmp_path: Path) -> None:
    guard = Guard()
    with subprocess.Popen(["sleep", "600"], cwd=tmp_path) as process:
        guard.guard_tree(ProcessTree.of(process.pid), within="w")
        guard.close()
        guard.close()
        assert process.poll() is None
        process.kill()
