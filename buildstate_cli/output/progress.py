"""How far transfers are, on stderr: a bar on a terminal, now and then a line elsewhere.

with meter(session.environ) as progress:
    Artifacts.of_worker(client, settings, on_transfer=progress).pull(...)
"""

import sys
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from buildstate_cli.output.messages import notice
from buildstate_cli.output.text import printable
from buildstate_core.models import Transfer
from buildstate_worker.transfer_progress import Lines

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class Meter(Protocol):
    """Shows how far transfers are, one after the other, within a `with` block.

    It can be entered again; between two blocks nothing of it is on the terminal.
    """

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    def __call__(self, transfer: Transfer) -> None:
        """Show how far a transfer is."""


def meter(environ: Mapping[str, str]) -> Meter:
    """Return the meter that suits stderr."""
    is_terminal = sys.stderr.isatty() and environ.get("TERM") not in {"dumb", "unknown"}
    return Bars() if is_terminal else Lines(say=notice)


class Bars:
    """A bar on the terminal, which disappears when its transfer is done."""

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
        """Show how far a transfer is."""
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
            from buildstate_cli.output import terminal  # noqa: PLC0415

            self._progress = terminal.progress()
            self._progress.start()
        return self._progress

    def _clear(self) -> None:
        if self._progress is not None and self._task is not None:
            self._progress.remove_task(self._task)
        self._task = self._key = None
