"""Signals that ask this process to end, as an exception: what was begun is undone on the way out.

`bldst run` and `bldst server start` have more to do then, and their own way to do it.
"""

import contextlib
import signal
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import Final

from buildstate_cli.exit_codes import SIGNAL_BASE

ALL_ENDING: Final = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)

_ENDING: Final = (signal.SIGTERM, signal.SIGHUP)
"""What does not end a Python process in good order; of SIGINT it makes an exception itself."""


class Ended(BaseException):
    """A signal asked this process to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = SIGNAL_BASE + number


@contextlib.contextmanager
def ended_in_good_order(signals: Sequence[signal.Signals] = _ENDING) -> Iterator[None]:
    """Raise `Ended` at the first of some signals; more of them change nothing."""

    def end(number: int, _: FrameType | None) -> None:
        for each in heard:
            signal.signal(each, signal.SIG_IGN)  # the end is on its way
        raise Ended(number)

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
