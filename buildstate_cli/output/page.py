"""What a command shows to a person, before it is decided how: on a terminal or in a pipe."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows under headings.

    Attributes:
        columns: The headings.
        rows: One text for each column; an empty one is shown as a dash.
        free_text: The headings of columns that may wrap on a terminal. The others never do.
        empty: What is said instead when there are no rows.
    """

    columns: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    free_text: frozenset[str] = frozenset()
    empty: str = "Nothing."


@dataclass(frozen=True)
class Fields:
    """Names and their values, one pair a line."""

    pairs: Sequence[tuple[str, str]]


Block = str | Table | Fields
Page = Sequence[Block]
"""Sentences, tables and fields, from top to bottom."""
