"""Builds that start from another's checkpoint: what they inherit, and what stays the parent's."""

import pytest
from support import Service, image

from buildstate_core.errors import NotFound
from buildstate_core.models import Build, Cancel, Force, Quarantine, Waive
from buildstate_core.vocabulary import AttemptStatus

from .deriving import common, derivation, derive, newest

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
