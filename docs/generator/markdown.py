"""Markdown that means what was meant: text is escaped, a table's rows stay one line each."""

import re
from collections.abc import Iterable, Sequence


def text(words: str) -> str:
    r"""Return words as Markdown that shows them as they are; what stands in backquotes is code.

    >>> text("`a < b` is not <b>")
    '`a < b` is not \\<b>'
    """
    parts = re.split(r"(`[^`]*`)", words)
    return "".join(
        part if part.startswith("`") and len(part) > 1 else re.sub(r"([<*])", r"\\\1", part)
        for part in parts
    )


def code(words: str) -> str:
    """Return words as code within a line."""
    return f"`{words}`"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of cells that are Markdown already."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(_cell(each) for each in line)} |\n" for line in lines)


def block(language: str, lines: Iterable[str]) -> str:
    """Return a block of code."""
    return f"```{language}\n" + "".join(f"{line}\n" for line in lines) + "```\n"


def page(*parts: str) -> str:
    """Return a page of blocks, with one empty line between two of them."""
    return "\n".join(part if part.endswith("\n") else f"{part}\n" for part in parts if part)


def _cell(markdown: str) -> str:
    return " ".join(markdown.split()).replace("|", "\\|")
