"""Pages of a list, by an opaque cursor that says where the last page ended."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, TypeVar

from fastapi import Query

from buildstate_core.errors import InvalidInput

Row = TypeVar("Row")

_MAX_BIGINT: Final = 2**63 - 1


@dataclass(frozen=True)
class Paging:
    """Which page a request asks for.

    Attributes:
        limit: At most so many items.
        after: The sort key of the last item of the page before, part by part; `None` at first.
    """

    limit: int
    after: tuple[str, ...] | None

    @classmethod
    async def asked(
        cls,
        limit: Annotated[int, Query(ge=1, le=200, description="At most so many items.")] = 50,
        cursor: Annotated[
            str | None, Query(max_length=500, description="`next_cursor` of the page before.")
        ] = None,
    ) -> "Paging":
        """Read the query parameters; a FastAPI dependency."""
        return cls(limit, None if cursor is None else _decoded(cursor))

    def start(self, *parsers: Callable[[str], Any]) -> tuple[Any, ...] | None:
        """Return the sort key to start after, each part parsed.

        Raises:
            InvalidInput: The cursor is not one of this list.
        """
        if self.after is None:
            return None
        try:
            return tuple(parse(part) for parse, part in zip(parsers, self.after, strict=True))
        except ValueError as error:
            raise _bad_cursor() from error

    def cut(
        self, rows: Sequence[Row], key: Callable[[Row], tuple[object, ...]]
    ) -> tuple[Sequence[Row], str | None]:
        """Split what was found for `limit + 1` into this page and the cursor of the next."""
        page = rows[: self.limit]
        if len(rows) <= self.limit:
            return page, None
        parts = [
            part.isoformat() if isinstance(part, datetime) else str(part) for part in key(page[-1])
        ]
        return page, base64.urlsafe_b64encode(json.dumps(parts).encode()).decode()


def _decoded(cursor: str) -> tuple[str, ...]:
    try:
        parts = json.loads(base64.urlsafe_b64decode(cursor.encode()))
    except (binascii.Error, ValueError) as error:
        raise _bad_cursor() from error
    if not isinstance(parts, list) or not all(_is_sort_key(part) for part in parts):
        raise _bad_cursor()
    return tuple(parts)


def _is_sort_key(part: object) -> bool:
    return isinstance(part, str) and part.isascii() and part.isprintable()


def number(part: str) -> int:
    """Read a number of a cursor; a `ValueError` if no row can have it."""
    value = int(part)
    if not 0 <= value <= _MAX_BIGINT:
        raise ValueError(part)
    return value


def moment(part: str) -> datetime:
    """Read a time of a cursor."""
    value = datetime.fromisoformat(part)
    if value.tzinfo is None:
        raise ValueError(part)
    return value


def _bad_cursor() -> InvalidInput:
    return InvalidInput(
        "The cursor is not one of this list.",
        code="bad-cursor",
        field="cursor",
        hint="Use next_cursor of the page before, or leave it out to start.",
    )
