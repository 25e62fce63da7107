"""A command as a child process: signals are passed on, and its end is told as shells tell it.

A signal goes to the command alone, which decides what to do with it; processes that it started and
left behind are ended afterwards. If it takes longer than a grace, all of it is ended:

    signal ──► the command alone ── grace ──► SIGTERM to all ── grace, 10 s at most ──► SIGKILL

If this process dies, or is frozen while it runs an effect, a guard ends the command.
"""

import contextlib
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from types import FrameType
from typing import IO, Final

from buildstate_cli.exit_codes import SIGNAL_BASE
from buildstate_cli.signals import ENDING, handled, name_of
from buildstate_worker.processes.guard import Guard
from buildstate_worker.processes.tree import GRACE_SECONDS, WITHIN, ProcessTree, joined

PATIENCE_SECONDS: Final = 30.0
"""How long a command may take to end after a signal, if nothing else is said."""

_TELLING: Final = (signal.SIGUSR1, signal.SIGUSR2)
"""A command may use these for anything, so that they say nothing about how it went."""
_HEAR_SECONDS: Final = 1.0
_NOT_FOUND: Final = 127
_NOT_EXECUTABLE: Final = 126


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    Attributes:
        exit_code: As a shell would give it: 128 and the signal's number if a signal ended it.
        problem: What to record of a command that did not succeed; `None` if it did.
        is_cancelled: Whether somebody ended it by a signal to this process.
    """

    exit_code: int
    problem: str | None
    is_cancelled: bool = False


class Child:
    """One command, from its start to its end.

    Args:
        command: The program and its arguments; no shell is between.
        folder: Where it runs.
        environ: Its whole environment.
        stdout_to_stderr: Whether what it prints goes to stderr.
        stdin: What it reads as standard input; `None` for what this process has.
        grace_seconds: How long it may take to end after a signal was passed on to it.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        folder: Path,
        environ: Mapping[str, str],
        stdout_to_stderr: bool,
        stdin: "IO[bytes] | int | None" = None,
        grace_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._within = os.urandom(8).hex()
        self._command = list(command)
        self._folder = folder
        self._environ = {**environ, WITHIN: joined(environ.get(WITHIN), [self._within])}
        self._stdout = sys.stderr.fileno() if stdout_to_stderr else None
        self._stdin = stdin
        self._process: subprocess.Popen[bytes] | None = None
        self._tree: ProcessTree | None = None
        self._signal: signal.Signals | None = None
        self._too_early: signal.Signals | None = None
        self._changing = threading.Lock()
        self._grace_seconds = grace_seconds
        self._signals: SimpleQueue[signal.Signals | None] = SimpleQueue()
        self._guard: Guard | None = None
        self._was_stopped = False
        self._lease = (0.0, 0.0)

    @property
    def was_stopped(self) -> bool:
        """Whether it was ended because of its claim, or kept from starting."""
        return self._was_stopped or (self._guard is not None and self._guard.has_ended_some)

    def note_lease(self, until: float, *, stops_before: float) -> None:
        """Take until when the attempt has its lease, from any thread.

        Args:
            until: By the monotonic clock.
            stops_before: How long before that the command is ended if this process is frozen; 0
                for not at all.
        """
        self._lease = (until, stops_before)
        if self._guard is not None:
            self._guard.note_lease(self._within, until=until, stops_before=stops_before)

    def run(self) -> Ended:
        """Start it, pass signals on to it, and wait for its end."""
        with (
            handled(self._pass_on, ENDING),
            handled(self._send, _TELLING),
            self._guarded() as guard,
        ):
            try:
                with self._changing:
                    if self._was_stopped:
                        return self._ended(-signal.SIGTERM)
                    guard.guard_started(within=self._within)
                    process = self._start()
                    tree = ProcessTree.of(process.pid, within=self._within)
                    guard.guard_tree(tree, within=self._within)
                    self._process, self._tree = process, tree
            except FileNotFoundError:
                return Ended(_NOT_FOUND, f"{self._command[0]}: command not found")
            except OSError as error:
                return Ended(_NOT_EXECUTABLE, f"{self._command[0]}: {error.strerror}")
            if self._too_early is not None:
                self._send(self._too_early, None)
            with self._patience(tree):
                status = _status(process)
            if self._signal is not None:  # which went to the command alone
                tree.end(GRACE_SECONDS)
            return self._ended(status)

    def stop(self, *, grace_seconds: float | None = None) -> None:
        """End it and what it started, from another thread: ask first, then insist."""
        with self._changing:
            tree = self._tree
            if tree is not None and tree.is_gone():
                return
            self._was_stopped = True
        if tree is not None:
            tree.end(GRACE_SECONDS if grace_seconds is None else grace_seconds)

    def _start(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(  # noqa: S603 - running it is what we are for
            self._command,
            cwd=self._folder,
            env=self._environ,
            stdin=self._stdin,
            stdout=self._stdout,
        )

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[Guard]:
        """Have the command ended if this process cannot do so itself."""
        guard = self._guard = Guard()
        until, stops_before = self._lease
        if until:
            self.note_lease(until, stops_before=stops_before)
        try:
            yield guard
        finally:
            guard.close()

    @contextlib.contextmanager
    def _patience(self, tree: ProcessTree) -> Iterator[None]:
        """End all of it when it has not ended within the grace after a signal in the block."""
        has_ended = threading.Event()

        def insist() -> None:
            if self._signals.get() is not None and not has_ended.wait(self._grace_seconds):
                tree.end(min(self._grace_seconds, GRACE_SECONDS))

        thread = threading.Thread(target=insist, name="bldst-insist", daemon=True)
        thread.start()
        try:
            yield
        finally:
            has_ended.set()
            self._signals.put(None)
            thread.join()

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        self._signal = signal.Signals(number)
        self._signals.put(self._signal)
        if self._tree is not None:
            self._tree.look()  # before they are parted from it by its end
        if not _from_terminal(self._signal):
            self._send(number, frame)

    def _send(self, number: int, _: FrameType | None) -> None:
        if self._process is None:
            self._too_early = signal.Signals(number)
            return
        with contextlib.suppress(PermissionError):  # `sudo` belongs to another user
            self._process.send_signal(number)

    def _ended(self, status: int) -> Ended:
        if self._signal is not None:
            name = self._signal.name
            code = status if status > 0 else SIGNAL_BASE + self._signal
            problem = f"ended by {name}, which was passed on to the command"
            return Ended(code, problem, is_cancelled=True)
        if status < 0:
            return Ended(SIGNAL_BASE - status, f"the command was ended by {name_of(-status)}")
        return Ended(status, f"the command ended with exit code {status}" if status else None)


def _status(process: "subprocess.Popen[bytes]") -> int:
    """Wait for its end, and return how it ended."""
    if hasattr(os, "pidfd_open"):
        # A signal that comes just before a wait begins is heard only after it.
        with contextlib.suppress(OSError):
            ended = os.pidfd_open(process.pid)
            try:
                while not select.select([ended], [], [], _HEAR_SECONDS)[0]:
                    pass
            finally:
                os.close(ended)
    return process.wait()


def _from_terminal(number: signal.Signals) -> bool:
    """Return whether the terminal has sent this to the command as well, as it does for Ctrl-C."""
    if number not in {signal.SIGINT, signal.SIGQUIT}:
        return False
    try:
        # Not stdin, which may be a file or a pipe although there is a terminal.
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
