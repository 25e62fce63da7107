"""What a request costs does not grow with what is recorded."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine
from support import Service


@pytest.fixture
def statements() -> Iterator[list[tuple[str, Any]]]:
    """The statements that the service sends, with their values."""
    seen: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, values: Any, *_: object) -> None:
        seen.append((statement, values))

    event.listen(Engine, "before_cursor_execute", note)
    yield seen
    event.remove(Engine, "before_cursor_execute", note)


def scanned(connection: psycopg.Connection, statement: str, values: Any) -> set[str]:
    """Name the tables that PostgreSQL would read in full."""
    plan = connection.execute(f"EXPLAIN {statement}".encode(), values)
    lines = [line for (line,) in plan]
    return {line.partition(" Scan on ")[2].split()[0] for line in lines if "Seq Scan on " in line}


def test_the_attempts_of_a_build_are_found_without_reading_those_of_others(
    service: Service, statements: list[tuple[str, Any]]
) -> None:
    build = service.make_build()
    service.complete(service.claim(build, 10))
    with psycopg.connect(service.database_url) as connection:
        connection.execute("SET session_replication_role = replica")  # no builds
        connection.execute(
            "INSERT INTO build_states (id, build_id, lane, state, number, status, as_of, ended_at,"
            " fingerprint) SELECT gen_random_uuid(), gen_random_uuid(), '', 50, 1, 'completed',"
            " now(), now(), '{}' FROM generate_series(1, 5000)"
        )
        connection.execute("ANALYZE build_states")
    statements.clear()
    service.client.plan(build.number)
    of_attempts = [each for each in statements if "FROM build_states" in each[0]]
    assert of_attempts
    with psycopg.connect(service.database_url) as connection:
        for statement, values in of_attempts:
            assert "build_states" not in scanned(connection, statement, values), statement
