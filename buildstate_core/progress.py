"""How far a transfer is, and how long it will take.

What moves bytes says often how many there are; whoever shows it is told now and then.
"""

import time
from collections.abc import Callable
from typing import Final

from buildstate_core.models import Transfer
from buildstate_core.vocabulary import Activity

OnTransfer = Callable[[Transfer], None]
"""Told how far a transfer is, in the thread that moves the bytes, so that it must be quick."""

_EVERY_SECONDS: Final = 0.2
_SETTLED_SECONDS: Final = 1.0
"""Before that, the speed says nothing about the rest."""


class Moving:
    """One transfer that is under way.

    Args:
        activity: What is done.
        name: The artifact's name.
        total_bytes: How many there are. `None`: unknown.
        tell: Who is told.
    """

    def __init__(
        self, activity: Activity, name: str, *, total_bytes: int | None, tell: OnTransfer
    ) -> None:
        self._activity = activity
        self._name = name
        self._total_bytes = total_bytes
        self._tell = tell
        self._began = time.monotonic()
        self._began_bytes: int | None = None
        self._told = 0.0

    def __call__(self, done_bytes: int) -> None:
        """Take how many bytes are done, of all."""
        now = time.monotonic()
        if self._began_bytes is None:
            # What an earlier download got says nothing about the speed of this one.
            self._began, self._began_bytes = now, done_bytes
        is_last = done_bytes == self._total_bytes
        if not is_last and now - self._told < _EVERY_SECONDS:
            return
        self._told = now
        self._tell(
            Transfer(
                activity=self._activity,
                name=self._name,
                done_bytes=done_bytes,
                total_bytes=self._total_bytes,
                seconds_left=self._seconds_left(done_bytes, now - self._began),
            )
        )

    def _seconds_left(self, done_bytes: int, seconds: float) -> float | None:
        moved = done_bytes - (self._began_bytes or 0)
        if self._total_bytes is None or moved <= 0 or seconds < _SETTLED_SECONDS:
            return None
        return round(max(0, self._total_bytes - done_bytes) * seconds / moved, 1)
