"""A command as a child process: signals are passed on, and its end is told as shells tell it.

A signal goes to the command alone, which decides what to do with it; processes that it started and
left behind are ended afterwards. If this process dies, the command is ended as well.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final

from buildstate_cli.exit_codes import SIGNAL_BASE
from buildstate_cli.run.process_tree import GRACE_SECONDS, PROGRAM, ProcessTree
from buildstate_cli.signals import ENDING, handled, name_of

_TELLING: Final = (signal.SIGUSR1, signal.SIGUSR2)
"""A command may use these for anything, so that they say nothing about how it went."""
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
        is_again: Whether this is not the call that was typed, so that stdin is not meant for it.

    Attributes:
        was_stopped: Whether `stop` has ended it, or keeps it from starting.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        folder: Path,
        environ: Mapping[str, str],
        stdout_to_stderr: bool,
        is_again: bool = False,
    ) -> None:
        self._command = list(command)
        self._folder = folder
        self._environ = dict(environ)
        self._stdout = sys.stderr.fileno() if stdout_to_stderr else None
        self._stdin = subprocess.DEVNULL if is_again and not os.isatty(0) else None
        self._process: subprocess.Popen[bytes] | None = None
        self._tree: ProcessTree | None = None
        self._signal: signal.Signals | None = None
        self._too_early: signal.Signals | None = None
        self._changing = threading.Lock()
        self.was_stopped = False

    def run(self) -> Ended:
        """Start it, pass signals on to it, and wait for its end."""
        with (
            handled(self._pass_on, ENDING),
            handled(self._send, _TELLING),
            _guard() as guard,
        ):
            try:
                with self._changing:
                    if self.was_stopped:
                        return self._ended(-signal.SIGTERM)
                    process = self._start()
                    tree = ProcessTree(process.pid)
                    guard(tree)
                    self._process, self._tree = process, tree
            except FileNotFoundError:
                return Ended(_NOT_FOUND, f"{self._command[0]}: command not found")
            except OSError as error:
                return Ended(_NOT_EXECUTABLE, f"{self._command[0]}: {error.strerror}")
            if self._too_early is not None:
                self._send(self._too_early, None)
            status = process.wait()
            if self._signal is not None:  # which went to the command alone
                tree.end(GRACE_SECONDS)
            return self._ended(status)

    def stop(self, *, grace_seconds: float | None = None) -> None:
        """End it and what it started, from another thread: ask first, then insist."""
        with self._changing:
            tree = self._tree
            if tree is not None and tree.is_gone():
                return
            self.was_stopped = True
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

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        self._signal = signal.Signals(number)
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


@contextlib.contextmanager
def _guard() -> Iterator[Callable[[ProcessTree], None]]:
    """Yield what has a command ended if this process is gone without having waited for it."""
    try:
        process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-I", "-S", PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,  # what ends this one must not end it as well
        )
    except OSError:  # the command matters more than its guard
        yield lambda _: None
        return
    assert process.stdin is not None  # noqa: S101 - it is a pipe
    pipe = process.stdin.fileno()

    def guard(tree: ProcessTree) -> None:
        if tree.start is not None:  # else it is gone already, or this system does not tell
            with contextlib.suppress(OSError):
                os.write(pipe, f"{tree.pid} {tree.start}\n".encode())

    try:
        yield guard
    finally:
        process.kill()  # before the pipe closes
        process.communicate()


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
