import contextlib
from collections.abc import Callable
from typing import Any

import pytest
from support import Service, image

from buildstate_core.errors import Conflict, Held, NotFound
from buildstate_core.models import (
    Attempt,
    Build,
    BuildCreate,
    BuildDerive,
    Cancel,
    CatalogState,
    Force,
    Quarantine,
    Revoke,
    Waive,
)
from buildstate_core.vocabulary import AttemptStatus, Kind

AtOnce = Callable[[int, Callable[[int], Any]], list[Any]]


def common(service: Service, *states: int, **fields: Any) -> Build:
    """A build of `rhel-common` with a checkpoint at each of these states."""
    build = service.make_build("rhel-common", **{"version": "9.6", **fields})
    for state in states:
        service.complete(service.claim(build, state), image(content=f"common {state}"))
    return build


def derive(service: Service, parent: Build, state: int | None = None, **fields: Any) -> Build:
    wanted = {"platform": "azure", **fields}
    if state is not None:
        wanted["from_state"] = state
    return service.client.derive_build(parent.number, BuildDerive(**wanted))


def newest(service: Service, build: Build, state: int) -> Attempt:
    return [each for each in service.client.history(build.number) if each.state == state][-1]


def derivation(build: Build) -> tuple[int | None, int | None]:
    return (build.derived_from, build.derived_state)


# --- where it starts ---------------------------------------------------------------------------


def test_a_derived_build_continues_from_its_parents_checkpoint(service: Service) -> None:
    parent = common(service, 10, 40)
    child = derive(service, parent, 40)
    assert derivation(child) == (parent.number, 40)
    assert (child.status, child.resume_from, child.started_at) == ("pending", 40, None)
    for state in (10, 40):
        claim = service.claim(child, state)
        assert (claim.decision, claim.reason) == ("skip", f"derived_from:{parent.number}")
        assert claim.attempt.build == parent.number
    assert service.claim(child, 60).restore == newest(service, parent, 40).artifacts


def test_without_a_state_it_starts_from_the_resume_point(service: Service) -> None:
    parent = common(service, 10, 25)
    service.fail(service.claim(parent, 40))
    assert derivation(derive(service, parent)) == (parent.number, 25)


def test_what_is_not_said_is_as_in_the_parent(service: Service) -> None:
    parent = common(service, 10, image_type="base", labels={"team": "platform"})
    child = derive(service, parent)
    assert (child.project, child.version, child.platform) == ("rhel-common", "9.6", "azure")
    assert (child.os, child.image_type, child.labels) == ("rhel-9", "base", {"team": "platform"})
    assert child.key == "9.6/azure/rhel-9/base"
    assert derive(service, parent, platform="gcp", labels={}).labels == {}


def test_what_the_parent_does_later_is_not_the_childs(service: Service) -> None:
    parent = common(service, 10, 25)
    child = derive(service, parent, 10)
    service.client.force(parent.number, Force(state=10, reason="again"))
    service.complete(service.claim(parent, 10), image(content="made again"))
    assert service.claim(child, 10).artifacts[0].checksum == image(content="common 10").checksum
    assert [each.state for each in service.client.plan(child.number).milestones][:2] == [10, 15]


def test_what_the_parent_says_later_of_a_report_left_open_is_not_about_the_child(
    service: Service,
) -> None:
    parent = common(service, 10)
    service.report(parent, 20, AttemptStatus.IN_PROGRESS)
    service.complete(service.claim(parent, 25), image(content="common 25"))
    child = derive(service, parent, 25)
    service.report(parent, 20, AttemptStatus.FAILED)
    assert service.client.get_build(parent.number).resume_from == 10
    assert service.client.waive(child.number, Waive(state=5, reason="not here")).attempt == 1
    assert service.client.get_build(child.number).resume_from == 25


def test_the_childs_history_is_its_own(service: Service) -> None:
    parent = common(service, 10, 25)
    child = derive(service, parent)
    service.complete(service.claim(child, 50), image(content="azure"))
    assert [each.state for each in service.client.history(child.number)] == [50]
    shown = service.client.get_build(child.number)
    assert shown.started_at is not None
    assert shown.started_at > child.created_at
    assert (shown.frontier, shown.resume_from, shown.status) == (50, 50, "in_progress")


def test_an_inherited_state_that_is_made_anew_is_attempt_one(service: Service) -> None:
    parent = common(service, 10, 25)
    child = derive(service, parent)
    reported = service.report(child, 25, AttemptStatus.COMPLETED, image(content="other"))
    assert (reported.attempt, reported.build) == (1, child.number)
    assert service.claim(child, 50).restore == reported.artifacts
    waived = service.client.waive(child.number, Waive(state=10, reason="not here"))
    assert (waived.attempt, waived.build) == (1, child.number)


def test_a_build_can_derive_from_a_lane(service: Service) -> None:
    parent = common(service, 10)
    for lane in ("eu", "us"):
        service.complete(service.claim(parent, 60, lane=lane), image(content=lane))
    child = derive(service, parent, 60, lane="eu")
    assert (child.lanes, child.resume_from) == ((), 60)
    assert service.claim(child, 60).artifacts[0].checksum == image(content="eu").checksum
    assert derive(service, parent, platform="gcp").derived_state == 10
    with pytest.raises(NotFound, match="Its lanes are: eu, us") as refused:
        derive(service, parent, platform="oci", lane="ap")
    assert refused.value.field == "lane"


def test_a_grandchild_inherits_what_its_parent_inherited(service: Service) -> None:
    parent = common(service, 10, 25)
    child = derive(service, parent)
    service.complete(service.claim(child, 50), image(content="azure"))
    grandchild = derive(service, child, platform="azure-gov")
    assert derivation(grandchild) == (child.number, 50)
    makers = {state: service.claim(grandchild, state).attempt.build for state in (10, 25, 50)}
    assert makers == {10: parent.number, 25: parent.number, 50: child.number}
    old = derive(service, child, 25, platform="other")
    assert derivation(old) == (child.number, 25)


def test_a_build_of_another_project_has_that_projects_catalogue(service: Service) -> None:
    parent = common(service, 10)
    service.make_project("rhel-azure", storage_url="s3://azure")
    child = derive(service, parent, project="rhel-azure", platform="aws")
    assert (child.project, child.key) == ("rhel-azure", parent.key)
    assert service.claim(child, 25).storage_url == "s3://azure"


def ended_as(service: Service, parent: Build, how: str) -> None:
    if how == "completed":
        service.complete(service.claim(parent, 100), image(content="delivered"))
    elif how == "failed":
        service.fail(service.claim(parent, 50))
    elif how == "cancelled":
        service.client.cancel_build(parent.number, Cancel(reason="not needed"))
    else:
        service.make_build("rhel-common", version="9.6", restart=True)


@pytest.mark.parametrize("how", ["completed", "failed", "cancelled", "superseded"])
def test_a_build_can_derive_from_one_that_takes_no_more_work(service: Service, how: str) -> None:
    parent = common(service, 10, 25)
    ended_as(service, parent, how)
    child = derive(service, parent, 25)
    assert derivation(child) == (parent.number, 25)
    assert service.claim(child, 50).decision == "run"


# --- what is refused ---------------------------------------------------------------------------


def refusal(service: Service, parent: Build, state: int | None = None) -> Conflict:
    before = service.counts()
    with pytest.raises(Conflict) as refused:
        derive(service, parent, state)
    assert (refused.value.code, refused.value.field) == ("not-a-checkpoint", "from_state")
    assert service.counts() == before
    return refused.value


def test_only_a_usable_checkpoint_can_be_derived_from(service: Service) -> None:
    parent = common(service, 10, 25)
    service.complete(service.claim(parent, 30), kind=Kind.STEP)
    service.fail(service.claim(parent, 40))
    for state, why in {
        30: "it left no artifact to continue from",
        35: "nothing is recorded there",
        40: "it is failed",
        50: "state 40 below it is failed",
    }.items():
        refused = refusal(service, parent, state)
        assert why in refused.message
        assert refused.hint == "Start from one that can be used: 10, 25."


def test_a_checkpoint_with_something_broken_below_it_is_refused(service: Service) -> None:
    parent = common(service, 10, 25)
    (artifact,) = newest(service, parent, 10).artifacts
    service.client.quarantine(artifact.id, Quarantine(reason="artifact_gone"))
    refused = refusal(service, parent, 25)
    assert "state 10 below it left an artifact that is quarantined" in refused.message
    assert f"bldst plan {parent.number}" in (refused.hint or "")


def test_what_was_forced_is_no_checkpoint_until_it_is_made_again(service: Service) -> None:
    parent = common(service, 10, 25)
    service.client.force(parent.number, Force(state=25, reason="again"))
    assert "a person asked for that" in refusal(service, parent, 25).message
    service.complete(service.claim(parent, 25), image(content="again"))
    assert derive(service, parent).derived_state == 25


def test_a_build_without_a_checkpoint_cannot_be_derived_from(service: Service) -> None:
    assert "has no checkpoint yet" in refusal(service, common(service)).message


def test_what_is_being_made_again_below_the_checkpoint_is_waited_for(service: Service) -> None:
    parent = common(service, 10, 25)
    gate = service.claim(parent, 20, kind=Kind.GATE, worker="packer-07")
    with pytest.raises(Held, match="packer-07") as refused:
        derive(service, parent, 25)
    assert (refused.value.holder, refused.value.field) == ("packer-07", "from_state")
    assert derive(service, parent, 10).resume_from == 10
    service.complete(gate)


def test_a_derived_build_is_not_its_own_parent(service: Service) -> None:
    parent = common(service, 10)
    with pytest.raises(Conflict, match="of its own") as refused:
        derive(service, parent, platform=parent.platform)
    assert (refused.value.code, refused.value.field) == ("derived-key-taken", "key")
    assert all(flag in (refused.value.hint or "") for flag in ("--platform", "--version", "--key"))
    assert derive(service, parent, platform=parent.platform, key="mine").key == "mine"


def test_nothing_derives_from_an_unknown_build(service: Service) -> None:
    common(service, 10)
    answer = service.request("POST", "/v1/builds/999/derive", {})
    assert (answer.status, answer.problem["field"]) == (404, "build")
    for ref in ("999", "none", "rhel-common/none", "none/9.6", "rhel-common/", "/"):
        body = {"project": "rhel-common", "version": "1", "derived_from": ref}
        answer = service.request("POST", "/v1/builds", body)
        assert (answer.status, answer.problem["field"]) == (404, "derived_from"), ref


# --- said twice --------------------------------------------------------------------------------


def test_the_same_derivation_is_the_same_build(service: Service) -> None:
    parent = common(service, 10, 25)
    path, body = f"/v1/builds/{parent.number}/derive", {"from_state": 25, "platform": "azure"}
    first, again = (service.request("POST", path, body) for _ in range(2))
    assert (first.status, again.status) == (201, 200)
    assert again.json["id"] == first.json["id"]


def test_an_open_start_means_the_same_build_when_the_parent_has_come_further(
    service: Service,
) -> None:
    parent = common(service, 10)
    first = derive(service, parent)
    service.complete(service.claim(parent, 25), image(content="further"))
    assert derive(service, parent) == first


def test_another_derivation_of_the_same_key_is_refused(service: Service) -> None:
    parent = common(service, 10, 25)
    derive(service, parent, 25)
    other = common(service, 10, version="9.7")
    for again, field in (
        (lambda: derive(service, parent, 10), "from_state"),
        (lambda: derive(service, other, version="9.6"), "build"),
        (lambda: derive(service, parent, 25, lane="eu"), "lane"),
    ):
        with pytest.raises(Conflict, match=f"state 25 of build {parent.number}") as refused:
            again()
        assert (refused.value.code, refused.value.field) == ("derived-otherwise", field)
        assert refused.value.hint
    service.make_build("rhel-common", key="plain")
    with pytest.raises(Conflict, match="starts from nothing"):
        derive(service, parent, key="plain")


def test_ten_that_derive_at_once_agree_on_one_build(service: Service, at_once: AtOnce) -> None:
    parent = common(service, 10, 25)
    builds = at_once(10, lambda _: derive(service, parent, 25))
    assert len({each.id for each in builds}) == 1
    assert service.counts()["inherited_attempts"] == 2


def test_a_parent_without_a_version_gives_one_build_for_each_platform(service: Service) -> None:
    parent = common(service, 10, version=None)
    other = common(service, 10, version=None)
    first, again, apart = (derive(service, each) for each in (parent, parent, other))
    assert first.id == again.id
    assert apart.id != first.id


def test_what_touches_several_builds_at_once_neither_waits_for_ever_nor_leaves_a_gap(
    service: Service, at_once: AtOnce
) -> None:
    parent = common(service, 10, 25)
    child = derive(service, parent, platform="first")
    (artifact,) = newest(service, parent, 25).artifacts

    def disturb(which: int) -> None:
        match which % 5:
            case 0:
                with contextlib.suppress(Conflict):  # when the revocation was faster
                    derive(service, child, 25, platform=f"p{which}")
            case 1:
                service.client.revoke_artifact(artifact.id, Revoke(reason="compromised"))
            case 2:
                state = CatalogState(code=60 + which, name="New")
                service.client.insert_state("rhel-common", state, apply_to_open=True)
            case 3:
                service.report(child, 5, AttemptStatus.COMPLETED)
            case _:
                service.report(parent, 5, AttemptStatus.COMPLETED)

    at_once(20, disturb)
    for build in service.client.list_builds():
        assert build.resume_from == 10, build
        assert service.claim(build, 25).reason == "revoked"


# --- at creation -------------------------------------------------------------------------------


def create(service: Service, ref: str, **fields: Any) -> Build:
    wanted = {"project": "rhel-azure", "version": "9.6", "platform": "azure", **fields}
    return service.client.create_build(BuildCreate(derived_from=ref, **wanted))


def test_a_parent_is_named_by_number_id_key_or_version(service: Service) -> None:
    service.make_project("rhel-azure")
    parent = common(service, 10, 40)
    names = (str(parent.number), str(parent.id), f"rhel-common/{parent.key}", "rhel-common/9.6")
    found = {create(service, name, derived_state=40).number for name in names}
    assert len(found) == 1
    child = service.client.get_build(found.pop())
    assert (derivation(child), child.key) == ((parent.number, 40), "9.6/azure/-/-")


def test_of_several_builds_of_a_version_one_has_to_be_named(service: Service) -> None:
    service.make_project("rhel-azure")
    first = common(service, 10)
    common(service, 10, platform="gcp")
    with pytest.raises(Conflict) as refused:
        create(service, "rhel-common/9.6")
    assert (refused.value.code, refused.value.field) == ("ambiguous-build", "derived_from")
    assert "9.6/gcp/rhel-9/-" in refused.value.message
    exact = create(service, "rhel-common/9.6/aws/rhel-9/-", version="other")
    assert exact.derived_from == first.number


def test_what_became_of_a_version_is_not_taken_for_it(service: Service) -> None:
    parent = common(service, 40)

    def flow(platform: str) -> Build:
        """Ask as each run of a flow does."""
        return create(
            service,
            "rhel-common/9.6",
            project="rhel-common",
            platform=platform,
            derived_state=40,
        )

    azure, aws = flow("azure"), flow("aws")
    assert flow("azure") == azure
    assert (azure.derived_from, aws.derived_from) == (parent.number, parent.number)
    assert create(service, f"#{parent.number}", project="rhel-common", platform="x").derived_from


@pytest.mark.parametrize("field", ["derived_state", "derived_lane"])
def test_where_to_start_needs_the_build_to_start_from(service: Service, field: str) -> None:
    service.make_project()
    value = 40 if field == "derived_state" else "eu"
    answer = service.request("POST", "/v1/builds", {"project": "rhel-base", field: value})
    assert answer.status == 422
    assert answer.problem["field"] == "derived_from"


def test_a_restart_starts_from_the_checkpoint_again(service: Service) -> None:
    service.make_project("rhel-azure")
    parent = common(service, 10, 40)
    old = create(service, str(parent.number), derived_state=10)
    new = create(service, str(parent.number), derived_state=40, restart=True)
    assert (new.number, new.resume_from) == (old.number + 1, 40)
    assert create(service, str(parent.number), derived_state=40) == new


def test_a_request_that_does_not_say_from_where_gets_the_derived_build(service: Service) -> None:
    service.make_project("rhel-azure")
    child = create(service, str(common(service, 10).number))
    wanted = BuildCreate(project="rhel-azure", version="9.6", platform="azure")
    assert service.client.create_build(wanted) == child


# --- afterwards --------------------------------------------------------------------------------


def test_derived_builds_are_found_by_their_parent(service: Service) -> None:
    parent = common(service, 10)
    children = [derive(service, parent, platform=each) for each in ("azure", "gcp")]
    derive(service, children[0], platform="deeper")
    for ref in (parent.number, str(parent.id)):
        found = service.client.list_builds(derived_from=ref)
        assert [each.number for each in found] == [each.number for each in reversed(children)]
    with pytest.raises(NotFound) as refused:
        list(service.client.list_builds(derived_from=999))
    assert refused.value.field == "derived_from"


def test_an_artifact_that_a_child_finds_gone_is_gone_for_all(service: Service) -> None:
    parent = common(service, 10, 25)
    child = derive(service, parent)
    (artifact,) = service.claim(child, 25).artifacts
    assert artifact.build == parent.number
    service.client.quarantine(artifact.id, Quarantine(reason="artifact_corrupt"))
    for build in (parent, child):
        assert service.client.get_build(build.number).resume_from == 10
        claim = service.claim(build, 25)
        assert (claim.decision, claim.reason) == ("run", "artifact_corrupt")


def test_a_parent_and_its_artifacts_stay_as_long_as_a_child_is_there(service: Service) -> None:
    parent = common(service, 10)
    derive(service, parent)
    kept = service.query(
        "SELECT attempt_id FROM inherited_attempts JOIN build_states ON id = attempt_id"
        " WHERE build_states.build_id = %s",
        str(parent.id),
    )
    assert len(kept) == 1


def test_the_events_of_a_derived_build_tell_where_it_comes_from(service: Service) -> None:
    parent = common(service, 10)
    child = derive(service, parent)
    (first, *_) = service.request("GET", f"/v1/builds/{child.number}/events").json["items"]
    assert first["type"] == "build.created"
    assert first["data"]["derived_from"] == parent.number
    assert first["data"]["derived_state"] == 10
