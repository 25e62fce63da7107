"""Resumes that a person asks for, and the list of all requests."""

from typing import Any
from uuid import uuid4

import pytest

from buildstate_core.errors import Conflict, Held, NotFound
from buildstate_core.models import ResumeCreate
from buildstate_core.vocabulary import AutoResume

from .world import World


def by_hand(**fields: Any) -> ResumeCreate:
    return ResumeCreate(**fields)


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
