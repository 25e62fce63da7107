"""What a request costs does not grow with what is recorded.

On a database with the builds of years (`benchmarks/fill.py`) every route is called. How many
statements it sends is in `statements.toml`, and PostgreSQL says how it would answer each of them.
"""

import asyncio
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine
from support import Cluster, Service, serving
from support.jobs import park
from support.routes import PROJECT, World, routes

from buildstate_api.attempts.expiry import sweep
from buildstate_api.database import Database
from buildstate_api.idempotency import forget_old
from buildstate_api.resumes.asking import ask_due
from buildstate_api.resumes.triggers import consider_all
from buildstate_api.retention import queries as retention

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from fill import fill

BUILDS: Final = 2000
KNOWN: Final[Mapping[str, int]] = tomllib.loads(
    Path(__file__).with_name("statements.toml").read_text()
)
LARGE: Final = {"builds", "build_states", "artifacts", "events", "run_samples"}
TRIES: Final = 3
"""A lease may be extended in between, or a key's use noted."""


class Statement(NamedTuple):
    """What the service sends to the database."""

    text: str
    values: Any


@pytest.fixture(scope="module")
def filled(cluster: Cluster) -> Iterator[Service]:
    name = cluster.create_database()
    fill(cluster.url(name), BUILDS)
    asyncio.run(park(cluster.url(name), "retention"))  # which would give up what a test asks for
    with serving(cluster.url(name), cluster.key) as service:
        yield service
    cluster.drop_database(name)


@pytest.fixture(scope="module")
def sent(filled: Service) -> Mapping[str, Sequence[Statement]]:
    """What each route sends; of a call that sent more than is known, another one is made."""
    world = World(filled)
    found: dict[str, Sequence[Statement]] = {}
    for name, prepare in routes(world).items():
        for _ in range(TRIES):
            found[name] = _sent_by(prepare())
            if len(found[name]) <= KNOWN.get(name, 0):
                break
    return found


def _sent_by(call: Callable[[], Any], *, by_requests: bool = True) -> list[Statement]:
    seen: list[Statement] = []

    def note(_connection: object, _cursor: object, text: str, values: Any, *_: object) -> None:
        if not by_requests or _is_of_a_request():
            seen.append(Statement(text, values))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        answer = call()
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert not by_requests or answer.status < 400, answer
    return seen


def _is_of_a_request() -> bool:
    """Whether it is a request that sends this, and no job of the service."""
    task = asyncio.current_task()
    return task is not None and "run_asgi" in repr(task.get_coro())


def scanned(connection: psycopg.Connection, statement: Statement) -> set[str]:
    """Name the large tables that PostgreSQL would read in full."""
    values = statement.values[0] if isinstance(statement.values, list) else statement.values
    plan = connection.execute(f"EXPLAIN (FORMAT JSON) {statement.text}".encode(), values).fetchone()
    assert plan is not None
    return {
        node["Relation Name"]
        for node in _nodes(plan[0][0]["Plan"])
        if node["Node Type"] == "Seq Scan" and node["Relation Name"] in LARGE
    }


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for each in node.get("Plans", ()):
        yield from _nodes(each)


def scans(service: Service, statements: Sequence[Statement]) -> dict[str, set[str]]:
    """Return the statements for which a large table would be read in full."""
    explained = {each.text: each for each in statements if not each.text.startswith("INSERT")}
    with psycopg.connect(service.database_url) as connection:
        # To read 2 000 builds is little beside fifty look-ups on a turning disk.
        connection.execute("SET random_page_cost = 1.1")
        found = {text: scanned(connection, statement) for text, statement in explained.items()}
    return {text: tables for text, tables in found.items() if tables}


def test_no_route_sends_more_statements_than_are_known(
    sent: Mapping[str, Sequence[Statement]],
) -> None:
    found = {name: len(statements) for name, statements in sent.items()}
    assert found == dict(KNOWN), "\n".join(
        f"{name}: {found.get(name)}, known: {KNOWN.get(name)}"
        for name in found.keys() | KNOWN.keys()
        if found.get(name) != KNOWN.get(name)
    )


def test_no_route_reads_a_large_table_in_full(
    filled: Service, sent: Mapping[str, Sequence[Statement]]
) -> None:
    everything = [each for statements in sent.values() for each in statements]
    assert scans(filled, everything) == {}


def test_no_job_reads_a_large_table_in_full(filled: Service) -> None:
    project = filled.client.get_project(PROJECT).id
    due = retention.Due(now=datetime.now(UTC), made_before=datetime.now(UTC), keeps_delivered=True)

    async def work() -> None:
        database = Database.connect(filled.database_url)
        await sweep(database)
        await consider_all(database)
        await ask_due(database, None)
        async with database.transaction() as session:
            await forget_old(session)
            await retention.projects_to_look_at(session)
            await retention.builds_with_blobs(session, project, 0, 100, due=due)
        await database.close()

    statements = _sent_by(lambda: asyncio.run(work()), by_requests=False)
    assert scans(filled, statements) == {}


def test_what_a_job_passes_over_its_policy_keeps(filled: Service) -> None:
    """Delivered images are passed over in SQL; the rules would come to the same."""
    name = "small-3"
    project = filled.client.get_project(name)
    assert project.retention is not None
    plan = filled.client.retention(name)
    due = retention.Due(now=plan.at, made_before=plan.at - timedelta(days=30), keeps_delivered=True)

    async def find() -> set[UUID]:
        database = Database.connect(filled.database_url)
        async with database.transaction() as session:
            _, found = await retention.builds_with_blobs(session, project.id, 0, BUILDS, due=due)
        await database.close()
        return set(found)

    looked_at = asyncio.run(find())
    of = {each.number: each.id for each in filled.client.list_builds(project=name)}
    given_up = {of[each.artifact.build] for each in plan.items if not each.keep}
    assert given_up
    assert given_up <= looked_at
    assert looked_at < set(of.values())
