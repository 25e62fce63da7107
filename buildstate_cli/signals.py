"""Signals that ask this process to end, as an exception that undoes what was begun."""

import contextlib
import signal
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import Final

from buildstate_cli.exit_codes import SIGNAL_BASE

POLITE: Final = (signal.SIGTERM, signal.SIGHUP)
"""What asks any command to end; Python itself makes an exception of SIGINT."""

ENDING: Final = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)
"""What asks a command to end that other processes are begun for."""


class Signalled(BaseException):
    """A signal asked this process to end.

    Attributes:
        exit_code: As a shell would give it: 128 and the signal's number.
    """

    def __init__(self, number: int) -> None:
        super().__init__(name_of(number))
        self.exit_code = SIGNAL_BASE + number


@contextlib.contextmanager
def signals_raised(
    signals: Sequence[signal.Signals], *, only_first: bool = False
) -> Iterator[None]:
    """Raise `Signalled` in the block at a signal that asks for its end.

    Args:
        signals: Those that ask for it.
        only_first: Whether more of them change nothing, so that the end takes its time.
    """

    def end(number: int, _: FrameType | None) -> None:
        if only_first:
            for each in heard:
                signal.signal(each, signal.SIG_IGN)  # the end is on its way
        raise Signalled(number)

    with handled(end, signals) as heard:
        yield


@contextlib.contextmanager
def handled(
    handler: Callable[[int, FrameType | None], None], signals: Sequence[signal.Signals]
) -> Iterator[list[signal.Signals]]:
    """Handle signals within the block; yield those that are.

    What the caller ignores stays ignored, also in what is started: `nohup`, `trap '' HUP`, `&`.
    """
    heard = [each for each in signals if signal.getsignal(each) is not signal.SIG_IGN]
    before = {each: signal.signal(each, handler) for each in heard}
    try:
        yield heard
    finally:
        for each, old in before.items():
            signal.signal(each, old)


def name_of(number: int) -> str:
    """Return a signal's name, or its number if it has none."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
