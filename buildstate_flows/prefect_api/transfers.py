"""How far transfers are: for the attempt that runs, and in the log of what runs it.

Both are told in the thread that moves the bytes. The attempt's heartbeat passes it on to the
service; whoever reads Prefect's log gets a line every 10 seconds.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Final

from buildstate_core.models import Transfer
from buildstate_flows.prefect_api.prefect_runs import say
from buildstate_worker.transfer_progress import Lines, OnTransfer

noting: Final[ContextVar[OnTransfer | None]] = ContextVar("noting", default=None)
"""Takes what is downloaded for the attempt that runs here, also by the user's own function."""

_lines: Final[ContextVar[Lines | None]] = ContextVar("lines", default=None)


@contextmanager
def noted(note: OnTransfer) -> Iterator[None]:
    """Have what is downloaded in this block noted for an attempt."""
    token = noting.set(note)
    try:
        yield
    finally:
        noting.reset(token)


@contextmanager
def logged() -> Iterator[None]:
    """Have the transfers of this block logged, one after the other."""
    token = _lines.set(Lines(say=_say))
    try:
        yield
    finally:
        _lines.reset(token)


def log(transfer: Transfer) -> None:
    """Take how far any transfer of this process is."""
    lines = _lines.get()
    if lines is not None:
        lines(transfer)


def _say(line: str) -> None:
    # Where nobody takes Prefect's lines any more, since its worker has died, one that is printed
    # ends the thread. Bytes that are on their way are worth more than that.
    with suppress(SystemExit):
        say(line)
