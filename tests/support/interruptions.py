"""What signals do to a test run, and to what it starts."""

import signal
from types import FrameType
from typing import Final

_ENDING: Final = (signal.SIGTERM, signal.SIGHUP)
_IGNORED_BEHIND: Final = (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
"""What `nohup`, a shell's `&` and some runners of CI have all ignore that they start."""


def end_in_good_order() -> None:
    """Let SIGTERM and SIGHUP end the run as Ctrl-C does: fixtures clean up."""
    for number in _ENDING:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _interrupt)


def let_what_is_started_hear() -> None:
    """Have signals that this run was started to ignore ignored by itself alone.

    What is ignored stays so in all that is started; a handler does not, even if it does nothing.
    """
    for number in _IGNORED_BEHIND:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, _stay)


def _interrupt(number: int, _: FrameType | None) -> None:
    raise KeyboardInterrupt(signal.Signals(number).name)


def _stay(_number: int, _: FrameType | None) -> None:
    pass
