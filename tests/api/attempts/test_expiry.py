"""Who ends the attempts whose lease has run out, and what else that touches: nothing."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import update
from support import Cluster, Service, serving
from support.jobs import park

from buildstate_api.attempts.expiry import sweep
from buildstate_api.database import Database
from buildstate_api.tables import ProjectRow
from buildstate_core.models import Build


@pytest.fixture(scope="module")
def unswept(cluster: Cluster) -> Iterator[Service]:
    """A service whose job that sweeps rests, so that only reads end what has expired."""
    name = cluster.create_database()
    asyncio.run(park(cluster.url(name), "sweep"))
    with serving(cluster.url(name), cluster.key) as service:
        yield service
    cluster.drop_database(name)


@pytest.fixture
def expired(unswept: Service) -> Callable[[int], list[Build]]:
    """Make builds, oldest first, whose workers stopped answering, which nobody has noticed yet."""

    def make(count: int) -> list[Build]:
        project = unswept.make_project(
            f"p{unswept.query('SELECT gen_random_uuid() AS id')[0]['id']}"
        )
        builds = [unswept.make_build(project, version=str(number)) for number in range(count)]
        for build in builds:
            unswept.expire(unswept.claim(build, 50).attempt.id)
        return builds

    return make


def stored(service: Service, build: Build) -> str:
    """Look up how the newest attempt of a build stands, without the service."""
    found = service.query(
        "SELECT status FROM build_states WHERE build_id = %s ORDER BY number DESC", build.id
    )
    return str(found[0]["status"])


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/artifacts",
        "/events",
        "/explain?state=50",
        "/history",
        "/interventions",
        "/plan",
    ],
)
def test_a_read_of_a_build_ends_what_has_expired_in_it_and_nowhere_else(
    unswept: Service, expired: Callable[[int], list[Build]], path: str
) -> None:
    read, other = expired(2)
    answer = unswept.request("GET", f"/v1/builds/{read.number}{path}")
    assert answer.status == 200
    assert (stored(unswept, read), stored(unswept, other)) == ("lost", "in_progress")


def test_a_read_of_a_build_shows_no_holder_whose_lease_has_run_out(
    unswept: Service, expired: Callable[[int], list[Build]]
) -> None:
    (build,) = expired(1)
    found = unswept.client.get_build(str(build.id))
    assert (found.status, found.active) == ("failed", ())


def test_a_read_of_an_attempt_ends_it_if_it_has_expired_and_no_other(
    unswept: Service, expired: Callable[[int], list[Build]]
) -> None:
    read, other = expired(2)
    (row,) = unswept.query("SELECT id FROM build_states WHERE build_id = %s", read.id)
    answer = unswept.request("GET", f"/v1/attempts/{row['id']}")
    assert answer.json["status"] == "lost"
    assert stored(unswept, other) == "in_progress"


def test_a_page_of_builds_ends_what_has_expired_on_it(
    unswept: Service, expired: Callable[[int], list[Build]]
) -> None:
    oldest, *newest = expired(3)
    page = unswept.request("GET", f"/v1/builds?project={oldest.project}&limit=2").json
    assert [each["id"] for each in page["items"]] == [str(each.id) for each in reversed(newest)]
    assert {each["status"] for each in page["items"]} == {"failed"}
    assert [stored(unswept, each) for each in newest] == ["lost", "lost"]
    assert stored(unswept, oldest) == "in_progress"


def test_a_page_of_one_status_has_no_build_that_turns_out_to_have_another(
    unswept: Service, expired: Callable[[int], list[Build]]
) -> None:
    oldest, *_ = expired(3)
    working = unswept.make_build(oldest.project, version="at work")
    unswept.claim(working, 50)
    page = unswept.request(
        "GET", f"/v1/builds?project={oldest.project}&status=in_progress&limit=2"
    ).json
    assert [each["id"] for each in page["items"]] == [str(working.id)]
    assert page["next_cursor"] is None


def test_a_page_filtered_by_status_leaves_alone_what_is_stored_under_another(
    unswept: Service, expired: Callable[[int], list[Build]]
) -> None:
    (build,) = expired(1)
    page = unswept.request("GET", f"/v1/builds?project={build.project}&status=failed").json
    assert page["items"] == []
    assert stored(unswept, build) == "in_progress"


@pytest.mark.parametrize(
    "path", ["/v1/projects", "/v1/keys", "/v1/artifacts", "/v1/resume-requests"]
)
def test_a_read_that_shows_no_holder_ends_nothing(
    unswept: Service, expired: Callable[[int], list[Build]], path: str
) -> None:
    (build,) = expired(1)
    assert unswept.request("GET", path).status == 200
    assert stored(unswept, build) == "in_progress"


def test_a_build_that_is_not_there_is_said_so_before_anything_is_ended(
    unswept: Service, expired: Callable[[int], list[Build]]
) -> None:
    (build,) = expired(1)
    for path in (f"/v1/builds/{build.number + 1000}", "/v1/builds/no-such"):
        assert unswept.request("GET", path).problem["type"] == "/problems/build-not-found"
    assert stored(unswept, build) == "in_progress"


def test_readers_that_end_what_has_expired_do_not_wait_for_each_others_connections(
    cluster: Cluster, database_url: str, at_once: Callable[[int, Callable[[int], Any]], list[Any]]
) -> None:
    asyncio.run(park(database_url, "sweep"))
    with serving(database_url, cluster.key, pool_size=1) as service:
        builds = [service.make_build(version=str(number)) for number in range(6)]
        for build in builds:
            service.expire(service.claim(build, 50).attempt.id)
        paths = [f"/v1/builds/{each.number}" for each in builds] + ["/v1/builds"] * 6
        answers = at_once(len(paths), lambda each: service.request("GET", paths[each]))
        assert {each.status for each in answers} == {200}
        assert {stored(service, each) for each in builds} == {"lost"}


class TestASweep:
    def test_commits_nothing_that_its_caller_has_not_committed(
        self, unswept: Service, expired: Callable[[int], list[Build]]
    ) -> None:
        (build,) = expired(1)

        async def sweep_in_the_middle() -> None:
            database = Database.connect(unswept.database_url)
            async with database.sessions() as session:
                await session.execute(update(ProjectRow).values(description="not committed"))
                await sweep(database)
                assert session.in_transaction()
                await session.rollback()
            await database.close()

        asyncio.run(sweep_in_the_middle())
        assert stored(unswept, build) == "lost"
        assert unswept.client.get_project(build.project).description == ""

    def test_ends_each_build_in_a_transaction_of_its_own(
        self, unswept: Service, expired: Callable[[int], list[Build]]
    ) -> None:
        builds = expired(3)

        async def run() -> None:
            database = Database.connect(unswept.database_url)
            await sweep(database)
            await database.close()

        asyncio.run(run())
        assert {stored(unswept, each) for each in builds} == {"lost"}
        found = unswept.query(
            "SELECT DISTINCT xmin::text FROM build_states WHERE build_id = ANY(%s)",
            [each.id for each in builds],
        )
        assert len(found) == len(builds)
