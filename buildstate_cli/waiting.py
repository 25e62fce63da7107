"""Waiting for something that nobody announces."""

import time
from collections.abc import Callable


def comes_true(
    condition: Callable[[], object], *, within_seconds: float, poll_seconds: float = 0.2
) -> bool:
    """Ask again and again until a condition holds, and return whether it came to hold in time.

    >>> comes_true(lambda: True, within_seconds=0)
    True

    Args:
        condition: Asked at least once.
        within_seconds: How long to wait.
        poll_seconds: The pause between two questions.
    """
    deadline = time.monotonic() + within_seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(poll_seconds)
    return True
