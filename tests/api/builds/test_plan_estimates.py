from typing import Any

import pytest
from support import Service, image

from buildstate_core.models import Build, CatalogSet, CatalogState, Plan, PlannedMilestone
from buildstate_core.vocabulary import ArtifactKind, AttemptStatus

GIB = 2**30


def sized(size_bytes: int, name: str = "image.qcow2", **fields: Any) -> Any:
    return image(name, content=f"{name} {size_bytes}", size_bytes=size_bytes, **fields)


def ran(service: Service, build: Build, state: int, seconds: float, **fields: Any) -> None:
    """Have a state run, and record that it took that long."""
    done = service.complete(service.claim(build, state, **fields), image(content=str(state)))
    service.query(
        "UPDATE run_samples SET seconds = %s WHERE attempt_id = %s", seconds, str(done.id)
    )


def past(service: Service, state: int, *seconds: float, **fields: Any) -> None:
    """Have a state run in builds of their own."""
    for n, each in enumerate(seconds):
        ran(service, service.make_build(key=f"{fields} {state} {n} {each}", **fields), state, each)


def planned(plan: Plan) -> dict[int, PlannedMilestone]:
    return {each.state: each for each in plan.milestones}


def with_catalog(service: Service, *states: CatalogState) -> None:
    service.make_project("rhel-base", states=states)


# --- what is downloaded ------------------------------------------------------------------------


def test_a_plan_says_what_would_be_downloaded(service: Service) -> None:
    build = service.make_build()
    service.complete(service.claim(build, 10), sized(5 * GIB))
    handle = sized(
        7, "ami", kind=ArtifactKind.HANDLE, storage_type="ami", uri="ami-0", checksum=None
    )
    service.complete(service.claim(build, 25), sized(3 * GIB), sized(GIB, "vars.fd"), handle)
    service.fail(service.claim(build, 50))
    plan = service.client.plan(build.number)
    assert {state: each.download_bytes for state, each in planned(plan).items() if state < 51} == {
        10: 0,
        25: 4 * GIB,
        50: 0,
    }
    assert plan.download_bytes == 4 * GIB


def test_what_several_lanes_need_is_counted_once(service: Service) -> None:
    build = service.make_build()
    service.complete(service.claim(build, 10), sized(GIB))
    for lane in ("eu", "us"):
        service.fail(service.claim(build, 60, lane=lane))
    assert service.client.plan(build.number).download_bytes == GIB


def test_what_has_no_known_size_counts_as_nothing(service: Service) -> None:
    build = service.make_build()
    service.report(build, 10, AttemptStatus.COMPLETED, image(size_bytes=None, checksum=None))
    assert service.client.plan(build.number).download_bytes == 0


# --- how long it takes -------------------------------------------------------------------------


def test_a_run_is_remembered_with_what_it_took(service: Service) -> None:
    build = service.make_build(platform="gcp")
    trunk = service.complete(service.claim(build, 10), image())
    lane = service.complete(service.claim(build, 60, lane="eu"), image())
    found = {
        str(each.pop("attempt_id")): each
        for each in service.query(
            "SELECT attempt_id, name, platform, state, is_in_lane, ended_at, seconds"
            " FROM run_samples JOIN projects ON id = project_id"
        )
    }
    assert found == {
        str(each.id): {
            "name": "rhel-base",
            "platform": "gcp",
            "state": each.state,
            "is_in_lane": each.lane != "",
            "ended_at": each.finished_at,
            "seconds": each.duration_seconds,
        }
        for each in (trunk, lane)
    }


def test_a_state_takes_as_long_as_half_of_the_last_runs_took(service: Service) -> None:
    with_catalog(service, CatalogState(code=100, name="Done", expected_seconds=60))
    build = service.make_build(key="new")
    assert planned(service.client.plan(build.number))[100].expected_seconds == 60
    past(service, 100, 10, 30, 1000)
    plan = service.client.plan(build.number)
    assert planned(plan)[100].expected_seconds == pytest.approx(30)
    assert plan.expected_seconds == pytest.approx(30)


def test_runs_on_the_same_platform_count_before_others(service: Service) -> None:
    with_catalog(service, CatalogState(code=50, name="Apps"), CatalogState(code=100, name="Done"))
    past(service, 50, 10, 20, 30, platform="gcp")
    past(service, 100, 40, platform="gcp")
    past(service, 50, 600)
    plan = planned(service.client.plan(service.make_build(key="new").number))
    assert plan[50].expected_seconds == pytest.approx(600)
    assert plan[100].expected_seconds == pytest.approx(40)


def test_only_the_last_twenty_runs_count(service: Service) -> None:
    with_catalog(service, CatalogState(code=100, name="Done"))
    past(service, 100, *[1000.0] * 22, *[10.0] * 20)
    plan = service.client.plan(service.make_build(key="new").number)
    assert plan.expected_seconds == pytest.approx(10)


def test_failures_reports_and_other_projects_tell_no_duration(service: Service) -> None:
    with_catalog(service, CatalogState(code=100, name="Done"))
    service.fail(service.claim(service.make_build(key="failed"), 100))
    reported = service.make_build(key="reported")
    for status in (AttemptStatus.IN_PROGRESS, AttemptStatus.COMPLETED):
        service.report(reported, 100, status)
    ran(service, service.make_build("other"), 100, 5)
    plan = service.client.plan(service.make_build(key="new").number)
    assert planned(plan)[100].expected_seconds is None
    assert plan.expected_seconds is None


def test_what_is_done_takes_no_time(service: Service) -> None:
    with_catalog(
        service,
        CatalogState(code=10, name="Base", expected_seconds=100),
        CatalogState(code=100, name="Done", expected_seconds=60),
    )
    build = service.make_build()
    ran(service, build, 10, 100)
    plan = service.client.plan(build.number)
    assert (planned(plan)[10].expected_seconds, plan.expected_seconds) == (None, 60)
    ran(service, build, 100, 60)
    assert service.client.plan(build.number).expected_seconds == 0


def test_what_a_worker_has_is_still_to_be_waited_for(service: Service) -> None:
    with_catalog(service, CatalogState(code=100, name="Done", expected_seconds=60))
    build = service.make_build()
    service.claim(build, 100)
    plan = service.client.plan(build.number)
    assert (planned(plan)[100].decision, plan.expected_seconds) == ("wait", 60)


def test_the_trunk_comes_first_and_then_the_slowest_lane(service: Service) -> None:
    states = [(10, 100), (60, 20), (100, 5)]
    with_catalog(
        service,
        *(CatalogState(code=code, name="x", expected_seconds=each) for code, each in states),
    )
    build = service.make_build()
    ran(service, build, 10, 100)
    for lane in ("eu", "us"):
        service.fail(service.claim(build, 60, lane=lane))
    ran(service, build, 60, 20, lane="eu")
    assert service.client.plan(build.number).expected_seconds == pytest.approx(25)  # us: 60, 100


def test_a_plan_takes_one_query_for_all_durations(service: Service, queries_of: Any) -> None:
    service.make_project()
    few = CatalogSet(states=(CatalogState(code=100, name="Done"),))
    service.client.set_catalog("rhel-base", few)
    small = service.make_build(key="small")
    many = tuple(CatalogState(code=code, name="x") for code in range(101))
    service.client.set_catalog("rhel-base", CatalogSet(states=many))
    large = service.make_build(key="large")
    counts = {
        queries_of(lambda each=each: service.client.plan(each.number)) for each in (small, large)
    }
    assert len(counts) == 1
