"""A process and all that it started, ended together.

They are not in a process group of their own: at a terminal such a group may not read from it, so
that `sudo` and `ssh` could not ask for a password, and Ctrl-C would not reach the script around
it. Instead, who descends from whom is read from `/proc`; where there is none, only the process
itself is known. Each is known by its start as well as its number, which another may get later.

Run as a program, this ends a process when whoever started the program is gone: even a SIGKILL
closes the pipe between them. Little of the standard library, so that it starts at once::

    bldst run ──► command ──► what it started
        └─ pipe ─► python process_tree.py: reads the command's PID and START; then the pipe's end
"""

import contextlib
import os
import signal
import sys
import time
from typing import Final

GRACE_SECONDS: Final = 10.0
"""How long they have to end after they were asked to."""

PROGRAM: Final = __file__
"""What to run with a pipe on stdin; it gets a line of a process's number and its start."""

_PROC: Final = "/proc"
_LOOK_EVERY_SECONDS: Final = 0.05
_DEAD: Final = frozenset({b"Z", b"X"})
_STATE, _PARENT, _START = 0, 1, 19  # of /proc/PID/stat, behind the name


class ProcessTree:
    """A process and its descendants, as long as they descend.

    Args:
        pid: The process; it need not be a child of this one.
        start: When it started, as the kernel counts; `None` for what is there now.

    Attributes:
        pid: The process.
        start: When it started; `None` if nobody can tell.
    """

    def __init__(self, pid: int, start: int | None = None) -> None:
        self.pid = pid
        found = _read(pid)
        self.start = start if start is not None or found is None else found[1]
        self._known: dict[int, int | None] = {pid: self.start}

    def look(self) -> None:
        """Take in who descends from it now. Those whose parents end are not found later."""
        parents = _all_parents()
        alive = {pid for pid, start in self._known.items() if _is_alive(pid, start)}
        while found := {pid for pid, each in parents.items() if each[0] in alive} - alive:
            alive |= found
            self._known.update({pid: parents[pid][1] for pid in found})

    def is_gone(self) -> bool:
        """Return whether none is left of those that are known."""
        return not any(_is_alive(pid, start) for pid, start in self._known.items())

    def send(self, number: signal.Signals) -> None:
        """Send a signal to all of them that may be sent one."""
        for pid, start in self._known.items():
            _send(pid, start, number)

    def end(self, seconds: float) -> None:
        """Ask all of them to end, and insist after a time."""
        self.look()
        self.send(signal.SIGTERM)
        deadline = time.monotonic() + seconds
        while not self.is_gone():
            if time.monotonic() >= deadline:
                self._kill()
                return
            time.sleep(_LOOK_EVERY_SECONDS)
            self.look()

    def _kill(self) -> None:
        # Stopped first, so that none of them starts another while the others are killed.
        for number in (signal.SIGSTOP, signal.SIGKILL):
            self.look()
            self.send(number)


def _is_alive(pid: int, start: int | None) -> bool:
    found = _read(pid)
    if found is None:
        return not _has_proc() and _exists(pid)
    return start in {None, found[1]} and found[2]


def _send(pid: int, start: int | None, number: signal.Signals) -> None:
    with contextlib.suppress(OSError):  # it is gone, or another user's: `sudo`
        if not hasattr(os, "pidfd_open"):
            if _is_alive(pid, start):
                os.kill(pid, number)
            return
        # What is looked at after it was opened is what is sent to.
        process = os.pidfd_open(pid)
        try:
            if _is_alive(pid, start):
                signal.pidfd_send_signal(process, number)
        finally:
            os.close(process)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return True


def _has_proc() -> bool:
    return os.path.exists(f"{_PROC}/self/stat")  # noqa: PTH110 - pathlib is slow to import


def _all_parents() -> dict[int, tuple[int, int]]:
    """Return every process there is, with its parent and its start."""
    try:
        pids = [int(each) for each in os.listdir(_PROC) if each.isdigit()]  # noqa: PTH208 - as above
    except OSError:
        return {}
    found = ((pid, _read(pid)) for pid in pids)
    return {pid: (each[0], each[1]) for pid, each in found if each is not None}


def _read(pid: int) -> tuple[int, int, bool] | None:
    """Return a process's parent and its start, and whether it can still do anything."""
    try:
        with open(f"{_PROC}/{pid}/stat", "rb") as file:  # noqa: PTH123 - as above
            # The name before is in brackets and may have brackets.
            words = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return int(words[_PARENT]), int(words[_START]), words[_STATE] not in _DEAD


def _guard() -> None:
    words = sys.stdin.buffer.read().split()
    if words:
        pid, start = map(int, words)
        ProcessTree(pid, start).end(GRACE_SECONDS)


if __name__ == "__main__":
    _guard()
