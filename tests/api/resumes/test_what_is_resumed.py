"""Which ends of an attempt ask for a resume, and which flow runs can be started again."""

from uuid import uuid4

import pytest

from buildstate_core.models import Cancel, Report
from buildstate_core.vocabulary import AttemptStatus, AutoResume

from .world import World


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


def test_a_plain_report_of_a_failure_asks_nobody(world: World) -> None:
    build = world.build(AutoResume.FAILED)
    report = Report(state=50, status=AttemptStatus.FAILED)
    world.service.client.report(build.number, report)
    world.consider()
    assert world.requests(build) == []


def test_whoever_ends_an_attempt_leaves_it_to_the_job(world: World) -> None:
    build = world.build(AutoResume.FAILED)
    failed, lost = (world.claim(build, str(uuid4()), state=each) for each in (50, 30))
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
