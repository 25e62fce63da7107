from collections.abc import Callable
from typing import Any

import pytest
from support import Service, image

from buildstate_core.errors import BuildStateError, Conflict, Held, NotFound, StaleClaim
from buildstate_core.models import (
    Adopt,
    Artifact,
    Build,
    BuildDerive,
    Cancel,
    Force,
    Plan,
    Revoke,
    Waive,
)
from buildstate_core.vocabulary import ArtifactKind, AttemptStatus

AtOnce = Callable[[int, Callable[[int], Any]], list[Any]]

WHY = "the mirror was compromised"


def built(service: Service, *states: int) -> tuple[Build, dict[int, Artifact]]:
    """A build with a checkpoint at each of these states."""
    build = service.make_build(version="9.6")
    made = {}
    for state in states:
        done = service.complete(service.claim(build, state), image(content=str(state)))
        (made[state],) = done.artifacts
    return build, made


def waive(service: Service, build: Build, state: int, **fields: Any) -> Any:
    return service.client.waive(build.number, Waive(state=state, reason=WHY, **fields))


def force(service: Service, build: Build, state: int, **fields: Any) -> Plan:
    return service.client.force(build.number, Force(state=state, reason=WHY, **fields))


def adopt(service: Service, build: Build, state: int, *artifacts: Any) -> Any:
    wanted = Adopt(state=state, artifacts=artifacts or (image(),), reason=WHY)
    return service.client.adopt(build.number, wanted)


def cancel(service: Service, build: Build, reason: str = WHY) -> Build:
    return service.client.cancel_build(build.number, Cancel(reason=reason))


def types_of(service: Service, build: Build) -> list[str]:
    events = service.request("GET", f"/v1/builds/{build.number}/events?limit=200").json["items"]
    return [each["type"] for each in events]


def decided(plan: Plan) -> dict[int, tuple[str, str]]:
    return {each.state: (each.decision, each.reason) for each in plan.milestones}


# --- waived ------------------------------------------------------------------------------------


def test_a_waived_state_is_skipped_and_says_why(service: Service) -> None:
    build, _ = built(service, 10)
    attempt = waive(service, build, 25)
    assert (attempt.status, attempt.attempt, attempt.message) == ("waived", 1, WHY)
    claim = service.claim(build, 25)
    assert (claim.decision, claim.reason) == ("skip", "waived")
    assert service.client.get_build(build.number).frontier == 25


def test_a_state_that_failed_can_be_waived_and_its_history_stays(service: Service) -> None:
    build, _ = built(service, 10)
    service.fail(service.claim(build, 25))
    assert waive(service, build, 25).attempt == 2
    assert [each.status for each in service.client.history(build.number)] == [
        "completed",
        "failed",
        "waived",
    ]
    assert service.client.get_build(build.number).status == "in_progress"


def test_a_state_that_a_worker_has_is_not_waived_nor_adopted(service: Service) -> None:
    build, _ = built(service, 10)
    service.claim(build, 25, worker="packer-07")
    before = service.counts()
    for decide in (waive, adopt):
        with pytest.raises(Held, match="packer-07") as refused:
            decide(service, build, 25)
        assert (refused.value.holder, refused.value.field) == ("packer-07", "state")
        assert refused.value.until is not None
    assert service.counts() == before


def test_a_state_whose_worker_stopped_answering_can_be_waived(service: Service) -> None:
    build, _ = built(service, 10)
    service.expire(service.claim(build, 25).attempt.id)
    assert waive(service, build, 25).attempt == 2


def test_a_report_that_was_left_open_ends_when_a_person_decides(service: Service) -> None:
    build, _ = built(service, 10)
    service.report(build, 25, AttemptStatus.IN_PROGRESS)
    waive(service, build, 25)
    _, opened, _ = service.client.history(build.number)
    assert (opened.status, opened.message) == ("cancelled", f"settled by a person: {WHY}")


def test_of_a_claim_and_a_waiver_at_once_one_wins(service: Service, at_once: AtOnce) -> None:
    build, _ = built(service, 10)
    for state in range(11, 21):

        def decide(which: int, state: int = state) -> str:
            if which:
                return service.claim(build, state).decision
            try:
                waive(service, build, state)
            except Held:
                return "held"
            return "waived"

        assert at_once(2, decide) in (["waived", "skip"], ["held", "run"])


def test_a_waiver_sent_twice_is_one(service: Service) -> None:
    build, _ = built(service, 10)
    path, body = f"/v1/builds/{build.number}/waive", {"state": 25, "reason": WHY}
    first, again = (
        service.request("POST", path, body, headers={"Idempotency-Key": "k"}) for _ in range(2)
    )
    assert (first.status, again.status) == (201, 201)
    assert again.json == first.json


@pytest.mark.parametrize("reason", ["", "   "])
def test_a_decision_without_a_reason_is_refused(service: Service, reason: str) -> None:
    build, made = built(service, 10)
    for path, more in (
        (f"builds/{build.number}/waive", {"state": 25}),
        (f"builds/{build.number}/force", {"state": 25}),
        (f"builds/{build.number}/cancel", {}),
        (f"artifacts/{made[10].id}/revoke", {}),
    ):
        answer = service.request("POST", f"/v1/{path}", {"reason": reason, **more})
        assert (answer.status, answer.problem["field"]) == (422, "reason")


# --- adopted -----------------------------------------------------------------------------------


def test_what_was_adopted_is_continued_from(service: Service) -> None:
    build, _ = built(service, 10)
    service.fail(service.claim(build, 25))
    adopted = adopt(service, build, 25, image(content="by hand"))
    assert (adopted.status, adopted.kind, adopted.attempt) == ("completed", "checkpoint", 2)
    assert (adopted.started_at, adopted.fingerprint, adopted.message) == (None, {}, WHY)
    assert service.client.get_build(build.number).resume_from == 25
    assert service.claim(build, 25, fingerprint={"command": "a"}).decision == "skip"
    assert service.claim(build, 50).restore == adopted.artifacts


def test_a_handle_can_be_adopted(service: Service) -> None:
    build, _ = built(service, 10)
    ami = image(
        "ami",
        kind=ArtifactKind.HANDLE,
        storage_type="ami",
        uri="ami-0abc",
        size_bytes=None,
        checksum=None,
    )
    (artifact,) = adopt(service, build, 25, ami).artifacts
    assert (artifact.kind, artifact.uri) == ("handle", "ami-0abc")


def test_an_adoption_of_nothing_is_refused(service: Service) -> None:
    build, _ = built(service, 10)
    body = {"state": 25, "artifacts": [], "reason": WHY}
    answer = service.request("POST", f"/v1/builds/{build.number}/adopt", body)
    assert (answer.status, answer.problem["field"]) == (422, "artifacts")


# --- forced ------------------------------------------------------------------------------------


def test_what_was_forced_runs_again_and_what_is_below_is_kept(service: Service) -> None:
    build, _ = built(service, 10, 25, 50)
    plan = force(service, build, 25)
    assert decided(plan)[10] == ("restore", "unchanged")
    assert decided(plan)[25] == ("run", "forced")
    assert decided(plan)[50][0] == "run"
    assert service.client.get_build(build.number).resume_from == 10
    claim = service.claim(build, 25)
    assert (claim.decision, claim.reason) == ("run", "forced")
    service.complete(claim, image(content="25"))
    assert service.claim(build, 25).decision == "skip"


def test_one_lane_is_forced_alone_and_the_trunk_with_all_lanes(service: Service) -> None:
    build, _ = built(service, 10)
    for lane in ("eu", "us"):
        service.complete(service.claim(build, 60, lane=lane), image(content=lane))
    force(service, build, 60, lane="eu")
    for lane, decision in (("eu", "run"), ("us", "skip")):
        assert service.claim(build, 60, lane=lane).decision == decision
    with pytest.raises(Held):  # the claim that was just made
        force(service, build, 10)


def test_a_lane_that_is_none_is_not_forced(service: Service) -> None:
    build, _ = built(service, 10)
    with pytest.raises(NotFound, match="only the trunk") as refused:
        force(service, build, 10, lane="eu")
    assert refused.value.field == "lane"
    service.complete(service.claim(build, 60, lane="eu"), image())
    with pytest.raises(NotFound, match="Its lanes are: eu"):
        force(service, build, 10, lane="us")


def test_nothing_is_forced_while_a_worker_is_at_it(service: Service) -> None:
    build, _ = built(service, 10, 25)
    held = service.claim(build, 50, worker="packer-07")
    before = service.counts()
    for state in (25, 50):
        with pytest.raises(Held, match="packer-07") as refused:
            force(service, build, state)
        assert f"bldst build cancel {build.number}" in (refused.value.hint or "")
    assert service.counts() == before
    force(service, build, 60)
    service.complete(held, image())


# --- cancelled ---------------------------------------------------------------------------------


def test_the_holder_of_a_cancelled_build_learns_who_stopped_it_and_why(service: Service) -> None:
    build, _ = built(service, 10)
    held = service.claim(build, 25)
    service.report(build, 26, AttemptStatus.IN_PROGRESS)
    shown = cancel(service, build)
    assert (shown.status, shown.active) == ("cancelled", ())
    with pytest.raises(StaleClaim, match=f"cancelled.*tests: {WHY}"):
        service.heartbeat(held)
    with pytest.raises(StaleClaim):
        service.complete(held, image())
    ended = [each for each in service.client.history(build.number) if each.state != 10]
    assert {(each.status, each.message) for each in ended} == {("cancelled", f"tests: {WHY}")}
    assert {"build.cancel", "build.cancelled", "attempt.cancelled"} <= {*types_of(service, build)}


def test_a_build_is_cancelled_once_and_its_first_reason_stays(service: Service) -> None:
    build, _ = built(service, 10)
    cancel(service, build)
    before = service.counts()
    assert cancel(service, build, "again").status == "cancelled"
    assert service.counts() == before | {"idempotency_keys": before["idempotency_keys"] + 1}
    (only,) = service.client.interventions(build.number)
    assert only.reason == WHY


def test_a_cancelled_build_takes_no_more_work(service: Service) -> None:
    build, made = built(service, 10)
    cancel(service, build)
    assert service.claim(build, 10).decision == "skip"
    for decide in (
        lambda: service.claim(build, 25),
        lambda: service.report(build, 25, AttemptStatus.COMPLETED),
        lambda: waive(service, build, 25),
        lambda: force(service, build, 10),
        lambda: adopt(service, build, 25),
    ):
        with pytest.raises(Conflict) as refused:
            decide()
        assert refused.value.code == "build-cancelled"
    assert service.client.revoke_artifact(made[10].id, Revoke(reason=WHY)).builds == (1,)
    assert service.client.get_build(build.number).status == "cancelled"


def test_what_is_delivered_or_superseded_is_not_cancelled(service: Service) -> None:
    delivered, _ = built(service, 10, 100)
    old = service.make_build(key="k")
    service.make_build(key="k", restart=True)
    for build, code in ((delivered, "build-completed"), (old, "build-superseded")):
        with pytest.raises(Conflict) as refused:
            cancel(service, build)
        assert refused.value.code == code


# --- revoked -----------------------------------------------------------------------------------


def revoke(service: Service, artifact: Artifact) -> Any:
    return service.client.revoke_artifact(artifact.id, Revoke(reason=WHY))


def test_a_revoked_artifact_and_what_was_made_from_it_are_not_used_again(
    service: Service,
) -> None:
    build, made = built(service, 10, 25, 50)
    revocation = revoke(service, made[25])
    assert {each.id for each in revocation.artifacts} == {made[25].id, made[50].id}
    assert {each.status for each in revocation.artifacts} == {"revoked"}
    assert revocation.builds == (build.number,)
    assert service.client.get_artifact(made[10].id).status == "available"
    assert service.client.get_build(build.number).resume_from == 10
    claim = service.claim(build, 25)
    assert (claim.decision, claim.reason) == ("run", "revoked")
    assert [each.id for each in claim.restore] == [made[10].id]
    assert types_of(service, build).count("artifact.revoked") == 2


def test_what_lies_beside_a_revoked_artifact_stays(service: Service) -> None:
    build = service.make_build()
    done = service.complete(service.claim(build, 10), image("a", "a"), image("b", "b"))
    first, second = done.artifacts
    assert [each.id for each in revoke(service, first).artifacts] == [first.id]
    assert service.client.get_artifact(second.id).status == "available"


def test_a_revocation_follows_into_builds_that_were_derived(service: Service) -> None:
    build, made = built(service, 10, 25, 50)
    derive = BuildDerive(from_state=25, platform="azure")
    child = service.client.derive_build(build.number, derive)
    (own,) = service.complete(service.claim(child, 50), image(content="azure")).artifacts
    grandchild = service.client.derive_build(child.number, BuildDerive(platform="gcp"))
    other = service.client.derive_build(build.number, BuildDerive(from_state=10, platform="oci"))
    assert grandchild.resume_from == 50

    revocation = revoke(service, made[25])
    assert {each.id for each in revocation.artifacts} == {made[25].id, made[50].id, own.id}
    assert {each.id: each.build for each in revocation.artifacts}[own.id] == child.number
    assert revocation.builds == (build.number, child.number, grandchild.number)
    for each in (build, child, grandchild):
        assert service.client.get_build(each.number).resume_from == 10
    assert service.client.get_build(other.number).resume_from == 10
    assert service.client.get_artifact(made[10].id).status == "available"


def test_what_only_a_derived_build_made_is_revoked_there_alone(service: Service) -> None:
    build, made = built(service, 10, 25)
    child = service.client.derive_build(build.number, BuildDerive(platform="azure"))
    (own,) = service.complete(service.claim(child, 50), image(content="azure")).artifacts
    assert revoke(service, own).builds == (child.number,)
    assert service.client.get_build(build.number).resume_from == 25
    assert service.client.get_artifact(made[25].id).status == "available"


def test_a_revocation_said_twice_says_the_same_and_does_nothing_more(service: Service) -> None:
    build, made = built(service, 10, 25)
    first = revoke(service, made[10])
    before = service.counts()
    assert revoke(service, made[10]) == first
    assert service.counts() == before | {"idempotency_keys": before["idempotency_keys"] + 1}
    assert len(list(service.client.interventions(build.number))) == 1


def test_an_unknown_artifact_is_not_revoked(service: Service) -> None:
    build = service.make_build()
    with pytest.raises(NotFound) as refused:
        service.client.revoke_artifact(build.id, Revoke(reason=WHY))
    assert refused.value.field == "artifact"


# --- audited -----------------------------------------------------------------------------------


def test_every_decision_is_kept_with_who_when_and_why(service: Service) -> None:
    build, made = built(service, 10, 25)
    waive(service, build, 30)
    adopt(service, build, 50)
    force(service, build, 50)
    revoke(service, made[25])
    cancel(service, build)
    kept = list(service.client.interventions(build.number))
    assert [(each.kind, each.state, each.lane) for each in kept] == [
        ("waive", 30, ""),
        ("adopt", 50, ""),
        ("force", 50, ""),
        ("revoke", 25, ""),
        ("cancel", None, None),
    ]
    assert {(each.actor, each.reason, each.build) for each in kept} == {
        ("tests", WHY, build.number)
    }
    assert kept[3].artifact == made[25].id
    assert [each.at for each in kept] == sorted(each.at for each in kept)
    events = service.request("GET", f"/v1/builds/{build.number}/events?limit=200").json["items"]
    told = [each for each in events if each["type"] in {f"build.{one.kind}" for one in kept}]
    assert [each["data"]["actor"] for each in told] == ["tests"] * 5
    assert [each["data"]["state"] for each in told] == [30, 50, 50, 25, None]


def test_decisions_are_listed_over_several_pages(service: Service) -> None:
    build, _ = built(service, 10)
    for state in (20, 25, 30):
        waive(service, build, state)
    path = f"/v1/builds/{build.number}/interventions?limit=2"
    page = service.request("GET", path).json
    rest = service.request("GET", f"{path}&cursor={page['next_cursor']}").json
    assert [each["state"] for each in [*page["items"], *rest["items"]]] == [20, 25, 30]
    assert rest["next_cursor"] is None


@pytest.mark.parametrize("path", ["waive", "adopt", "force", "cancel"])
def test_nothing_is_decided_about_an_unknown_build(service: Service, path: str) -> None:
    body: dict[str, Any] = {"reason": WHY} | ({"state": 25} if path != "cancel" else {})
    if path == "adopt":
        body["artifacts"] = [image().model_dump(mode="json")]
    answer = service.request("POST", f"/v1/builds/999/{path}", body)
    assert (answer.status, answer.problem["field"]) == (404, "build")


def test_every_refusal_says_what_to_do_next(service: Service) -> None:
    build, _ = built(service, 10, 25)
    service.claim(build, 50)
    for decide in (
        lambda: waive(service, build, 50),
        lambda: force(service, build, 25),
        lambda: force(service, build, 25, lane="eu"),
    ):
        with pytest.raises(BuildStateError) as refused:
            decide()
        assert refused.value.field
        assert refused.value.hint
