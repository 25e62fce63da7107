"""Requests to resume, against a real Prefect server; the job is run by hand, step by step."""

import asyncio
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from support import Cluster, Service, serving
from support.jobs import park
from support.prefect import PrefectServer, prefect_server

from buildstate_api.database import Database
from buildstate_api.resumes.asking import MAX_TRIES, ask_due
from buildstate_api.resumes.queries import take_due
from buildstate_api.resumes.triggers import consider_all
from buildstate_api.settings import PrefectSettings
from buildstate_core.errors import Conflict, Held, NotFound
from buildstate_core.models import (
    Build,
    Cancel,
    Claim,
    ClaimRequest,
    Orchestrator,
    Report,
    ResumeCreate,
    ResumeRequest,
)
from buildstate_core.vocabulary import AttemptStatus, AutoResume, ResumeStatus


@pytest.fixture(scope="module")
def prefect(
    tmp_path_factory: pytest.TempPathFactory, prefect_home: Path
) -> Iterator[PrefectServer]:
    with prefect_server(tmp_path_factory.mktemp("prefect"), home=prefect_home) as server:
        yield server


@pytest.fixture
def closed_port() -> Iterator[str]:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}/api"


@dataclass
class Hanging:
    """An address where somebody listens, takes a request, and says nothing."""

    listener: socket.socket

    @contextmanager
    def job(self, world: "World", api_key: str | None = None) -> Iterator[bytes]:
        """Run the job with it; in the block it waits for the answer to what it has sent."""
        url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/api"
        with ThreadPoolExecutor(1) as pool:
            settings = PrefectSettings(api_url=url, api_key=api_key)
            asked = pool.submit(world.job, settings=settings)
            connection, _ = self.listener.accept()
            with connection:
                yield connection.recv(65536)
            asked.result()


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield Hanging(listener)


@dataclass
class World:
    """The service, whose own jobs rest, and the Prefect that it may ask."""

    service: Service
    prefect: PrefectServer
    settings: PrefectSettings | None

    def build(self, auto_resume: AutoResume = AutoResume.LOST, limit: int = 3) -> Build:
        project = f"p{uuid4().hex}"
        self.service.make_project(project, auto_resume=auto_resume, max_auto_resumes=limit)
        return self.service.make_build(project)

    def claim(self, build: Build, run: str, state: int = 50, lane: str = "") -> Claim:
        """Work in a flow run."""
        request = ClaimRequest(
            state=state,
            lane=lane,
            worker="worker-a",
            orchestrator=Orchestrator(flow_run_id=UUID(run), flow_run_name="calm-otter"),
        )
        return self.service.client.claim(build.number, request)

    def lose(self, *claims: Claim) -> None:
        """Let leases run out, and let it be noticed."""
        for claim in claims:
            self.service.expire(claim.attempt.id)
        self.service.client.get_build(claims[0].attempt.build)
        self.consider()

    def fail(self, claim: Claim) -> None:
        """Let a milestone fail, and let it be noticed."""
        self.service.fail(claim)
        self.consider()

    def consider(self) -> None:
        """Run the job that finds what has ended since."""

        async def run() -> None:
            database = Database.connect(self.service.database_url)
            try:
                await consider_all(database)
            finally:
                await database.close()

        asyncio.run(run())

    def job(self, copies: int = 1, settings: PrefectSettings | None = None) -> None:
        """Run the job: once, or in so many copies of the service at once."""

        async def copy() -> None:
            database = Database.connect(self.service.database_url)
            try:
                await ask_due(database, settings or self.settings)
            finally:
                await database.close()

        async def run() -> None:
            await asyncio.gather(*(copy() for _ in range(copies)))

        asyncio.run(run())

    def later(self) -> None:
        """Let every request be due."""
        self.service.query(
            "UPDATE resume_requests SET next_try_at = now() WHERE next_try_at > now()"
        )

    def requests(self, build: Build) -> list[ResumeRequest]:
        """List a build's requests, newest first."""
        return list(self.service.client.list_resume_requests(build=build.number))

    def request(self, build: Build) -> ResumeRequest:
        (found,) = self.requests(build)
        return found

    def events(self, build: Build) -> list[tuple[str, dict[str, Any]]]:
        found = self.service.query(
            "SELECT type, data FROM events WHERE build_id = %s AND type LIKE 'build.resume-%%'"
            " ORDER BY id",
            build.id,
        )
        return [(each["type"].removeprefix("build.resume-"), each["data"]) for each in found]

    def story(self, build: Build) -> list[str]:
        """Tell what became of a build's requests, event by event."""
        return [kind for kind, _ in self.events(build)]


@pytest.fixture(scope="module")
def resting(cluster: Cluster) -> Iterator[Service]:
    """A service for all tests, which leaves the jobs to them."""
    name = cluster.create_database()
    asyncio.run(park(cluster.url(name), "consider", "resume"))
    with serving(cluster.url(name), cluster.key) as service:
        yield service
    cluster.drop_database(name)


@pytest.fixture
def world(resting: Service, prefect: PrefectServer) -> World:
    resting.query("DELETE FROM resume_requests")
    resting.query("UPDATE build_states SET resume_considered_at = now()")  # of the tests before
    return World(resting, prefect, PrefectSettings(api_url=prefect.url))


@pytest.fixture
def deployment(prefect: PrefectServer) -> str:
    return prefect.deploy(parameters={"release": "9.6", "region": "nowhere"}, tags=["images"])


def by_hand(**fields: Any) -> ResumeCreate:
    return ResumeCreate(**fields)


def test_a_lost_worker_is_followed_by_a_new_run_with_the_same_parameters(
    world: World, deployment: str
) -> None:
    build = world.build()
    run = world.prefect.start(deployment, parameters={"region": "eu-west-1"}, name="calm-otter")
    task = world.prefect.add_task_run(run, "RUNNING")
    world.lose(world.claim(build, run))

    assert world.request(build).status is ResumeStatus.PENDING
    world.job()

    request = world.request(build)
    assert (request.status, request.reason, request.tries) == ("sent", "lost_worker", 0)
    assert (request.state, request.attempt, str(request.flow_run_id)) == (50, 1, run)
    successor = world.prefect.run(request.successor_id)
    assert successor["name"] == request.successor_name == "calm-otter-resumed"
    assert successor["parameters"] == {"release": "9.6", "region": "eu-west-1"}
    assert set(successor["tags"]) == {"images", "bldst-resume"}
    assert successor["deployment_id"] == deployment
    assert f"/runs/flow-run/{successor['id']}" in (request.message or "")
    dead = world.prefect.run(run)["state"]
    assert dead["type"] == "CRASHED"
    assert f"calm-otter-resumed ({successor['id']}) goes on in its place" in dead["message"]
    assert f"build {build.number}, state 50, attempt 1: worker-a stopped" in dead["message"]
    (found,) = world.prefect.task_runs(run)
    assert (found["id"], found["state"]["type"]) == (task, "CRASHED")
    assert world.story(build) == ["pending", "sent"]


def test_a_repeated_job_gets_the_same_run(world: World, deployment: str) -> None:
    build = world.build()
    run = world.prefect.start(deployment)
    world.lose(world.claim(build, run))
    world.job()
    first = world.request(build)
    # As if the copy that asked had died before it could write the answer down.
    world.service.query(
        "UPDATE resume_requests SET status = 'pending', successor_id = NULL, next_try_at = now()"
    )
    world.job()
    assert world.request(build).successor_id == first.successor_id
    assert len(world.prefect.runs(deployment)) == 2


def test_two_copies_of_the_job_at_once_ask_once(world: World, deployment: str) -> None:
    build = world.build()
    world.lose(world.claim(build, world.prefect.start(deployment)))
    world.job(copies=4)
    assert world.request(build).status == "sent"
    assert world.story(build) == ["pending", "sent"]
    assert len(world.prefect.runs(deployment)) == 2


def test_what_one_copy_has_taken_no_other_takes(world: World) -> None:
    for _ in range(2):
        build = world.build()
        world.lose(world.claim(build, str(uuid4())))

    async def take_twice() -> list[int]:
        database = Database.connect(world.service.database_url)
        async with database.transaction() as one, database.transaction() as other:
            found = [len(await take_due(session, 1, 60)) for session in (one, other, other)]
        async with database.transaction() as later:
            found.append(len(await take_due(later, 1, 60)))
        await database.close()
        return found

    assert asyncio.run(take_twice()) == [1, 1, 0, 0]


def test_a_prefect_that_hangs_keeps_nothing_locked(
    world: World, deployment: str, hanging: Hanging
) -> None:
    build = world.build()
    world.lose(world.claim(build, world.prefect.start(deployment)))
    with hanging.job(world):
        idle = "SELECT 1 FROM pg_stat_activity WHERE state = 'idle in transaction'"
        assert world.service.query(f"{idle} AND datname = current_database()") == []
        # Another copy takes it, since the first one takes too long.
        world.later()
        world.job()
        assert world.request(build).status == "sent"
    # The first one has been told that there is no answer, but that is not news any more.
    request = world.request(build)
    assert (request.status, request.tries) == ("sent", 0)
    assert world.story(build) == ["pending", "sent"]


def test_six_lanes_that_stop_with_one_run_get_one_run(world: World, deployment: str) -> None:
    build = world.build(limit=1)
    run = world.prefect.start(deployment)
    lanes = [f"region-{number}" for number in range(6)]
    world.lose(*(world.claim(build, run, lane=lane) for lane in lanes))
    world.job(copies=2)
    requests = world.requests(build)
    assert sorted(each.lane for each in requests) == lanes
    assert {each.status for each in requests} == {ResumeStatus.SENT}
    assert len({each.successor_id for each in requests}) == 1
    assert len(world.prefect.runs(deployment)) == 2


def test_the_successor_is_followed_to_its_end(world: World, deployment: str) -> None:
    build = world.build()
    world.lose(world.claim(build, world.prefect.start(deployment)))
    world.job()
    successor = str(world.request(build).successor_id)
    world.later()
    world.job()
    assert world.request(build).status == "sent"
    world.prefect.set_state(successor, "RUNNING")
    world.later()
    world.job()
    assert world.request(build).status == "running"
    world.prefect.set_state(successor, "COMPLETED")
    world.later()
    world.job()
    request = world.request(build)
    assert (request.status, request.next_try_at) == ("done", None)
    assert world.story(build) == ["pending", "sent", "running", "done"]


@pytest.mark.parametrize("end", ["FAILED", "CRASHED", "CANCELLED"])
def test_a_successor_that_ends_badly_fails_the_request(
    world: World, deployment: str, end: str
) -> None:
    build = world.build()
    world.lose(world.claim(build, world.prefect.start(deployment)))
    world.job()
    world.prefect.set_state(str(world.request(build).successor_id), end)
    world.later()
    world.job()
    request = world.request(build)
    assert request.status == "failed"
    assert f"has ended as {end.capitalize()}" in (request.message or "")


def test_a_successor_that_dies_as_well_is_followed_by_another_until_the_limit(
    world: World, deployment: str
) -> None:
    build = world.build(limit=2)
    run = world.prefect.start(deployment)
    for _ in range(2):
        world.lose(world.claim(build, run))
        world.job()
        run = str(world.requests(build)[0].successor_id)
        world.prefect.set_state(run, "RUNNING")
    world.lose(world.claim(build, run))

    newest, oldest = world.requests(build)
    assert (newest.status, oldest.status) == ("failed", "failed")
    assert "died as well" in (newest.message or "")
    assert newest.flow_run_id == oldest.successor_id
    assert world.story(build) == ["pending", "sent", "failed", "pending", "sent", "failed", "limit"]
    assert world.events(build)[-1][1] == {"limit": 2, "flow_run_id": run}
    assert len(world.prefect.runs(deployment)) == 3


@pytest.mark.parametrize(
    ("policy", "is_lost", "wanted"),
    [
        pytest.param(AutoResume.NEVER, True, False, id="never: not after a loss"),
        pytest.param(AutoResume.NEVER, False, False, id="never: not after a failure"),
        pytest.param(AutoResume.LOST, True, True, id="lost: after a loss"),
        pytest.param(AutoResume.LOST, False, False, id="lost: not after a failure"),
        pytest.param(AutoResume.FAILED, True, True, id="failed: after a loss"),
        pytest.param(AutoResume.FAILED, False, True, id="failed: after a failure"),
    ],
)
def test_the_projects_policy_decides(
    world: World,
    policy: AutoResume,
    is_lost: bool,  # noqa: FBT001 - a column of the table
    wanted: bool,  # noqa: FBT001 - as above
) -> None:
    build = world.build(policy)
    claim = world.claim(build, str(uuid4()))
    if is_lost:
        world.lose(claim)
    else:
        world.fail(claim)
    assert [each.status for each in world.requests(build)] == ["pending"] * wanted


def test_an_attempt_without_a_flow_run_asks_nobody(world: World) -> None:
    build = world.build(AutoResume.FAILED)
    world.lose(world.service.claim(build, 25))
    world.fail(world.service.claim(build, 25))
    assert world.requests(build) == []


def test_after_a_failure_the_run_has_to_end_first(world: World, deployment: str) -> None:
    build = world.build(AutoResume.FAILED)
    run = world.prefect.start(deployment, name="calm-otter")
    world.fail(world.claim(build, run))
    world.job()
    request = world.request(build)
    assert (request.status, request.reason) == ("pending", "failed_before")
    assert "Waits for the end of flow run calm-otter" in (request.message or "")
    assert world.prefect.run(run)["state"]["type"] == "RUNNING"

    world.prefect.set_state(run, "FAILED")
    world.later()
    world.job()
    assert world.request(build).status == "sent"
    assert world.prefect.run(run)["state"]["type"] == "FAILED"


def test_a_run_that_completes_after_all_is_not_repeated(world: World, deployment: str) -> None:
    build = world.build(AutoResume.FAILED, limit=1)
    run = world.prefect.start(deployment)
    world.fail(world.claim(build, run))
    world.prefect.set_state(run, "COMPLETED")
    world.job()
    assert world.request(build).status == "done"
    assert len(world.prefect.runs(deployment)) == 1
    # It has not used up the limit.
    world.lose(world.claim(build, world.prefect.start(deployment)))
    assert [each.status for each in world.requests(build)] == ["pending", "done"]


def test_a_run_that_a_person_cancelled_is_not_started_again_by_itself(
    world: World, deployment: str
) -> None:
    build = world.build()
    world.lose(world.claim(build, world.prefect.start(deployment, "CANCELLED")))
    world.job()
    request = world.request(build)
    assert request.status == "failed"
    assert "was cancelled in Prefect" in (request.message or "")
    assert len(world.prefect.runs(deployment)) == 1


def test_a_run_without_a_deployment_says_so(world: World) -> None:
    flow = world.prefect.ask("POST", "/flows/", {"name": f"flow-{uuid4().hex[:8]}"})
    body = {"flow_id": flow["id"], "state": {"type": "RUNNING"}, "name": "by-hand"}
    run = world.prefect.ask("POST", "/flow_runs/", body)
    build = world.build()
    world.lose(world.claim(build, run["id"]))
    world.job()
    request = world.request(build)
    assert request.status == "failed"
    assert "Flow run by-hand was not started from a deployment" in (request.message or "")


def test_a_deployment_that_was_deleted_says_so(world: World, deployment: str) -> None:
    build = world.build()
    world.lose(world.claim(build, world.prefect.start(deployment)))
    world.prefect.ask("DELETE", f"/deployments/{deployment}")
    world.job()
    request = world.request(build)
    assert request.status == "failed"
    assert "deployment" in (request.message or "")


def test_subflows_die_with_their_flow_unless_they_run_elsewhere(
    world: World, deployment: str
) -> None:
    build = world.build()
    run = world.prefect.start(deployment)
    inside, elsewhere = (world.prefect.add_subflow(run, each) for each in (None, deployment))
    world.prefect.add_task_run(inside, "RUNNING")
    world.lose(world.claim(build, run))
    world.job()
    assert world.prefect.run(inside)["state"]["type"] == "CRASHED"
    assert world.prefect.run(elsewhere)["state"]["type"] == "RUNNING"
    assert [each["state"]["type"] for each in world.prefect.task_runs(inside)] == ["CRASHED"]


def test_a_run_that_prefect_does_not_know_says_so(world: World) -> None:
    build = world.build()
    world.lose(world.claim(build, str(uuid4())))
    world.job()
    request = world.request(build)
    assert request.status == "failed"
    assert "was deleted in Prefect" in (request.message or "")


def test_a_run_that_somebody_started_already_is_the_successor(
    world: World, deployment: str
) -> None:
    build = world.build()
    dead, other = (world.prefect.start(deployment) for _ in range(2))
    world.service.expire(world.claim(build, dead).attempt.id)
    world.claim(build, other)
    world.consider()
    world.job()
    request = world.request(build)
    assert (request.status, str(request.successor_id)) == ("sent", other)
    assert other in world.prefect.run(dead)["state"]["message"]
    assert len(world.prefect.runs(deployment)) == 2


def test_without_a_prefect_the_request_says_what_to_set(world: World) -> None:
    build = world.build()
    world.lose(world.claim(build, str(uuid4())))
    world.settings = None
    world.job()
    request = world.request(build)
    assert (request.status, request.next_try_at) == ("failed", None)
    assert "BLDST_PREFECT_API_URL" in (request.message or "")
    assert world.story(build) == ["pending", "failed"]


def test_a_prefect_that_is_down_is_asked_again_later_and_later(
    world: World, deployment: str, closed_port: str
) -> None:
    build = world.build()
    world.lose(world.claim(build, world.prefect.start(deployment)))
    down = PrefectSettings(api_url=closed_port)
    waits = []
    for tries in range(1, MAX_TRIES):
        world.later()
        world.job(settings=down)
        request = world.request(build)
        assert (request.status, request.tries) == ("pending", tries)
        assert closed_port in (request.message or "")
        assert request.next_try_at is not None
        waits.append(request.next_try_at - request.updated_at)
    assert waits == [timedelta(seconds=each) for each in (5, 10, 20, 40, 80, 160, 300)]
    world.later()
    world.job(settings=down)
    request = world.request(build)
    assert (request.status, request.tries) == ("failed", MAX_TRIES)
    assert f"Given up after {MAX_TRIES} tries" in (request.message or "")


def test_a_prefect_that_comes_back_is_asked_after_all(
    world: World, deployment: str, closed_port: str
) -> None:
    build = world.build()
    world.lose(world.claim(build, world.prefect.start(deployment)))
    world.job(settings=PrefectSettings(api_url=closed_port))
    world.later()
    world.job()
    request = world.request(build)
    assert (request.status, request.tries) == ("sent", 0)


def test_the_key_is_shown_to_prefect(world: World, hanging: Hanging) -> None:
    build = world.build()
    world.lose(world.claim(build, str(uuid4())))
    with hanging.job(world, api_key="pnu_secret") as sent:
        assert b"Authorization: Bearer pnu_secret" in sent
    assert "pnu_secret" not in (world.request(build).message or "")


def test_an_address_that_is_not_prefects_api_says_so(world: World, deployment: str) -> None:
    build = world.build()
    world.lose(world.claim(build, world.prefect.start(deployment)))
    for url in (world.prefect.url.removesuffix("/api"), world.service.url):
        world.later()
        world.job(settings=PrefectSettings(api_url=url))
        request = world.request(build)
        assert request.status == "pending"
        assert "BLDST_PREFECT_API_URL" in (request.message or "")


def test_a_person_may_ask_whatever_the_policy_is(world: World, deployment: str) -> None:
    build = world.build(AutoResume.NEVER)
    world.lose(world.claim(build, world.prefect.start(deployment)))
    asked = world.service.client.resume(build.number, by_hand(reason="the mirror is back"))
    assert (asked.status, asked.reason, asked.state) == ("pending", "the mirror is back", 50)
    world.job()
    assert world.request(build).status == "sent"
    found = world.service.query(
        "SELECT kind, lane, reason FROM interventions WHERE build_id = %s", build.id
    )
    assert len(found) == 1
    assert (found[0]["kind"], found[0]["reason"]) == ("resume", "the mirror is back")


def test_one_open_request_is_enough(world: World, deployment: str) -> None:
    build = world.build()
    world.lose(world.claim(build, world.prefect.start(deployment)))
    path = f"/v1/builds/{build.number}/resume"
    answer = world.service.request("POST", path, {})
    assert (answer.status, answer.json["reason"]) == (200, "lost_worker")
    other = world.service.request("POST", path, {"lane": "eu-west-1"})
    assert (other.status, other.json["reason"]) == (201, "asked by hand")


def test_a_person_who_asks_again_gets_a_run_after_the_last_one(
    world: World, deployment: str
) -> None:
    build = world.build(AutoResume.NEVER)
    world.lose(world.claim(build, world.prefect.start(deployment, name="calm-otter")))
    names = []
    for _ in range(3):
        world.service.client.resume(build.number, by_hand())
        world.job()
        newest = world.requests(build)[0]
        names.append(newest.successor_name)
        world.prefect.set_state(str(newest.successor_id), "FAILED")
        world.later()
        world.job()
    assert names == ["calm-otter-resumed", "calm-otter-resumed-2", "calm-otter-resumed-3"]


def test_a_build_that_is_worked_on_is_not_resumed(world: World, deployment: str) -> None:
    build = world.build()
    world.claim(build, world.prefect.start(deployment))
    with pytest.raises(Held) as refused:
        world.service.client.resume(build.number, by_hand())
    assert refused.value.holder == "worker-a"
    assert "is being worked on" in refused.value.message


def test_a_build_that_prefect_never_ran_says_what_to_do(world: World) -> None:
    build = world.build()
    world.lose(world.service.claim(build, 25))
    with pytest.raises(Conflict) as refused:
        world.service.client.resume(build.number, by_hand())
    assert refused.value.code == "no-orchestrator"
    assert f"bldst plan {build.number}" in (refused.value.hint or "")


def test_a_delivered_build_is_not_resumed(world: World, deployment: str) -> None:
    build = world.build()
    world.service.complete(world.claim(build, world.prefect.start(deployment), state=100))
    with pytest.raises(Conflict) as refused:
        world.service.client.resume(build.number, by_hand())
    assert refused.value.code == "build-completed"
    with pytest.raises(NotFound):
        world.service.client.resume(build.number + 1, by_hand())


def test_a_lane_without_a_run_of_its_own_is_resumed_by_the_builds(
    world: World, deployment: str
) -> None:
    build = world.build(AutoResume.NEVER)
    run = world.prefect.start(deployment)
    world.lose(world.claim(build, run))
    request = world.service.client.resume(build.number, by_hand(lane="eu-west-1"))
    assert (request.lane, str(request.flow_run_id), request.state) == ("eu-west-1", run, 50)


def test_requests_are_listed_by_build_and_status_page_by_page(world: World) -> None:
    builds = [world.build() for _ in range(3)]
    for build in builds:
        world.lose(world.claim(build, str(uuid4())))
    client = world.service.client
    listed = [each.build for each in client.list_resume_requests()]
    assert listed == [each.number for each in reversed(builds)]
    page = world.service.request("GET", "/v1/resume-requests?limit=2").json
    assert [each["build"] for each in page["items"]] == listed[:2]
    rest = world.service.request(
        "GET", f"/v1/resume-requests?limit=2&cursor={page['next_cursor']}"
    ).json
    assert [each["build"] for each in rest["items"]] == listed[2:]
    assert [each.build for each in client.list_resume_requests(status="pending")] == listed
    assert list(client.list_resume_requests(status="done")) == []
    assert [each.build for each in client.list_resume_requests(build=builds[0].number)] == listed[
        2:
    ]
    problem = world.service.request("GET", "/v1/resume-requests?build=999999").problem
    assert problem["type"] == "/problems/build-not-found"


def test_a_plain_report_of_a_failure_asks_nobody(world: World) -> None:
    build = world.build(AutoResume.FAILED)
    report = Report(state=50, status=AttemptStatus.FAILED)
    world.service.client.report(build.number, report)
    world.consider()
    assert world.requests(build) == []


def test_whoever_ends_an_attempt_leaves_it_to_the_job(world: World) -> None:
    build = world.build(AutoResume.FAILED)
    lost, failed = (world.claim(build, str(uuid4()), state=each) for each in (30, 50))
    world.service.fail(failed)
    world.service.expire(lost.attempt.id)
    assert world.service.client.get_build(build.number).status == "failed"
    assert world.requests(build) == []
    world.consider()
    assert {each.reason for each in world.requests(build)} == {"lost_worker"}


def test_what_has_ended_is_considered_once(world: World) -> None:
    build = world.build(AutoResume.NEVER)
    world.lose(world.claim(build, str(uuid4())))
    world.service.query("UPDATE projects SET auto_resume = 'lost'")
    world.consider()  # the policy of today is not for what ended yesterday
    assert world.requests(build) == []


def test_what_completes_or_is_cancelled_asks_for_no_resume(world: World) -> None:
    build = world.build(AutoResume.FAILED)
    world.service.complete(world.claim(build, str(uuid4()), state=30))
    world.claim(build, str(uuid4()))
    world.service.client.cancel_build(build.number, Cancel(reason="called off"))
    world.consider()
    assert world.requests(build) == []


def test_a_build_that_cannot_be_considered_keeps_no_other_waiting(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    broken, good = world.build(), world.build()
    for build in (broken, good):
        world.service.expire(world.claim(build, str(uuid4())).attempt.id)
        world.service.client.get_build(build.number)
    world.service.query(
        'UPDATE build_states SET orchestrator = orchestrator || \'{"flow_run_id": "?"}\''
        " WHERE build_id = %s",
        broken.id,
    )
    world.consider()
    assert f"Build {broken.id} could not be considered" in caplog.text
    assert (len(world.requests(broken)), len(world.requests(good))) == (0, 1)
