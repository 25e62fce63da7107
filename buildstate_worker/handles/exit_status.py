"""What the exit status of a probe says: one protocol for every command that is a probe.

| exit status | means |
|---|---|
| 0 | what it looked for is there, or still holds |
| 1 | it is gone |
| anything else, a signal, none in time | nobody can tell |
"""

import signal
from enum import Enum
from typing import Final

PROTOCOL: Final = "A probe ends with 0 if it is there and with 1 if it is gone"
"""The beginning of a hint, for whoever has to correct a probe."""


class ProbeVerdict(Enum):
    """The answer of a probe."""

    HOLDS = "holds"
    GONE = "gone"
    UNKNOWN = "unknown"


def verdict_of(status: int) -> ProbeVerdict:
    """Return what an exit status says.

    Args:
        status: As `subprocess` has it: negative for a signal.
    """
    return {0: ProbeVerdict.HOLDS, 1: ProbeVerdict.GONE}.get(status, ProbeVerdict.UNKNOWN)


def how_it_ended(status: int) -> str:
    """Return in words how a probe ended, for the error that says that nobody can tell.

    >>> how_it_ended(2), how_it_ended(-15)
    ('ended with exit code 2', 'was ended by SIGTERM')
    """
    if status >= 0:
        return f"ended with exit code {status}"
    try:
        return f"was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"was ended by signal {-status}"
