"""A process beside this one that ends what runs for attempts when this one cannot.

    this process ──► a command, or a milestone's children
        │  pipe
        └───────► guard: reads what to end, and until when the leases last (`watch.py`)

Even a SIGKILL closes the pipe. A SIGSTOP does not; then the guard ends an effect before its lease
can have run out.
"""

import contextlib
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Final

from buildstate_worker.processes.tree import GUARD, WITHIN, ProcessTree

_ROOT: Final = Path(__file__).parents[2]
# Isolated, without site packages: nothing that is installed slows it down or takes part in it.
_PROGRAM: Final = f"import sys; sys.path.append(sys.argv[1]); {GUARD}; main(int(sys.argv[2]))"


class Guard:
    """A guard that has been started; nothing is guarded if that is not possible.

    What it guards matters more than the guard, so that nothing here raises or waits.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._writing = threading.Lock()
        self._has_ended_some = False
        with contextlib.suppress(OSError):
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-I", "-S", "-c", _PROGRAM, _ROOT, str(os.getpid())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env={name: value for name, value in os.environ.items() if name != WITHIN},
                start_new_session=True,  # what ends this process must not end it as well
            )
        if self._process is not None:
            assert self._process.stdin is not None  # noqa: S101 - it is a pipe
            assert self._process.stdout is not None  # noqa: S101 - it is a pipe
            os.set_blocking(self._process.stdin.fileno(), False)
            os.set_blocking(self._process.stdout.fileno(), False)

    def guard_started(self, *, within: str) -> None:
        """Have what is about to start ended, which is known by its environment alone."""
        self._say(f"started {within}")

    def guard_tree(self, tree: ProcessTree, *, within: str) -> None:
        """Have a command ended, with all that it starts."""
        for pid, start in tree.roots.items():
            if start is not None:  # else it is gone already, or this system does not tell
                self._say(f"tree {pid} {start} {within}")

    def guard_children(self, *, within: str, since: int) -> None:
        """Have all ended that this process has started since a time, as the kernel counts."""
        self._say(f"below {within} {since}")

    def note_lease(
        self, attempt: str, *, until: float, stops_before: float = 0.0, thread: int = 0
    ) -> None:
        """Take until when an attempt has its lease.

        Args:
            attempt: Its name.
            until: By the monotonic clock.
            stops_before: How long before that what runs for it is ended; 0 for not at all, as long
                as this process is there.
            thread: The thread that it runs in; 0 if it has none of its own.
        """
        self._say(f"lease {attempt} {until} {stops_before} {thread}")

    def note_over(self, attempt: str) -> None:
        """Take that an attempt is not at work any more."""
        self._say(f"over {attempt}")

    @property
    def has_ended_some(self) -> bool:
        """Whether it has ended something because a lease ran out."""
        if self._process is not None and self._process.stdout is not None:
            with contextlib.suppress(OSError, ValueError):
                if os.read(self._process.stdout.fileno(), 1024):
                    self._has_ended_some = True
        return self._has_ended_some

    def close(self) -> None:
        """End it; what it guarded is left as it is."""
        process = self._process
        if process is None:
            return
        with self._writing:
            process.kill()  # before the pipe closes
            _ = self.has_ended_some
            self._process = None
        process.communicate()

    def _say(self, line: str) -> None:
        with self._writing, contextlib.suppress(OSError, ValueError):
            if self._process is not None and self._process.stdin is not None:
                os.write(self._process.stdin.fileno(), f"{line}\n".encode())
