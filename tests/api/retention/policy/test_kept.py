"""What a policy keeps and gives up, and that nothing which is needed goes with it."""

import pytest
from support import Service, image

from buildstate_core.errors import Refused
from buildstate_core.models import ArtifactCreate, BuildDerive, Quarantine, Revoke
from buildstate_core.rules.reasons import describe

from .policies import POLICY, STATES, aged, cancel, decided, delete, hold, made, status


def test_what_is_delivered_stays_and_of_the_newest_builds_all_checkpoints(
    service: Service, project: str
) -> None:
    old, new = (
        {state: made(service, build, state) for state in (10, 25, 100)}
        for build in (service.make_build(project) for _ in range(2))
    )
    plan = service.client.retention(project)
    given_up = (False, "too_old:30")
    assert decided(plan) == {
        old[10].id: given_up,
        old[25].id: given_up,
        old[100].id: (True, "delivered"),
        new[10].id: (True, "recent_delivery"),
        new[25].id: (True, "recent_delivery"),
        new[100].id: (True, "delivered"),
    }
    assert (plan.dry_run, plan.policy, plan.marked) == (True, POLICY, ())


def test_what_open_builds_need_stays(service: Service, project: str) -> None:
    failed, parent, at_work = (service.make_build(project) for _ in range(3))
    below, point = made(service, failed, 10), made(service, failed, 25)
    service.fail(service.claim(failed, 100))
    start, inherited = made(service, parent, 10), made(service, parent, 25)
    child = service.client.derive_build(parent.number, BuildDerive(platform="azure"))
    cancel(service, parent)
    claim = service.claim(at_work, 10)
    record = image(content=str(at_work.number)).model_dump() | {"state": 10, "token": claim.token}
    unfinished = service.client.create_artifact(
        at_work.number, ArtifactCreate.model_validate(record)
    )
    aged(service, unfinished)
    plan = service.client.retention(project)
    assert decided(plan) == {
        below.id: (False, "too_old:30"),
        point.id: (True, f"open_build:{failed.number}"),
        start.id: (False, "too_old:30"),
        inherited.id: (True, f"open_build:{child.number}"),
        unfinished.id: (True, f"open_build:{at_work.number}"),
    }
    assert {each.text for each in plan.items} >= {describe(f"open_build:{child.number}")}


def test_what_a_worker_at_work_was_given_stays_though_it_was_made_anew(
    service: Service, project: str
) -> None:
    build = service.make_build(project)
    first = service.claim(build, 10, fingerprint={"code": "one"})
    given = aged(service, service.complete(first, image()).artifacts[0])
    claim = service.claim(build, 25)
    assert [each.id for each in claim.restore] == [given.id]
    anew = service.claim(build, 10, fingerprint={"code": "another"})
    service.complete(anew, image(content="another"))
    service.client.apply_retention(project)
    assert status(service, given) == "available"
    with pytest.raises(Refused) as refused:
        delete(service, given)
    assert refused.value.code == "artifact-needed"

    service.complete(claim)
    service.client.apply_retention(project)
    assert status(service, given) == "expired"


def test_what_is_held_or_young_stays_and_what_is_out_of_use_goes_by_its_age(
    service: Service, project: str
) -> None:
    builds = [service.make_build(project) for _ in range(4)]
    held, young, revoked, corrupt = (made(service, build, 25) for build in builds)
    hold(service, held)
    service.query("UPDATE artifacts SET created_at = now() WHERE id = %s", young.id)
    service.client.revoke_artifact(revoked.id, Revoke(reason="it has a leaked key"))
    service.client.quarantine(corrupt.id, Quarantine(reason="artifact_corrupt"))
    for build in builds:
        cancel(service, build)
    assert decided(service.client.retention(project)) == {
        held.id: (True, "on_hold"),
        young.id: (True, "young:30"),
        revoked.id: (False, "too_old:30"),
        corrupt.id: (False, "too_old:30"),
    }
    service.client.apply_retention(project)
    assert [status(service, each) for each in (revoked, corrupt)] == ["revoked", "quarantined"]
    assert service.client.get_artifact(revoked.id).removal is not None


def test_what_a_build_derived_in_another_project_needs_stays(
    service: Service, project: str
) -> None:
    parent = service.make_build(project)
    artifact = made(service, parent, 25)
    other = service.make_project(f"{project}-other", states=STATES)
    child = service.client.derive_build(parent.number, BuildDerive(project=other))
    cancel(service, parent)
    kept = {artifact.id: (True, f"open_build:{child.number}")}
    assert decided(service.client.apply_retention(project)) == kept
    cancel(service, child)
    assert service.client.apply_retention(project).marked == (artifact.id,)


def test_a_build_that_was_restarted_needs_nothing(service: Service, project: str) -> None:
    build = service.make_build(project, version="1")
    artifact = made(service, build, 25)
    service.make_build(project, version="1", restart=True)
    assert service.client.apply_retention(project).marked == (artifact.id,)


def test_without_a_policy_only_what_expires_by_itself_goes(service: Service, project: str) -> None:
    service.request("PATCH", f"/v1/projects/{project}", {"retention": None})
    done, going_on = service.make_build(project), service.make_build(project)
    past = "2020-01-01T00:00:00Z"
    old, expired = made(service, done, 10), made(service, done, 25, expires_at=past)
    needed = made(service, going_on, 25, expires_at=past)
    cancel(service, done)
    plan = service.client.apply_retention(project)
    assert plan.policy is None
    assert decided(plan) == {
        old.id: (True, "no_policy"),
        expired.id: (False, "past_expiry"),
        needed.id: (True, f"open_build:{going_on.number}"),
    }
    assert plan.marked == (expired.id,)
    removal = service.client.get_artifact(expired.id).removal
    assert removal is not None
    assert (removal.due_at - removal.at).total_seconds() == 24 * 3600
