"""Ends what a test run has started once the run has ended, however that ended.

A process inherits the limits of the one that starts it, whatever environment, session, user or
parent it gets. So one limit that means nothing to the programs here, how long a real-time process
may compute, is the run's number, which all have that the run starts. The guard waits for the end
of the run in a session of its own, and ends what has the number::

    pytest ──► servers, commands, and what they start: PostgreSQL, for one, has no parent left
       └────► python guard.py NUMBER FOLDER PID...    then removes FOLDER

Every worker of pytest-xdist is a run of its own. Run as a program, this is the guard: little of the
standard library, so that it starts at once.
"""

import contextlib
import os
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

_MARK: Final = resource.RLIMIT_RTTIME
_MARK_IN_PROC: Final = b"Max realtime timeout"
_RUNS: Final = "BUILDSTATE_TEST_RUNS"
"""The runs that this one is part of: the processes whose end is its end too."""

_INSISTENCE: Final = ((signal.SIGTERM, 2.0), (signal.SIGINT, 3.0), (signal.SIGKILL, 5.0))
"""PostgreSQL waits for its clients after the first, and not after the second."""

_LOOK_EVERY_SECONDS: Final = 0.02


class Guard:
    """The guard of this run.

    Attributes:
        folder: The run's own. Others may pass through it, and its path is short enough for sockets.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="bs-", dir="/tmp"))
        self.folder.chmod(0o711)
        number = int.from_bytes(os.urandom(7))
        most = resource.getrlimit(_MARK)[1]
        resource.setrlimit(_MARK, (most, most))  # the guard of a run around this one spares ours
        runs = [*os.environ.get(_RUNS, "").split(), str(os.getpid())]
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, str(number), self.folder, *runs],
            stdin=subprocess.PIPE,
            cwd="/",
            start_new_session=True,  # what ends the run must not end it as well
        )
        os.environ[_RUNS] = " ".join(runs)
        resource.setrlimit(_MARK, (number, most))

    def end(self) -> None:
        """End all that is left, but for this process."""
        self._process.communicate(b"end")


@cache
def begin_run() -> Guard:
    """Give the guard of this run, which begins with it."""
    return Guard()


def _main(number: str, folder: str, *runs: str) -> None:
    run = int(runs[-1])
    is_alive = _wait_for_end([int(each) for each in runs])
    spared = {os.getpid(), run} if is_alive else {os.getpid()}
    for how, seconds in _INSISTENCE:
        deadline = time.monotonic() + seconds
        sent: set[int] = set()
        while (left := set(_marked(number.encode())) - spared) and time.monotonic() < deadline:
            for pid in left - sent:
                _send(pid, how, number.encode())
            sent |= left
            time.sleep(_LOOK_EVERY_SECONDS)
    shutil.rmtree(folder, ignore_errors=True)


def _wait_for_end(runs: list[int]) -> bool:
    """Wait until one of the processes is gone, or the run asks for it: whether it did."""
    processes = []
    for pid in runs:
        try:
            processes.append(os.pidfd_open(pid))
        except ProcessLookupError:
            return False
    ready, _, _ = select.select([sys.stdin.fileno(), *processes], [], [])
    return not set(processes) & set(ready) and os.read(sys.stdin.fileno(), 3) == b"end"


def _marked(number: bytes) -> Iterator[int]:
    """Find the processes with this number that can still do anything."""
    for name in os.listdir("/proc"):  # noqa: PTH208 - a string is all that it takes
        if name.isdigit() and _has_mark(int(name), number):
            yield int(name)


def _has_mark(pid: int, number: bytes) -> bool:
    try:
        limits = Path(f"/proc/{pid}/limits").read_bytes()
        state = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0]
    except OSError:
        return False
    _, _, behind = limits.partition(_MARK_IN_PROC)
    return behind.split()[:1] == [number] and state not in {b"Z", b"X"}


def _send(pid: int, how: signal.Signals, number: bytes) -> None:
    with contextlib.suppress(OSError):  # it is gone
        process = os.pidfd_open(pid)
        try:
            if _has_mark(pid, number):  # still, so that nobody else has got its number since
                signal.pidfd_send_signal(process, how)
        finally:
            os.close(process)


if __name__ == "__main__":
    _main(*sys.argv[1:])
