"""A command as a child process: signals are passed on, and its end is told as shells tell it."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final

_ENDING: Final = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)
_TELLING: Final = (signal.SIGUSR1, signal.SIGUSR2)
"""What a command may do anything with; so they say nothing about how it went."""
_NOT_FOUND: Final = 127
_NOT_EXECUTABLE: Final = 126
_SIGNAL_BASE: Final = 128
_GRACE_SECONDS: Final = 10.0


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    Attributes:
        exit_code: As a shell would give it: 128 and the signal's number if a signal ended it.
        problem: What to record of a command that did not succeed; `None` if it did.
    """

    exit_code: int
    problem: str | None


class Signalled(BaseException):
    """A signal asked this process to end while no command was running."""

    def __init__(self, number: int) -> None:
        super().__init__(_name_of(number))
        self.exit_code = _SIGNAL_BASE + number


@contextlib.contextmanager
def signals_raised() -> Iterator[None]:
    """Raise `Signalled` for what asks this process to end, so that nothing is left half-done."""

    def end(number: int, _: FrameType | None) -> None:
        raise Signalled(number)

    with _handled(end, _ENDING):
        yield


class Child:
    """One command, from its start to its end.

    Args:
        command: The program and its arguments; no shell is between.
        folder: Where it runs.
        environ: Its whole environment.
        stdout_to_stderr: Whether what it prints goes to stderr.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        folder: Path,
        environ: Mapping[str, str],
        stdout_to_stderr: bool,
    ) -> None:
        self._command = list(command)
        self._folder = folder
        self._environ = dict(environ)
        self._stdout = sys.stderr.fileno() if stdout_to_stderr else None
        self._process: subprocess.Popen[bytes] | None = None
        self._signal: signal.Signals | None = None
        self._stopped = False

    def run(self) -> Ended:
        """Start it, pass signals on to it, and wait for its end."""
        with _handled(self._pass_on, _ENDING), _handled(self._send, _TELLING):
            try:
                self._process = subprocess.Popen(  # noqa: S603 - running it is what we are for
                    self._command, cwd=self._folder, env=self._environ, stdout=self._stdout
                )
            except FileNotFoundError:
                return Ended(_NOT_FOUND, f"{self._command[0]}: command not found")
            except OSError as error:
                return Ended(_NOT_EXECUTABLE, f"{self._command[0]}: {error.strerror}")
            if self._signal is not None:  # it came before there was anyone to pass it on to
                self._process.send_signal(self._signal)
            if self._stopped:
                self._process.terminate()
            return self._ended(self._process.wait())

    def stop(self) -> None:
        """End it from another thread: ask first, then insist."""
        self._stopped = True
        process = self._process
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        self._signal = signal.Signals(number)
        if not _from_terminal(self._signal):
            self._send(number, frame)

    def _send(self, number: int, _: FrameType | None) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def _ended(self, status: int) -> Ended:
        if self._signal is not None:
            name = self._signal.name
            code = status if status > 0 else _SIGNAL_BASE + self._signal
            return Ended(code, f"ended by {name}, which was passed on to the command")
        if status < 0:
            return Ended(_SIGNAL_BASE - status, f"the command was ended by {_name_of(-status)}")
        return Ended(status, f"the command ended with exit code {status}" if status else None)


@contextlib.contextmanager
def _handled(
    handler: Callable[[int, FrameType | None], None], signals: Sequence[signal.Signals]
) -> Iterator[None]:
    # What the caller ignores stays ignored, here and in the command: `nohup`, `trap '' HUP`, `&`.
    heard = [each for each in signals if signal.getsignal(each) is not signal.SIG_IGN]
    before = {each: signal.signal(each, handler) for each in heard}
    try:
        yield
    finally:
        for each, old in before.items():
            signal.signal(each, old)


def _from_terminal(number: signal.Signals) -> bool:
    """Whether the terminal has sent this to the command as well, as it does for Ctrl-C."""
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


def _name_of(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
