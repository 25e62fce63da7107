"""Fixtures for the tests of the service."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine


@pytest.fixture
def at_once() -> Callable[[int, Callable[[int], Any]], list[Any]]:
    """Do something so many times at the same time, and give what came of it."""

    def run(count: int, do: Callable[[int], Any]) -> list[Any]:
        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(do, range(count)))

    return run


@pytest.fixture
def queries_of() -> Iterator[Callable[[Callable[[], object]], int]]:
    """Count the queries that ORM entities took while something was done."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "builds" in statement or "catalog" in statement or "state_codes" in statement:
            seen.append(statement)

    event.listen(Engine, "before_cursor_execute", note)

    def count(do: Callable[[], object]) -> int:
        seen.clear()
        do()
        return len(seen)

    yield count
    event.remove(Engine, "before_cursor_execute", note)
