"""What the service costs, at one build and at very many: `make bench-service`.

- Reports a second, of 1, 4 and 16 connections, beside the same writes by psycopg alone: the
  product's own tables and keys, one statement at a time, a commit for each report, the request's
  digest and an answer of 600 bytes.
- Every route (`tests/support/routes.py`) on a database of many builds beside one of a thousand.

What is compared takes turns in pieces, and the quickest of each counts: of a busy machine only the
ratios mean something. Both services run in processes of their own, on one embedded PostgreSQL.
"""

import argparse
import asyncio
import hashlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import psycopg
from psycopg.types.json import Jsonb
from uuid_utils.compat import uuid7

# The same real service as in the tests.
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from fill import fill
from support import Cluster, ServiceProcess, short_folder
from support.guard import begin_run
from support.jobs import park
from support.postgres import migrated_cluster
from support.routes import PROJECT, World, routes

SMALL: Final = 1000
CONNECTIONS: Final = (1, 4, 16)
STATES: Final = (5, 10, 25, 50, 60, 75)
BUILDS_EACH: Final = 3
OF_ALL: Final = {"say what a policy keeps"}
"""What answers with all that a project has, and so takes longer where there is more."""
ANSWER: Final = json.dumps({"x": "x" * 590})


@contextmanager
def filled(cluster: Cluster, builds: int) -> Iterator[ServiceProcess]:
    """Run a service on a database with so many builds, whose job of retention rests."""
    url = cluster.url(cluster.create_database())
    begin = time.perf_counter()
    fill(url, builds)
    print(f"{builds} builds were filled in within {time.perf_counter() - begin:.0f} s", flush=True)
    asyncio.run(park(url, "retention"))
    service = ServiceProcess.on_a_free_port(url, cluster.key)
    service.start()
    try:
        yield service
    finally:
        service.kill()


def by_service(service: ServiceProcess, builds: Sequence[Sequence[int]]) -> float:
    """Report each state of some builds, each list of them one after the other; reports a second."""

    def report(numbers: Sequence[int]) -> None:
        for number in numbers:
            for state in STATES:
                answer = service.request(
                    "POST",
                    f"/v1/builds/{number}/reports",
                    {"state": state, "status": "completed"},
                    headers={"Idempotency-Key": uuid4().hex},
                )
                if answer.status != 201:  # noqa: PLR2004 - created
                    raise RuntimeError(answer)

    begin = time.perf_counter()
    with ThreadPoolExecutor(len(builds)) as pool:
        list(pool.map(report, builds))
    return _count(builds) / (time.perf_counter() - begin)


def by_psycopg(url: str, secret: str, builds: Sequence[Sequence[int]]) -> float:
    """Write the same without the service; reports a second."""

    async def report(connection: psycopg.AsyncConnection, numbers: Sequence[int]) -> None:
        for number in numbers:
            for state in STATES:
                await _raw_report(connection, secret, number, state)

    async def run() -> float:
        connections = [await psycopg.AsyncConnection.connect(url) for _ in builds]
        begin = time.perf_counter()
        await asyncio.gather(*map(report, connections, builds))
        seconds = time.perf_counter() - begin
        for each in connections:
            await each.close()
        return _count(builds) / seconds

    return asyncio.run(run())


async def _raw_report(
    connection: psycopg.AsyncConnection, secret: str, number: int, state: int
) -> None:
    body = json.dumps({"state": state, "status": "completed"}).encode()
    key, now = uuid4().hex, datetime.now(UTC)
    ask = connection.execute
    found = await ask(
        "SELECT id FROM api_keys WHERE secret_hash = %s AND revoked_at IS NULL",
        [hashlib.sha256(secret.encode()).digest()],
    )
    (api_key,) = await found.fetchone() or (None,)
    await ask(
        "INSERT INTO idempotency_keys (api_key_id, key, request_digest) VALUES (%s, %s, %s)"
        " ON CONFLICT DO NOTHING",
        [api_key, key, hashlib.sha256(body).digest()],
    )
    found = await ask("SELECT id FROM builds WHERE number = %s FOR UPDATE", [number])
    (build,) = await found.fetchone() or (None,)
    await (await ask("SELECT * FROM build_states WHERE build_id = %s", [build])).fetchall()
    attempt: UUID = uuid7()
    await ask(
        "INSERT INTO build_states (id, build_id, lane, state, number, status, as_of, ended_at,"
        " fingerprint) VALUES (%s, %s, '', %s, 1, 'completed', %s, %s, '{}')",
        [attempt, build, state, now, now],
    )
    await ask(
        "INSERT INTO events (build_id, type, data) VALUES (%s, 'attempt.completed', %s)",
        [build, Jsonb({"attempt_id": str(attempt), "state": state, "attempt": 1})],
    )
    await ask(
        "UPDATE builds SET status = 'in_progress', current_state = %s, frontier = %s, peak = %s,"
        " updated_at = %s WHERE id = %s",
        [state, state, state, now, build],
    )
    await ask(
        "UPDATE idempotency_keys SET status_code = 201, answer = %s WHERE api_key_id = %s"
        " AND key = %s",
        [Jsonb(json.loads(ANSWER)), api_key, key],
    )
    await connection.commit()


def _count(builds: Sequence[Sequence[int]]) -> int:
    return sum(len(each) for each in builds) * len(STATES)


def reports(service: ServiceProcess, rounds: int) -> None:
    """Print the reports a second of the service and of psycopg alone."""
    print("\n| connections | reports/s | psycopg alone | ratio |\n|--:|--:|--:|--:|")
    for connections in CONNECTIONS:
        ours, raw = [], []
        for _ in range(rounds):
            ours.append(by_service(service, _fresh(service, connections)))
            builds = _fresh(service, connections)
            raw.append(by_psycopg(service.database_url, service.key, builds))
        best = max(ours), max(raw)
        print(f"| {connections} | {best[0]:.0f} | {best[1]:.0f} | {best[0] / best[1]:.2f} |")


def _fresh(service: ServiceProcess, lists: int) -> list[list[int]]:
    return [
        [service.make_build(PROJECT, key=str(uuid4())).number for _ in range(BUILDS_EACH)]
        for _ in range(lists)
    ]


def growth(services: Sequence[ServiceProcess], sizes: Sequence[int], rounds: int) -> None:
    """Print what each route takes on each service, in ms, and in times of the first."""
    worlds = [routes(World(each)) for each in services]
    taken: Mapping[str, list[list[float]]] = {
        name: [[], []] for name in worlds[0] if name not in OF_ALL
    }
    for name in [*taken] * rounds:
        for calls, seconds in zip(worlds, taken[name], strict=True):
            call: Any = calls[name]()
            begin = time.perf_counter()
            answer = call()
            seconds.append(time.perf_counter() - begin)
            if answer.status >= 400:  # noqa: PLR2004 - refused
                raise RuntimeError(answer)
    print(f"\n| ms at | {sizes[0]} | {sizes[1]} | ratio |\n|---|--:|--:|--:|")
    for name, (few, many) in taken.items():
        ratio = min(many) / min(few)
        print(f"| {name} | {min(few) * 1000:.1f} | {min(many) * 1000:.1f} | {ratio:.2f} |")


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--builds", type=int, default=100_000, help="of the larger database")
    parser.add_argument("--rounds", type=int, default=9)
    given = parser.parse_args()
    sizes = (SMALL, given.builds)
    with tempfile.TemporaryDirectory() as root, short_folder() as folder, ExitStack() as stack:
        cluster = Cluster(folder, migrated_cluster(Path(root) / "made"))
        stack.callback(cluster.stop)
        services = [stack.enter_context(filled(cluster, builds)) for builds in sizes]
        reports(services[0], given.rounds)
        growth(services, sizes, given.rounds)
    begin_run().end()


if __name__ == "__main__":
    sys.exit(main() or os.EX_OK)
