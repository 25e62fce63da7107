"""How far uploads and downloads are, on stderr: a bar on a terminal, now and then a line elsewhere.

with meter(session.environ) as told:
    Artifacts.of_worker(client, settings, on_transfer=told).pull(...)
"""

import sys
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Final, Protocol, Self

from buildstate_cli.complaints import notice
from buildstate_cli.plain import printable
from buildstate_cli.views import transfers
from buildstate_core.models import Transfer

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

LINE_EVERY_SECONDS: Final = 10.0


class Meter(Protocol):
    """Told how far transfers are, one after the other, in a `with` block that ends the telling.

    It may be entered again: between two blocks nothing of it is on the terminal.
    """

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    def __call__(self, transfer: Transfer) -> None:
        """Take how far one is."""


def meter(environ: Mapping[str, str]) -> Meter:
    """Give what suits stderr."""
    is_terminal = sys.stderr.isatty() and environ.get("TERM") not in {"dumb", "unknown"}
    return Bars() if is_terminal else Lines()


class Lines:
    """A line every 10 seconds; nothing of what takes less.

    Args:
        say: Takes a line.
        clock: The seconds, from whenever on.
    """

    def __init__(
        self,
        *,
        say: Callable[[str], None] = notice,
        clock: Callable[[], float] = time.monotonic,
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
                self._say(transfers.over(transfer, now - self._began))
            self._key = None
        elif now - (self._told or self._began) >= LINE_EVERY_SECONDS:
            self._told = now
            self._say(transfers.under_way(transfer))


class Bars:
    """A bar on the terminal, which goes when its transfer is done."""

    def __init__(self) -> None:
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        self._key: tuple[str, str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._clear()
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def __call__(self, transfer: Transfer) -> None:
        """Take how far one is."""
        key = (transfer.activity, transfer.name)
        if key != self._key:
            self._clear()
        if transfer.done_bytes == transfer.total_bytes:
            self._clear()
            return
        progress = self._shown()
        if self._task is None:
            self._key = key
            name = printable(f"{transfer.activity} {transfer.name}")
            self._task = progress.add_task(name, total=transfer.total_bytes)
        progress.update(self._task, completed=transfer.done_bytes)

    def _shown(self) -> "Progress":
        if self._progress is None:
            # Late: rich is for terminals, and for transfers that are not over at once.
            from buildstate_cli import terminal  # noqa: PLC0415

            self._progress = terminal.progress()
            self._progress.start()
        return self._progress

    def _clear(self) -> None:
        if self._progress is not None and self._task is not None:
            self._progress.remove_task(self._task)
        self._task = self._key = None
