"""The flow run that takes the place of one that ended: started once, and followed to its end."""

import asyncio
from uuid import uuid4

import pytest

from buildstate_api.database import Database
from buildstate_api.resumes.queries import take_due
from buildstate_core.vocabulary import ResumeStatus

from .world import World


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
