"""The exit code of each error, so that scripts can tell them apart."""

from typing import Final

import typer

from buildstate_core.errors import (
    BuildStateError,
    Conflict,
    Held,
    InvalidInput,
    NotAllowed,
    NotFound,
    Unreachable,
)

OK: Final = 0
FAILED: Final = 1
USAGE: Final = 2
NOT_FOUND: Final = 3
CONFLICT: Final = 4
NOT_ALLOWED: Final = 5
UNREACHABLE: Final = 6
HELD: Final = 7

SIGNAL_BASE: Final = 128
"""Ended by a signal, as shells have it: this and the signal's number."""
INTERRUPTED: Final = 130
"""Ended by Ctrl-C: SIGINT."""
BROKEN_PIPE: Final = 141
"""Whoever read the output went away: SIGPIPE."""

OF_ERROR: Final[dict[type[BaseException], int]] = {
    BuildStateError: FAILED,
    InvalidInput: USAGE,
    NotFound: NOT_FOUND,
    Conflict: CONFLICT,
    NotAllowed: NOT_ALLOWED,
    Unreachable: UNREACHABLE,
    Held: HELD,
    typer.TyperException: USAGE,
    typer.Abort: INTERRUPTED,
    KeyboardInterrupt: INTERRUPTED,
    BrokenPipeError: BROKEN_PIPE,
}
"""A class that is not listed has the code of the nearest one above it that is."""


def exit_code(error: BaseException) -> int:
    """Return the exit code of an error.

    >>> exit_code(Held("state 25 is held")), exit_code(Unreachable("no answer"))
    (7, 6)
    """
    return next((OF_ERROR[cls] for cls in type(error).__mro__ if cls in OF_ERROR), FAILED)
