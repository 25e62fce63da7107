"""How far a transfer is, how long it will take, and how people are told.

The code that moves bytes reports often; listeners are told a few times a second.
"""

import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Final, Self

from buildstate_core.models import Transfer, TransferSeen
from buildstate_core.units import about, amount, duration, size
from buildstate_core.vocabulary import Activity

OnTransfer = Callable[[Transfer], None]
"""Told how far a transfer is, in the thread that moves the bytes, so that it must be quick."""

LINE_EVERY_SECONDS: Final = 10.0

_EVERY_SECONDS: Final = 0.2
_SETTLED_SECONDS: Final = 1.0
"""Before that, the speed says nothing about the rest."""
_DONE: Final[Mapping[Activity, str]] = {
    Activity.UPLOADING: "uploaded",
    Activity.DOWNLOADING: "downloaded",
}


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


class Lines:
    """Writes a line every 10 seconds on how far a transfer is, one transfer after the other.

    Nothing is said of shorter transfers. A `with` block ends the lines, also if a transfer failed;
    it may be entered again.

    Args:
        say: Takes a line.
        clock: The seconds, from whenever on.
    """

    def __init__(
        self, *, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._say = say
        self._clock = clock
        self._key: tuple[str, str] | None = None
        self._began = 0.0
        self._told: float | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._key = None

    def __call__(self, transfer: Transfer) -> None:
        """Take how far one is."""
        now = self._clock()
        key = (transfer.activity, transfer.name)
        if key != self._key:
            self._key, self._began, self._told = key, now, None
        if transfer.done_bytes == transfer.total_bytes:
            if self._told is not None:
                self._say(over(transfer, now - self._began))
            self._key = None
        elif now - (self._told or self._began) >= LINE_EVERY_SECONDS:
            self._told = now
            self._say(under_way(transfer))


def ended(activity: Activity, name: str, *, size_bytes: int) -> Transfer:
    """Return the message that a transfer has ended, for one whose size was not known before."""
    return Transfer(activity=activity, name=name, done_bytes=size_bytes, total_bytes=size_bytes)


def under_way(transfer: Transfer | TransferSeen) -> str:
    """Return in words what moves, how far it is, and how long it will take.

    >>> under_way(
    ...     Transfer(
    ...         activity=Activity.UPLOADING,
    ...         name="image.qcow2",
    ...         done_bytes=1_503_238_554,
    ...         total_bytes=4_402_341_479,
    ...         seconds_left=41.2,
    ...     )
    ... )
    'uploading image.qcow2: 34 %, 1.4 of 4.1 GiB, 41 s left'
    """
    percent = _percent(transfer)
    how_far = f"{percent}, " if percent else ""
    done = amount(transfer.done_bytes, transfer.total_bytes)
    return f"{transfer.activity} {transfer.name}: {how_far}{done}{_left(transfer)}"


def in_short(transfer: Transfer | TransferSeen) -> str:
    """Return the same for little room: `uploading image.qcow2 34 %, 41 s left`."""
    how_far = _percent(transfer) or size(transfer.done_bytes)
    return f"{transfer.activity} {transfer.name} {how_far}{_left(transfer)}"


def over(transfer: Transfer, seconds: float) -> str:
    """Return in words that a transfer is done, and how long it took."""
    done, took = size(transfer.done_bytes), duration(seconds)
    return f"{_DONE[transfer.activity]} {transfer.name}: {done} in {took}"


def _percent(transfer: Transfer | TransferSeen) -> str:
    if not transfer.total_bytes:
        return ""
    # What is "about so many" bytes, as a folder's archive, is not done before it is done.
    return f"{min(transfer.done_bytes * 100 // transfer.total_bytes, 100)} %"


def _left(transfer: Transfer | TransferSeen) -> str:
    if transfer.seconds_left is None:
        return ""
    return f", {about(transfer.seconds_left)} left"
