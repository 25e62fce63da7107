"""What a project's policy keeps and gives up, and that nothing which is needed goes with it."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import psycopg
import pytest
from procrastinate.exceptions import AlreadyEnqueued
from support import Cluster, Service, image, serving, until

from buildstate_api.database import Database
from buildstate_api.jobs import job_queue
from buildstate_core.errors import Conflict, NotFound, Refused
from buildstate_core.models import (
    Artifact,
    ArtifactCreate,
    ArtifactDelete,
    Build,
    BuildDerive,
    Cancel,
    CatalogState,
    HoldCreate,
    PackedRecord,
    ProjectUpdate,
    Quarantine,
    Retention,
    RetentionPlan,
    Revoke,
)
from buildstate_core.rules.reasons import describe

NUMBERS = count()
STATES = tuple(CatalogState(code=code, name=f"State {code}") for code in (10, 25, 100))
POLICY = Retention(keep_delivered_builds=1, keep_delivered=True, keep_days=30, grace_hours=0)


def enqueue(database_url: str, **options: Any) -> None:
    """Put the job that applies all policies on the queue, as soon as no other one waits there."""

    async def defer() -> bool:
        queue = job_queue(database_url, Database.connect(database_url))
        async with queue.open_async():
            try:
                await queue.configure_task("retention", **options).defer_async(timestamp=0)
            except AlreadyEnqueued:
                return False
            return True

    until(lambda: asyncio.run(defer()))


@pytest.fixture(scope="module")
def service(module_service: Service) -> Service:
    """A service whose own job never comes in between: one that waits for tomorrow has its place."""
    enqueue(module_service.database_url, schedule_in={"days": 1})
    return module_service


@pytest.fixture
def project(service: Service) -> str:
    """A project of the test's own, with a policy."""
    return service.make_project(f"images-{next(NUMBERS)}", states=STATES, retention=POLICY)


def made(service: Service, build: Build, state: int, **fields: Any) -> Artifact:
    """Complete a milestone of a build that is wanted for its age: 40 days."""
    record = image(content=f"{build.number}/{state}", **fields)
    lane = fields.get("lane", "")
    [artifact] = service.complete(service.claim(build, state, lane=lane), record).artifacts
    return aged(service, artifact)


def aged(service: Service, artifact: Artifact) -> Artifact:
    service.query(
        "UPDATE artifacts SET created_at = created_at - interval '40 days' WHERE id = %s",
        artifact.id,
    )
    return artifact


def cancel(service: Service, build: Build) -> None:
    service.client.cancel_build(build.number, Cancel(reason="called off"))


def hold(service: Service, artifact: Artifact) -> Artifact:
    return service.client.hold_artifact(artifact.id, HoldCreate(reason="a customer asks"))


def delete(service: Service, artifact: Artifact) -> Artifact:
    return service.client.delete_artifact(artifact.id, ArtifactDelete(reason="not needed"))


def status(service: Service, artifact: Artifact) -> str:
    return service.client.get_artifact(artifact.id).status


def decided(plan: RetentionPlan) -> dict[Any, tuple[bool, str]]:
    return {each.artifact.id: (each.keep, each.reason) for each in plan.items}


# ---- what is kept ----


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


# ---- applied ----


def test_a_dry_run_changes_nothing_and_an_application_does_so_once(
    service: Service, project: str
) -> None:
    build = service.make_build(project)
    packed = PackedRecord(checksum=f"sha256:{'1' * 64}", size_bytes=70)
    whole, small = (
        made(service, build, 10, size_bytes=1000),
        made(service, build, 25, size_bytes=1000, packed=packed),
    )
    cancel(service, build)
    before = service.counts()
    dry = service.client.retention(project)
    assert service.counts() == before
    assert status(service, whole) == "available"
    assert (dry.give_up_count, dry.give_up_bytes) == (2, 1070)
    assert (dry.keep_count, dry.keep_bytes) == (0, 0)

    applied = service.client.apply_retention(project)
    assert applied.marked == (whole.id, small.id)
    assert (applied.dry_run, decided(applied)) == (False, decided(dry))
    shown = service.client.get_artifact(small.id)
    assert [each.artifact for each in applied.items][1] == shown
    assert shown.status == "expired"
    assert shown.removal is not None
    assert shown.removal.reason == describe("too_old:30")
    again = service.client.apply_retention(project)
    assert (again.items, again.marked) == ((), ())
    events = service.request("GET", f"/v1/builds/{build.number}/events?limit=200").json["items"]
    assert [each["type"] for each in events].count("artifact.marked") == 2


def test_what_was_given_up_can_be_held_until_a_worker_removes_it(
    service: Service, project: str
) -> None:
    build = service.make_build(project)
    first, second = made(service, build, 10), made(service, build, 25)
    cancel(service, build)
    service.client.apply_retention(project)
    find = service.client.find_artifacts
    assert [each.id for each in find(project=project, removable=True)] == [first.id, second.id]
    assert hold(service, first).status == "available"
    assert [each.id for each in find(project=project, removable=True)] == [second.id]
    with pytest.raises(Refused):
        service.client.begin_removal(first.id)
    service.client.begin_removal(second.id)
    assert service.client.end_removal(second.id).status == "deleted"
    assert decided(service.client.apply_retention(project)) == {first.id: (True, "on_hold")}


def test_many_builds_take_few_queries(
    service: Service, project: str, queries_of: Callable[[Callable[[], object]], int]
) -> None:
    def dry_run() -> RetentionPlan:
        return service.client.retention(project)

    def add(number: int) -> None:
        for _ in range(number):
            made(service, service.make_build(project), 10)

    add(1)
    of_one = queries_of(dry_run)
    add(6)
    assert queries_of(dry_run) == of_one
    assert dry_run().keep_count == 7


def test_a_job_applies_all_policies(cluster: Cluster, database_url: str) -> None:
    with serving(database_url, cluster.key) as service:
        name = service.make_project(states=STATES, retention=POLICY)
        bare = service.make_project("without-a-policy", states=STATES)
        builds = service.make_build(name), service.make_build(name), service.make_build(bare)
        past = "2020-01-01T00:00:00Z"
        old, young = made(service, builds[0], 25), made(service, builds[1], 25)
        expired = made(service, builds[2], 25, expires_at=past)
        service.query("UPDATE artifacts SET created_at = now() WHERE id = %s", young.id)
        for build in builds:
            cancel(service, build)

        enqueue(database_url)
        until(lambda: {status(service, each) for each in (old, expired)} == {"expired"})
        assert status(service, young) == "available"


def test_an_unknown_project_has_no_retention(service: Service) -> None:
    for act in (service.client.retention, service.client.apply_retention):
        with pytest.raises(NotFound) as refused:
            act("no-such-project")
        assert refused.value.field == "project"


# ---- at the same time as others ----


def in_order(service: Service, build: Build, *acts: Callable[[], Any]) -> list[Any]:
    """Let requests wait for a build's lock and come to it in this order; give what came of each."""

    def waiting() -> int:
        [found] = service.query(
            "SELECT count(DISTINCT l.pid) AS n FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
            " WHERE NOT l.granted AND a.datname = current_database()"
        )
        return int(found["n"])

    def outcome(act: Callable[[], Any]) -> Any:
        try:
            return act()
        except Conflict as refused:
            return refused

    with psycopg.connect(service.database_url) as holder, ThreadPoolExecutor(len(acts)) as pool:
        holder.execute("SELECT FROM builds WHERE id = %s FOR UPDATE", [build.id])
        outcomes = []
        for number, act in enumerate(acts, 1):
            outcomes.append(pool.submit(outcome, act))
            until(lambda wanted=number: waiting() >= wanted)
        holder.rollback()
        return [each.result(30) for each in outcomes]


def giving_up(service: Service, artifact: Artifact, project: str, how: str) -> Any:
    """Give an artifact up by the policy, or by a person."""
    if how == "delete":
        return delete(service, artifact)
    return artifact.id in service.client.apply_retention(project).marked


@pytest.mark.parametrize("how", ["policy", "delete"])
@pytest.mark.parametrize("is_first", [True, False])
def test_a_claim_finds_the_mark_or_keeps_it_away(
    service: Service, project: str, how: str, *, is_first: bool
) -> None:
    # Delivered in one lane: nobody needs the trunk's checkpoint, until another lane begins.
    service.client.update_project(
        project,
        ProjectUpdate(
            retention=Retention(keep_delivered_builds=0, keep_delivered=False, keep_days=1)
        ),
    )
    build = service.make_build(project)
    artifact = made(service, build, 25)
    service.complete(service.claim(build, 100, lane="eu"), image(content=f"{project}/eu"))
    assert service.client.get_build(build.number).status == "completed"

    def give_up() -> Any:
        return giving_up(service, artifact, project, how)

    def claim() -> Any:
        return service.claim(build, 100, lane="us")

    if is_first:
        _, claimed = in_order(service, build, give_up, claim)
        assert status(service, artifact) == "expired"
        assert isinstance(claimed, Conflict) or artifact.id not in {
            each.id for each in claimed.restore
        }
    else:
        claimed, given = in_order(service, build, claim, give_up)
        assert [each.id for each in claimed.restore] == [artifact.id]
        assert status(service, artifact) == "available"
        assert given is False or given.code == "artifact-needed"


@pytest.mark.parametrize("how", ["policy", "delete"])
@pytest.mark.parametrize("is_first", [True, False])
def test_a_derived_build_finds_the_mark_or_keeps_it_away(
    service: Service, project: str, how: str, *, is_first: bool
) -> None:
    build = service.make_build(project)
    artifact = made(service, build, 25)
    cancel(service, build)

    def give_up() -> Any:
        return giving_up(service, artifact, project, how)

    def derive() -> Any:
        return service.client.derive_build(build.number, BuildDerive(platform="azure"))

    if is_first:
        _, derived = in_order(service, build, give_up, derive)
        assert (status(service, artifact), derived.code) == ("expired", "not-a-checkpoint")
    else:
        derived, given = in_order(service, build, derive, give_up)
        assert derived.resume_from == 25
        assert status(service, artifact) == "available"
        assert given is False or given.code == "artifact-needed"
        assert service.claim(derived, 25).artifacts[0].id == artifact.id


@pytest.mark.parametrize("how", ["policy", "delete"])
@pytest.mark.parametrize("is_first", [True, False])
def test_a_hold_takes_the_mark_back_or_keeps_it_away(
    service: Service, project: str, how: str, *, is_first: bool
) -> None:
    build = service.make_build(project)
    artifact = made(service, build, 25)
    cancel(service, build)
    acts = [
        lambda: giving_up(service, artifact, project, how),
        lambda: hold(service, artifact),
    ]
    in_order(service, build, *(acts if is_first else acts[::-1]))
    shown = service.client.get_artifact(artifact.id)
    assert (shown.status, shown.hold is not None, shown.removal) == ("available", True, None)


@pytest.mark.parametrize("is_first", [True, False])
def test_a_checkpoint_that_becomes_the_resume_point_is_kept_if_it_is_not_marked(
    service: Service, project: str, *, is_first: bool
) -> None:
    build = service.make_build(project)
    below, point = made(service, build, 10), made(service, build, 25)
    acts: list[Callable[[], Any]] = [
        lambda: service.client.apply_retention(project).marked,
        lambda: service.client.quarantine(point.id, Quarantine(reason="artifact_gone")),
    ]
    in_order(service, build, *(acts if is_first else acts[::-1]))
    if is_first:
        assert status(service, below) == "expired"
        with pytest.raises(Refused) as refused:
            service.claim(build, 25)
        assert (refused.value.code, refused.value.state) == ("run-first", 10)
    else:
        assert [each.id for each in service.claim(build, 25).restore] == [below.id]
    assert service.client.get_build(build.number).resume_from == (None if is_first else 10)


@pytest.mark.parametrize("is_first", [True, False])
def test_of_a_hold_and_a_removal_one_wins(
    service: Service, project: str, *, is_first: bool
) -> None:
    build = service.make_build(project)
    artifact = made(service, build, 25)
    cancel(service, build)
    service.client.apply_retention(project)
    acts: list[Callable[[], Any]] = [
        lambda: service.client.begin_removal(artifact.id),
        lambda: hold(service, artifact),
    ]
    outcomes = in_order(service, build, *(acts if is_first else acts[::-1]))
    assert isinstance(outcomes[0], Artifact)
    assert outcomes[1].code == ("artifact-being-removed" if is_first else "not-removable")
