"""Pages as plain text: for pipes, files and logs. Nothing is wrapped or cut."""

from collections.abc import Iterator, Sequence

from buildstate_cli.output.page import Block, Fields, Page, Table

_GAP = "  "


def printable(text: str) -> str:
    r"""Return a text with its control characters visible; line ends and tabs stay.

    >>> printable("red: " + chr(27) + "[31m")
    'red: \\x1b[31m'
    """
    return "".join(
        each if each.isprintable() or each in "\n\t" else ascii(each)[1:-1] for each in text
    )


def cell(text: str) -> str:
    r"""Return a text as a cell of a table: one line, and a dash for nothing.

    >>> cell("mirror\n timed out"), cell("")
    ('mirror timed out', '-')
    """
    return printable(" ".join(text.split())) or "-"


def render(page: Page) -> str:
    """Return a page as text, each line with its end."""
    return "".join(f"{line}\n" for block in page for line in _lines(block))


def _lines(block: Block) -> Iterator[str]:
    match block:
        case Table(columns=columns, rows=rows):
            yield from _aligned([columns, *([cell(each) for each in row] for row in rows)])
        case Fields(pairs=pairs):
            yield from _fields(pairs)
        case text:
            yield printable(text)


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        padded = (text.ljust(width) for text, width in zip(row, widths, strict=True))
        yield _GAP.join(padded).rstrip()


def _fields(pairs: Sequence[tuple[str, str]]) -> Iterator[str]:
    width = max((len(name) for name, _ in pairs), default=0)
    margin = "\n" + " " * width + _GAP
    for name, value in pairs:
        lines = printable(value).splitlines() or ["-"]
        yield f"{name.ljust(width)}{_GAP}{margin.join(lines)}"
