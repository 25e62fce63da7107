"""A policy that is applied: by hand, by the job, and as a dry run."""

from collections.abc import Callable

import pytest
from support import Cluster, Service, serving, until

from buildstate_core.errors import NotFound, Refused
from buildstate_core.models import PackedRecord, RetentionPlan
from buildstate_core.rules.reasons import describe

from .policies import POLICY, STATES, cancel, decided, enqueue, hold, made, status


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
