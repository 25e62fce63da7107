"""Waits for what has to come true, with a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")


def until(condition: Callable[[], Value], *, seconds: float = 30) -> Value:
    """Give what the condition gives as soon as that is true."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"it did not come true within {seconds} s"
        time.sleep(0.01)
    return value
