from collections.abc import Callable
from typing import Any

import pytest
from support import Service, image, until

from buildstate_core.errors import Conflict, NotFound, Refused, StaleClaim
from buildstate_core.models import Complete, Fail, Heartbeat
from buildstate_core.vocabulary import AttemptStatus, Kind

AtOnce = Callable[[int, Callable[[int], Any]], list[Any]]


def test_a_free_milestone_is_to_be_run(service: Service) -> None:
    build = service.make_build()
    claim = service.claim(build, 25, worker="packer-07", lease_seconds=30)
    assert (claim.decision, claim.reason) == ("run", "never_completed")
    assert (claim.attempt.status, claim.attempt.worker) == ("in_progress", "packer-07")
    assert claim.lease_until is not None
    assert claim.attempt.started_at is not None
    assert (claim.lease_until - claim.attempt.started_at).total_seconds() == 30
    shown = service.client.get_build(build.number)
    assert (shown.status, shown.active, shown.current_state) == ("in_progress", (25,), 25)
    assert shown.started_at == claim.attempt.started_at


def test_a_held_milestone_says_who_has_it_and_until_when(service: Service) -> None:
    build = service.make_build()
    first = service.claim(build, 25, worker="packer-07")
    before = service.counts()
    second = service.claim(build, 25, worker="packer-08")
    assert (second.decision, second.holder) == ("held", "packer-07")
    assert (second.lease_until, second.token) == (first.lease_until, None)
    changed = {name for name, n in service.counts().items() if n != before[name]}
    assert changed == {"idempotency_keys"}


def test_a_done_milestone_is_skipped_with_its_artifacts(service: Service) -> None:
    build = service.make_build()
    done = service.complete(service.claim(build, 25), image())
    updated_at = service.client.get_build(build.number).updated_at
    again = service.claim(build, 25, worker="worker-b")
    assert (again.decision, again.reason, again.token) == ("skip", "unchanged", None)
    assert again.attempt.id == done.id
    assert again.artifacts == done.artifacts
    assert again.is_resume_point
    assert service.client.get_build(build.number).updated_at == updated_at


def test_a_milestone_above_a_checkpoint_is_told_what_to_restore(service: Service) -> None:
    service.make_project(storage_url="s3://builds")
    build = service.make_build()
    service.complete(service.claim(build, 10), image(content="ten"))
    at_25 = service.complete(service.claim(build, 25), image(content="twenty-five"))
    claim = service.claim(build, 50)
    assert claim.restore == at_25.artifacts
    assert claim.storage_url == "s3://builds"


def test_steps_without_an_artifact_run_again_after_a_failure_above_them(service: Service) -> None:
    build = service.make_build()
    for state in (10, 25):
        service.complete(service.claim(build, state), image(content=str(state)))
    for state in (30, 35):
        service.complete(service.claim(build, state))
    service.fail(service.claim(build, 50))

    plan = {each.state: each for each in service.client.plan(build.number).milestones}
    assert [plan[state].decision for state in (10, 25, 30, 35, 50)] == [
        "skip",
        "restore",
        "run",
        "run",
        "run",
    ]
    assert [service.claim(build, state).decision for state in (10, 25)] == ["skip", "skip"]
    thirty = service.claim(build, 30)
    assert (thirty.decision, thirty.reason) == ("run", "not_restorable")
    assert [each.state for each in thirty.restore] == [25]


def test_a_changed_recipe_runs_again_and_an_unchanged_one_does_not(service: Service) -> None:
    build = service.make_build()
    service.complete(service.claim(build, 25, fingerprint={"command": "a", "code": "x"}), image())
    assert service.claim(build, 25, fingerprint={"command": "a"}).decision == "skip"
    changed = service.claim(build, 25, fingerprint={"command": "b"})
    assert (changed.decision, changed.reason) == ("run", "recipe_changed:command")


def test_a_machine_that_lacks_what_a_step_did_is_refused(service: Service) -> None:
    build = service.make_build()
    checkpoint = service.complete(service.claim(build, 25), image())
    step = service.complete(service.claim(build, 30))
    before = service.counts()
    with pytest.raises(Refused) as refused:
        service.claim(build, 35, machine=(checkpoint.step_digest,))
    assert (refused.value.code, refused.value.field) == ("run-first", "state")
    assert (refused.value.state, refused.value.reason) == (30, "not_on_this_machine")
    assert service.counts() == before
    holds = (checkpoint.step_digest, step.step_digest)
    assert service.claim(build, 35, machine=holds).decision == "run"


def test_every_fence_is_higher_than_the_ones_before(service: Service) -> None:
    builds = [service.make_build(key=str(n)) for n in range(2)]
    fences = []
    for state in (30, 20, 10):
        for build in builds:
            claim = service.claim(build, state)
            fences.append(claim.fence)
            service.fail(claim)
    assert fences == sorted(set(fences))


def test_a_heartbeat_renews_the_lease(service: Service) -> None:
    build = service.make_build()
    claim = service.claim(build, 25, lease_seconds=30)
    lease = service.heartbeat(claim)
    assert claim.lease_until is not None
    assert lease.lease_until > claim.lease_until
    assert lease.lease_seconds == 30
    assert service.claim(build, 25).lease_until == lease.lease_until


def test_a_completion_records_what_was_made(service: Service) -> None:
    build = service.make_build()
    done = service.complete(service.claim(build, 25), image(), message="all well")
    assert (done.status, done.kind, done.message) == ("completed", "checkpoint", "all well")
    assert done.finished_at is not None
    assert done.duration_seconds is not None
    assert service.client.get_build(build.number).resume_from == 25
    assert list(service.client.list_artifacts(build.number)) == list(done.artifacts)


def test_a_completion_without_an_artifact_is_a_step(service: Service) -> None:
    build = service.make_build()
    assert service.complete(service.claim(build, 25)).kind == "step"
    assert service.complete(service.claim(build, 30, kind=Kind.EFFECT)).kind == "effect"


def test_a_completion_said_twice_has_one_effect(service: Service) -> None:
    build = service.make_build()
    claim = service.claim(build, 25)
    first = service.complete(claim, image())
    before = service.counts()
    again = service.complete(claim, image())
    assert again == first
    before["idempotency_keys"] += 1
    assert service.counts() == before


def test_a_failure_said_twice_has_one_effect(service: Service) -> None:
    build = service.make_build()
    claim = service.claim(build, 25)
    assert service.fail(claim) == service.fail(claim)
    assert len(list(service.client.history(build.number))) == 1


def test_what_failed_cannot_complete_and_what_completed_cannot_fail(service: Service) -> None:
    build = service.make_build()
    done = service.claim(build, 25)
    service.complete(done)
    failed = service.claim(build, 30)
    service.fail(failed)
    with pytest.raises(StaleClaim):
        service.complete(failed, image())
    with pytest.raises(StaleClaim):
        service.fail(done)
    assert list(service.client.list_artifacts(build.number)) == []


def test_a_token_is_good_for_its_own_attempt_only(service: Service) -> None:
    build = service.make_build()
    mine, other = service.claim(build, 25, lane="eu"), service.claim(build, 30, lane="us")
    for token in (other.token, "guessed"):
        with pytest.raises(StaleClaim) as refused:
            service.client.complete(mine.attempt.id, Complete(token=token))
        assert refused.value.field == "token"
        with pytest.raises(StaleClaim):
            service.client.heartbeat(mine.attempt.id, Heartbeat(token=token))
    assert service.client.get_build(build.number).active == (25, 30)


def test_a_reported_attempt_has_no_token_to_guess(service: Service) -> None:
    reported = service.report(service.make_build(), 25, AttemptStatus.IN_PROGRESS)
    with pytest.raises(StaleClaim):
        service.client.complete(reported.id, Complete(token="guessed"))


def test_an_attempt_whose_artifacts_cannot_be_recorded_is_not_completed(service: Service) -> None:
    build = service.make_build()
    claim = service.claim(build, 25)
    bad = {"name": "a", "storage_type": "s3", "uri": "s3://b/a", "checksum": "sha256:beef"}
    before = service.counts()
    answer = service.request(
        "POST",
        f"/v1/attempts/{claim.attempt.id}/complete",
        {"token": claim.token, "artifacts": [image().model_dump(mode="json"), bad]},
    )
    assert (answer.status, answer.problem["field"]) == (422, "artifacts.1.checksum")
    assert service.counts() == before
    shown = service.request("GET", f"/v1/attempts/{claim.attempt.id}").json
    assert (shown["status"], shown["artifacts"]) == ("in_progress", [])
    service.complete(claim, image())


def test_an_expired_lease_is_lost_on_the_next_read(service: Service) -> None:
    build = service.make_build()
    claim = service.claim(build, 25, worker="packer-07")
    service.expire(claim.attempt.id)
    shown = service.client.get_build(build.number)
    assert (shown.status, shown.active) == ("failed", ())
    assert shown.failure is not None
    assert shown.failure.message == "packer-07 stopped answering: the lease ran out"
    (attempt,) = service.client.history(build.number)
    assert attempt.status == "lost"
    assert attempt.finished_at is not None


def test_an_expired_lease_is_lost_to_whoever_reads_its_build(service: Service) -> None:
    build = service.make_build()
    shown_at = f"/v1/builds/{build.number}"
    for n, path in enumerate(("/v1/builds", f"{shown_at}/plan", f"{shown_at}/history")):
        claim = service.claim(build, 25)
        service.expire(claim.attempt.id)
        service.request("GET", path)
        lost = service.query("SELECT count(*) AS n FROM build_states WHERE status = 'lost'")
        assert lost[0]["n"] == n + 1


def test_an_expired_lease_is_lost_without_anybody_reading(service: Service) -> None:
    build = service.make_build()
    claim = service.claim(build, 25)
    service.expire(claim.attempt.id)

    def is_lost() -> bool:
        found = service.query("SELECT status FROM build_states")
        return bool(found == [{"status": "lost"}])

    until(is_lost, seconds=20)
    assert service.query("SELECT status FROM builds") == [{"status": "failed"}]


def test_an_expired_lease_can_be_taken_over_and_its_holder_is_refused(service: Service) -> None:
    build = service.make_build()
    old = service.claim(build, 25, worker="worker-a")
    service.expire(old.attempt.id)
    new = service.claim(build, 25, worker="worker-b")
    assert (new.decision, new.reason, new.attempt.attempt) == ("run", "lost_worker", 2)
    assert new.fence is not None
    assert old.fence is not None
    assert new.fence > old.fence
    for stale in (service.heartbeat, service.complete, service.fail):
        with pytest.raises(StaleClaim):
            stale(old)
    service.complete(new, image())
    assert [each.status for each in service.client.history(build.number)] == ["lost", "completed"]


def test_a_late_holder_is_refused_even_if_nobody_took_over(service: Service) -> None:
    build = service.make_build()
    for stale in (service.heartbeat, service.complete, service.fail):
        claim = service.claim(build, 25)
        service.expire(claim.attempt.id)
        with pytest.raises(StaleClaim, match="lost"):
            stale(claim)


def test_a_milestone_reported_and_left_open_is_taken_over(service: Service) -> None:
    build = service.make_build()
    service.report(build, 25, AttemptStatus.IN_PROGRESS)
    claim = service.claim(build, 25)
    assert (claim.decision, claim.attempt.attempt) == ("run", 2)
    assert [each.status for each in service.client.history(build.number)] == [
        "lost",
        "in_progress",
    ]


def test_of_twenty_that_claim_at_once_exactly_one_runs(service: Service, at_once: AtOnce) -> None:
    build = service.make_build()
    claims = at_once(20, lambda n: service.claim(build, 25, worker=f"worker-{n}"))
    running = [each for each in claims if each.decision == "run"]
    assert len(running) == 1
    held = [each for each in claims if each.decision == "held"]
    assert {each.holder for each in held} == {running[0].attempt.worker}
    assert len(held) == 19


def test_of_twenty_that_take_over_at_once_exactly_one_runs(
    service: Service, at_once: AtOnce
) -> None:
    build = service.make_build()
    service.expire(service.claim(build, 25).attempt.id)
    claims = at_once(20, lambda n: service.claim(build, 25, worker=f"worker-{n}"))
    assert sorted(each.decision for each in claims) == ["held"] * 19 + ["run"]
    assert len(list(service.client.history(build.number))) == 2


def test_lanes_are_claimed_apart(service: Service) -> None:
    build = service.make_build()
    service.complete(service.claim(build, 25), image())
    lanes = [service.claim(build, 60, lane=lane) for lane in ("eu-west-1", "eu-west-3")]
    assert [each.decision for each in lanes] == ["run", "run"]
    assert [[each.state for each in lane.restore] for lane in lanes] == [[25], [25]]
    service.fail(lanes[0])
    service.complete(lanes[1], image())
    shown = {each.lane: each.status for each in service.client.get_build(build.number).lanes}
    assert shown == {"eu-west-1": "failed", "eu-west-3": "in_progress"}


def test_a_completed_build_gives_no_more_work_but_still_skips(service: Service) -> None:
    build = service.make_build()
    service.complete(service.claim(build, 25), image())
    service.complete(service.claim(build, 100, kind=Kind.EFFECT))
    assert service.claim(build, 25).decision == "skip"
    before = service.counts()
    with pytest.raises(Conflict) as refused:
        service.claim(build, 30)
    assert refused.value.code == "build-completed"
    assert service.counts() == before


def test_an_unknown_attempt_is_not_found(service: Service) -> None:
    unknown = service.make_build().id
    with pytest.raises(NotFound) as refused:
        service.client.complete(unknown, Complete(token="x"))
    assert refused.value.field == "attempt"
    assert service.request("GET", f"/v1/attempts/{unknown}").status == 404
    assert service.request("GET", "/v1/attempts/x").problem["field"] == "attempt"


def test_a_lane_may_begin_after_others_have_delivered(service: Service) -> None:
    build = service.make_build()
    service.complete(service.claim(build, 10), image())
    service.complete(service.claim(build, 30))
    for lane in ("eu", "us"):
        for state in (60, 100):
            claim = service.claim(build, state, lane=lane)
            assert claim.decision == "run"
            service.complete(claim, image(content=f"{lane} {state}"))
        assert service.client.get_build(build.number).status == "completed"
    with pytest.raises(Conflict) as refused:
        service.claim(build, 70, lane="eu")
    assert refused.value.code == "build-completed"
    with pytest.raises(Conflict):
        service.claim(build, 70)


def test_a_lane_that_begins_late_gets_the_trunks_steps_by_a_rewind(service: Service) -> None:
    build = service.make_build()
    service.complete(service.claim(build, 10), image())
    service.complete(service.claim(build, 30, fingerprint={"command": "a"}))
    for state in (60, 100):
        service.complete(service.claim(build, state, lane="eu"), image(content=f"{state}"))
    with pytest.raises(Refused) as refused:
        service.claim(build, 60, lane="us", machine=())
    assert refused.value.state == 30
    step = service.claim(build, 30, fingerprint={"command": "a"}, rewound=True, machine=())
    assert (step.decision, step.reason) == ("run", "rewound")
    done = service.complete(step)
    assert service.claim(build, 60, lane="us", machine=(done.step_digest,)).decision == "run"
    assert service.claim(build, 60, lane="eu").decision == "skip"


def test_a_claim_that_was_cancelled_leaves_its_reason_to_the_next(service: Service) -> None:
    build = service.make_build()
    service.complete(service.claim(build, 25, fingerprint={"command": "a"}), image())
    claim = service.claim(build, 25, fingerprint={"command": "b"})
    assert claim.token is not None
    service.client.fail(claim.attempt.id, Fail(token=claim.token, message="Ctrl-C", cancelled=True))
    again = service.claim(build, 25, fingerprint={"command": "b"})
    assert (again.decision, again.reason) == ("run", "recipe_changed:command")
