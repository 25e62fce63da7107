"""Pages for a terminal: headings, colours, and cells that wrap but are never cut."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskProgressColumn,
    TextColumn,
)
from rich.table import Column
from rich.table import Table as RichTable
from rich.text import Text

from buildstate_cli.output import formats
from buildstate_cli.output.page import Block, Fields, Page, Table
from buildstate_cli.output.text import cell, printable

_STYLES: Final = {
    "completed": "green",
    "available": "green",
    "skip": "green",
    "restore": "cyan",
    "in_progress": "yellow",
    "run": "yellow",
    "wait": "yellow",
    "failed": "red",
    "lost": "red",
    "quarantined": "red",
    "revoked": "red",
    "changed": "red",
    "differ": "red",
    "unknown": "yellow",
    "refuse": "red",
    "-": "dim",
}
_NARROWEST: Final = 11
"""How narrow a column of free text may become, in characters."""
_GAP: Final = 3


def render(page: Page) -> str:
    """Return a page as text for the terminal on stdout; with `NO_COLOR`, without colours."""
    console = Console(highlight=False)
    terminal_width = console.width
    with console.capture() as capture:
        for block in page:
            # A table that does not fit is left to the terminal to wrap: no status is cut in two.
            needed = _needed(block) if isinstance(block, Table) else 0
            console.width = max(terminal_width, needed)
            console.print(_renderable(block))
    return capture.get()


@contextmanager
def live() -> Iterator[Callable[[Page], None]]:
    """Yield a function that draws each page over the last one on stdout; the last one stays."""
    screen = Live(
        console=Console(highlight=False), auto_refresh=False, vertical_overflow="ellipsis"
    )
    with screen:
        yield lambda page: screen.update(Group(*map(_renderable, page)), refresh=True)


def progress() -> Progress:
    """Return a progress bar for bytes, on stderr: name, percent, amount, speed, time left."""
    return Progress(
        # A name gives way before a number does.
        TextColumn("{task.description}", table_column=Column(no_wrap=True, overflow="ellipsis")),
        BarColumn(bar_width=None, table_column=Column(ratio=1, min_width=8)),
        TaskProgressColumn("{task.percentage:>3.0f} %", table_column=Column(no_wrap=True)),
        DownloadColumn(binary_units=True, table_column=Column(no_wrap=True)),
        _Speed(table_column=Column(no_wrap=True)),
        _Left(table_column=Column(no_wrap=True)),
        console=Console(stderr=True, highlight=False),
        transient=True,
        expand=True,
    )


class _Speed(ProgressColumn):
    """How many bytes a second, in the units that amounts have."""

    def render(self, task: Task) -> Text:
        return Text("" if task.speed is None else f"{formats.size(round(task.speed))}/s")


class _Left(ProgressColumn):
    """How long it will take."""

    max_refresh = 0.5

    def render(self, task: Task) -> Text:
        left = task.time_remaining
        return Text("" if left is None else f"{formats.about(left)} left")


def _renderable(block: Block) -> RenderableType:
    match block:
        case Table():
            return _table(block)
        case Fields(pairs=pairs):
            grid = RichTable.grid(padding=(0, 2))
            grid.add_column(style="bold", no_wrap=True)
            grid.add_column(overflow="fold")
            for name, value in pairs:
                grid.add_row(name, _styled(printable(value) or "-"))
            return grid
        case text:
            return Text(printable(text))


def _table(table: Table) -> RichTable:
    rendered = RichTable(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    columns = _filled(table)
    for name, _ in columns:
        rendered.add_column(name, overflow="fold", no_wrap=name not in table.free_text)
    for row in zip(*(cells for _, cells in columns), strict=True):
        rendered.add_row(*map(_styled, row))
    return rendered


def _filled(table: Table) -> Sequence[tuple[str, Sequence[str]]]:
    """Return the columns that are not empty, with their cells."""
    columns = zip(table.columns, zip(*table.rows, strict=True), strict=True)
    return [(name, [cell(each) for each in cells]) for name, cells in columns if any(cells)]


def _needed(table: Table) -> int:
    widths = [
        min(_NARROWEST, width) if name in table.free_text else width
        for name, cells in _filled(table)
        for width in (max(len(name), *map(len, cells)),)
    ]
    return sum(widths) + _GAP * (len(widths) - 1)


def _styled(text: str) -> Text:
    return Text(text, style=_STYLES.get(text, ""))
