"""Fills a database with builds, as years of work would leave them: `python benchmarks/fill.py`.

Nine tenths are in one project. A build has about 7.6 attempts, 3 artifacts and 17 events; one in
ten is not delivered, a few are at work, one in 50 derives from another, one in 40 was restarted.
Everything goes into the product's own tables by COPY, and the same number, seed and moment give
the same rows. The database has to be one's own: empty, and its user a superuser.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg.sql import SQL, Identifier

from buildstate_api.migrate import migrate
from buildstate_core.catalog import DEFAULT_CATALOG

PROJECTS: Final = ("images", *(f"small-{number}" for number in range(1, 10)))
PLATFORMS: Final = ("aws", "azure", "gcp", "vmware", "proxmox")
STATES: Final = (5, 10, 25, 50, 60, 75, 100)
DERIVED_AT: Final = 25

_AT_WORK: Final = 200
"""At most so many builds are at work: a fleet does not grow with its history."""

_SPAN: Final = timedelta(days=365)
_AT_ONCE: Final = 2000
_FAILS: Final = 0.08
_OF_A_VERSION: Final = 5
_DERIVED, _RESTARTED, _ASKED, _FORCED = 50, 40, 50, 100
_IMAGES: Final = {25: "base.qcow2", 50: "apps.qcow2", 100: "image.qcow2"}
_POLICY: Final = json.dumps({"keep_delivered_builds": 3, "keep_delivered": True, "keep_days": 30})

_COLUMNS: Final[Mapping[str, str]] = {
    "projects": "id name description catalog_version retention",
    "catalog_versions": "project_id version",
    "state_codes": "project_id version code name description color requires required",
    "api_keys": "id name prefix secret_hash",
    "builds": "id number project_id catalog_version key version platform os labels superseded_by"
    " derived_from derived_state derived_lane status current_state frontier peak active resume_from"
    " failure created_at started_at updated_at finished_at",
    "build_states": "id build_id lane state number status kind reason message worker as_of"
    " started_at ended_at token_hash fence lease_seconds lease_until heartbeat_at fingerprint"
    " resume_considered_at",
    "inherited_attempts": "build_id attempt_id",
    "artifacts": "id build_id attempt_id name kind storage_type uri object_uri size_bytes checksum"
    " format metadata status status_reason created_at marked_at marked_because removable_at"
    " removing_at removed_at",
    "run_samples": "attempt_id project_id platform state is_in_lane ended_at seconds",
    "events": "id build_id type data at",
    "interventions": "id build_id kind state lane reason api_key_id at",
    "resume_requests": "id build_id lane status reason flow_run_id next_try_at created_at"
    " updated_at",
}


class Filling:
    """The rows of so many builds, of which the newest was made at a moment."""

    def __init__(self, builds: int, until: datetime, seed: int = 0) -> None:
        self._builds, self._until, self._seed = builds, until, seed
        self._begin = until - _SPAN
        self._rows: dict[str, list[str]] = {table: [] for table in _COLUMNS}
        self._projects = [_id(self._begin, number) for number in range(len(PROJECTS))]
        self._key = _id(self._begin, len(PROJECTS))
        self._checkpoints: dict[UUID, tuple[UUID, list[UUID]]] = {}
        self.events = self.fences = 0

    def batches(self) -> Iterator[Mapping[str, list[str]]]:
        """Return the lines of each table, those of some builds at a time."""
        self._add_projects()
        for number in range(self._builds):
            self._add_build(number)
            if number % _AT_ONCE == _AT_ONCE - 1:
                yield self._taken()
        yield self._taken()

    def _taken(self) -> Mapping[str, list[str]]:
        rows, self._rows = self._rows, {table: [] for table in _COLUMNS}
        return rows

    def _add(self, table: str, *values: Any) -> None:
        self._rows[table].append(
            "\t".join([r"\N" if each is None else str(each) for each in values])
        )

    def _add_projects(self) -> None:
        for project, name in zip(self._projects, PROJECTS, strict=True):
            self._add("projects", project, name, "", 1, _POLICY)
            self._add("catalog_versions", project, 1)
            for each in DEFAULT_CATALOG:
                self._add(
                    "state_codes",
                    *(project, 1, each.code, each.name, "", each.color, "{}", each.required),
                )
        self._add("api_keys", self._key, "filled", "bldst_filled", r"\\x00")

    def _made_at(self, number: int) -> datetime:
        return self._begin + _SPAN * ((number + 1) / self._builds)

    def _is_at_work(self, number: int) -> bool:
        return self._builds - number <= min(_AT_WORK, self._builds // 50)

    def _add_build(self, number: int) -> None:
        random = Random(self._seed << 40 | number)  # noqa: S311 - to be the same again
        at = self._made_at(number)
        build = _id(at, number)
        project = self._projects[0 if random.random() < 0.9 else random.randrange(1, 10)]  # noqa: PLR2004
        parent = self._checkpoints.get(project) if number % _DERIVED == _DERIVED - 1 else None
        fate = "in_progress" if self._is_at_work(number) else _fate(random)
        platform = random.choice(PLATFORMS)
        place = (project, platform)
        attempts = _Attempts(self, random, number, build, place, at + timedelta(seconds=2))
        self.event(build, "build.created", {"key": f"build-{number}"}, at)
        for attempt in parent[1] if parent else ():
            self._add("inherited_attempts", build, attempt)
        attempts.run([each for each in STATES if parent is None or each > DERIVED_AT], fate)
        done = attempts.done[-1] if attempts.done else (DERIVED_AT if parent else 0)
        failure = {"state": attempts.state, "lane": "", "attempt": attempts.number, "message": "x"}
        is_restarted = fate != "in_progress" and number % _RESTARTED == _RESTARTED - 1
        successor = number + 1
        self._add(
            "builds",
            *(build, number + 1, project, 1, f"build-{number}"),
            *(f"1.{number // _OF_A_VERSION}", platform, "rhel-9", "{}"),
            _id(self._made_at(successor), successor) if is_restarted else None,
            *((parent[0], DERIVED_AT, "") if parent else (None, None, None)),
            *(fate, attempts.state, done, done, "{}", None if fate == "completed" else done),
            json.dumps(failure | {"at": attempts.at.isoformat()}) if fate == "failed" else None,
            *(at, at, attempts.at, attempts.at if fate == "completed" else None),
        )
        if fate == "completed":
            self.event(build, "build.completed", {"number": number + 1}, attempts.at)
            if parent is None:
                self._checkpoints[project] = (build, attempts.ids)
        if number % _FORCED == _FORCED - 1:
            self._add("interventions", _id(at, number), build, "force", 25, "", "x", self._key, at)
        if number % _ASKED == _ASKED - 1:
            status = random.choice(("done", "failed"))
            run = _id(at, number)
            self._add("resume_requests", run, build, "", status, "failed_before", run, None, at, at)

    def event(self, build: UUID, kind: str, data: Mapping[str, Any], at: datetime) -> None:
        self.events += 1
        self._add("events", self.events, build, kind, json.dumps(data), at)


class _Attempts:
    """The attempts of one build, one after the other, and what they leave.

    Attributes:
        at: When the last one ended, or began if it is at work.
        state: The last one's state; `number` likewise.
        done: The states that are completed.
        ids: The attempts that completed, up to where another build may begin.
    """

    def __init__(  # noqa: PLR0917 - what a build is
        self,
        filling: Filling,
        random: Random,
        build_number: int,
        build: UUID,
        place: tuple[UUID, str],
        at: datetime,
    ) -> None:
        self._filling, self._random, self._build, self.at = filling, random, build, at
        self._build_number, self._place = build_number, place
        self._ids = build_number << 6
        self._has_claims = random.random() < 0.9  # noqa: PLR2004 - the others only report
        self.state = self.number = 0
        self.done: list[int] = []
        self.ids: list[UUID] = []

    def run(self, states: list[int], fate: str) -> None:
        """Go through the states, to the end or until the build's fate finds it."""
        last = len(states) if fate == "completed" else self._random.randrange(1, len(states))
        for state in states[:last]:
            is_last_of_failed = fate != "completed" and state == states[last - 1]
            number = 1
            while self._random.random() < _FAILS:
                self._add(state, number, "failed")
                number += 1
            if not is_last_of_failed:
                self._add(state, number, "completed")
            elif self._has_claims or fate != "in_progress":
                self._add(state, number, fate)

    def _add(self, state: int, number: int, status: str) -> None:
        filling, random = self._filling, self._random
        begin = self.at
        attempt = self._next_id(begin)
        self.state, self.number = state, number
        is_live = status == "in_progress"
        end = begin + timedelta(seconds=random.lognormvariate(5, 0.5) + state)
        self.at = begin if is_live else end
        worker = f"worker-{random.randrange(50)}"
        is_left = state in _IMAGES and status == "completed"
        filling.fences += 1
        lease = 86_400 if is_live else 120
        claim = (
            *(r"\\x" + f"{random.getrandbits(256):064x}", filling.fences, lease),
            *(begin + timedelta(seconds=lease) if is_live else end, self.at),
        )
        parts = ("code", "param:version", f"input:conf/{state}.yaml")
        filling._add(  # noqa: SLF001 - one thing in two classes
            "build_states",
            *(attempt, self._build, "", state, number, status),
            *("checkpoint" if is_left else "step", "first_attempt"),
            "it broke" if status == "failed" else None,
            *(worker, self.at, begin, None if is_live else end),
            *(claim if self._has_claims else (None,) * 5),
            json.dumps({each: f"sha256:{random.getrandbits(256):064x}" for each in parts}),
            end if status == "failed" else None,
        )
        about = {"attempt_id": str(attempt), "state": state, "attempt": number, "worker": worker}
        filling.event(self._build, "attempt.in_progress", about, begin)
        if not is_live:
            filling.event(self._build, f"attempt.{status}", about, end)
        if status == "completed":
            self.done.append(state)
            if self._has_claims:
                seconds = (end - begin).total_seconds()
                sample = (attempt, *self._place, state, False, end, seconds)
                filling._add("run_samples", *sample)  # noqa: SLF001 - as above
            if state <= DERIVED_AT:
                self.ids.append(attempt)
        if is_left:
            self._add_artifact(attempt, state, number)

    def _add_artifact(self, attempt: UUID, state: int, number: int) -> None:
        random = self._random
        uri = f"s3://images/{self._build_number}/{state}/{number}/{_IMAGES[state]}"
        checksum = f"sha256:{random.getrandbits(256):064x}"
        fate = random.random()
        marks = (self.at, "too old", self.at + timedelta(days=1), *((self.at,) * 2))
        status, because = "available", None
        if fate < 0.01:  # noqa: PLR2004 - one in a hundred of each
            status, because = "quarantined", "gone"
        elif fate < 0.06 and state != STATES[-1]:  # noqa: PLR2004 - what a policy gave up
            status, because = "deleted", "expired"
        self._filling._add(  # noqa: SLF001 - as above
            "artifacts",
            *(self._next_id(self.at), self._build, attempt, _IMAGES[state], "blob", "s3"),
            *(uri, uri, random.randrange(2**28, 2**33), checksum, "qcow2", "{}"),
            *(status, because, self.at, *(marks if status == "deleted" else (None,) * 5)),
        )

    def _next_id(self, at: datetime) -> UUID:
        self._ids += 1
        return _id(at, self._ids)


def _fate(random: Random) -> str:
    draw = random.random()
    return "completed" if draw < 0.92 else "failed" if draw < 0.97 else "cancelled"  # noqa: PLR2004


def _id(at: datetime, number: int) -> UUID:
    """Return a UUID of version 7 that is another one for each number."""
    spread = number * 0x9E3779B97F4A7C15 & (1 << 62) - 1
    return UUID(int=int(at.timestamp() * 1000) << 80 | 0x7 << 76 | 0b10 << 62 | spread)


def fill(url: str, builds: int, *, seed: int = 0, until: datetime | None = None) -> None:
    """Fill a database that has nothing but an API key in it.

    Args:
        url: The database; what it lacks of the schema is made.
        builds: How many builds.
        seed: The same gives the same rows.
        until: When the newest build was made; now, if it is not said.
    """
    migrate(url)
    filling = Filling(builds, until or datetime.now(UTC), seed)
    with psycopg.connect(url) as connection:
        # No foreign key is looked at, and what can be indexed at the end is indexed at the end.
        connection.execute("SET session_replication_role = replica")
        indexes = connection.execute(
            "SELECT c.relname, pg_get_indexdef(c.oid) FROM pg_index JOIN pg_class c"
            " ON c.oid = indexrelid WHERE indrelid::regclass::text = ANY(%s) AND NOT EXISTS"
            " (SELECT FROM pg_constraint WHERE conindid = c.oid)",
            [list(_COLUMNS)],
        ).fetchall()
        for name, _ in indexes:
            connection.execute(SQL("DROP INDEX {}").format(Identifier(name)))
        for batch in filling.batches():
            for table, lines in batch.items():
                _copy(connection, table, lines)
        for _, definition in indexes:
            connection.execute(definition)
        connection.execute(
            "SELECT setval(pg_get_serial_sequence('builds', 'number'), %s),"
            " setval(pg_get_serial_sequence('events', 'id'), %s), setval('fences', %s)",
            [builds, filling.events, filling.fences],
        )
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE)")


def _copy(connection: psycopg.Connection, table: str, lines: list[str]) -> None:
    columns = SQL(", ").join(map(Identifier, _COLUMNS[table].split()))
    statement = SQL("COPY {} ({}) FROM STDIN").format(Identifier(table), columns)
    with connection.cursor().copy(statement) as copy:
        copy.write("".join(f"{line}\n" for line in lines).encode())


def main() -> None:
    """Fill the database that is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", help="a database of one's own, as libpq takes it")
    parser.add_argument("builds", type=int, help="how many builds")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    begin = time.perf_counter()
    fill(given.url, given.builds, seed=given.seed)
    print(f"{given.builds} builds in {time.perf_counter() - begin:.0f} s")


if __name__ == "__main__":
    sys.exit(main() or os.EX_OK)
