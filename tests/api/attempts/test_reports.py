from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from support import Service, image

from buildstate_core.errors import Conflict, Held
from buildstate_core.models import Attempt, Report
from buildstate_core.vocabulary import AttemptStatus

IN_PROGRESS, COMPLETED, FAILED = (
    AttemptStatus.IN_PROGRESS,
    AttemptStatus.COMPLETED,
    AttemptStatus.FAILED,
)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def minutes(count: int) -> datetime:
    return NOON + timedelta(minutes=count)


def test_a_build_that_failed_at_50_resumes_from_the_artifact_of_25(service: Service) -> None:
    build = service.make_build()
    service.report(build, 5, IN_PROGRESS)
    left = image(uri="s3://builds/proj-123/build-456/state-25/image.qcow2")
    reported = service.report(build, 25, COMPLETED, left)
    service.report(build, 50, FAILED, message="mirror timed out")

    shown = service.client.get_build(build.number)
    assert (shown.current_state, shown.status) == (50, "failed")
    assert shown.current_state_name == "Application runtimes"
    assert (shown.resume_from, shown.frontier, shown.progress, shown.peak) == (25, 25, 25, 25)
    assert shown.failure is not None
    assert (shown.failure.state, shown.failure.message) == (50, "mirror timed out")
    assert (shown.started_at is not None, shown.finished_at) == (True, None)
    assert [each.checksum for each in reported.artifacts] == [left.checksum]
    plan = {each.state: each.decision for each in service.client.plan(build.number).milestones}
    assert (plan[25], plan[50], plan[100]) == ("restore", "run", "run")


def test_a_retry_is_a_new_attempt_and_the_failure_stays_in_the_history(service: Service) -> None:
    build = service.make_build()
    service.report(build, 50, FAILED, message="mirror timed out")
    service.report(build, 50, IN_PROGRESS)
    service.report(build, 50, COMPLETED)
    history = list(service.client.history(build.number))
    assert [(each.attempt, each.status, each.message) for each in history] == [
        (1, "failed", "mirror timed out"),
        (2, "completed", None),
    ]


def test_history_is_oldest_first_over_several_pages(service: Service) -> None:
    build = service.make_build()
    for n, state in enumerate((30, 10, 20, 50, 40)):
        service.report(build, state, COMPLETED, at=minutes(n))
    found: list[int] = []
    query = "limit=2"
    while query:
        page = service.request("GET", f"/v1/builds/{build.number}/history?{query}").json
        found += [each["state"] for each in page["items"]]
        query = page["next_cursor"] and f"limit=2&cursor={page['next_cursor']}"
    assert found == [30, 10, 20, 50, 40]


def test_the_same_idempotency_key_twice_is_one_report(service: Service) -> None:
    build = service.make_build()
    report = Report(state=50, status=FAILED)
    first = service.client.report(build.number, report, idempotency_key="k")
    before = service.counts()
    assert service.client.report(build.number, report, idempotency_key="k") == first
    assert service.counts() == before
    assert len(list(service.client.history(build.number))) == 1


def test_an_idempotency_key_is_for_one_request_only(service: Service) -> None:
    build = service.make_build()
    service.client.report(build.number, Report(state=50, status=FAILED), idempotency_key="k")
    before = service.counts()
    with pytest.raises(Conflict) as refused:
        service.client.report(build.number, Report(state=51, status=FAILED), idempotency_key="k")
    assert refused.value.code == "idempotency-key-reused"
    assert refused.value.field == "Idempotency-Key"
    assert service.counts() == before


def test_a_report_that_was_refused_may_be_sent_again_with_its_key(service: Service) -> None:
    build = service.make_build()
    held = service.claim(build, 50)
    report = Report(state=50, status=FAILED)
    with pytest.raises(Held):
        service.client.report(build.number, report, idempotency_key="k")
    service.fail(held)
    assert service.client.report(build.number, report, idempotency_key="k").attempt == 2


def test_reports_in_any_order_tell_the_same_in_the_end(service: Service) -> None:
    service.make_project()
    reports = (
        Report(state=25, status=IN_PROGRESS, at=minutes(0)),
        Report(state=25, status=COMPLETED, at=minutes(5), artifacts=(image(),)),
        Report(state=50, status=FAILED, at=minutes(9), message="no space left"),
    )
    seen = []
    for n, order in enumerate(permutations(reports)):
        build = service.make_build(key=str(n))
        for report in order:
            service.client.report(build.number, report)
        shown = service.client.get_build(build.number)
        history = service.client.history(build.number)
        seen.append(
            (
                (shown.status, shown.current_state, shown.resume_from, shown.peak),
                (shown.started_at, shown.finished_at),
                [(each.state, each.status, each.started_at, each.finished_at) for each in history],
            )
        )
    assert all(each == seen[0] for each in seen)
    assert seen[0][1] == (minutes(0), None)
    assert seen[0][2] == [
        (25, "completed", minutes(0), minutes(5)),
        (50, "failed", None, minutes(9)),
    ]


def test_an_older_report_never_overwrites_a_newer_one(service: Service) -> None:
    build = service.make_build()
    service.report(build, 50, COMPLETED, image(), at=minutes(10))
    service.report(build, 50, FAILED, at=minutes(5))
    shown = service.client.get_build(build.number)
    assert (shown.status, shown.resume_from, shown.failure) == ("in_progress", 50, None)
    assert [each.status for each in service.client.history(build.number)] == [
        "failed",
        "completed",
    ]


def test_a_start_that_is_reported_late_is_not_taken_for_that_of_a_later_attempt(
    service: Service,
) -> None:
    build = service.make_build()
    service.report(build, 50, FAILED, at=minutes(5))
    service.report(build, 50, COMPLETED, at=minutes(15))
    service.report(build, 50, IN_PROGRESS, at=minutes(1))
    assert [each.started_at for each in service.client.history(build.number)] == [None, None]
    service.report(build, 50, IN_PROGRESS, at=minutes(7))
    second = list(service.client.history(build.number))[1]
    assert (second.started_at, second.duration_seconds) == (minutes(7), 480)


def test_a_time_in_the_future_is_taken_as_now(service: Service) -> None:
    build = service.make_build()
    future = datetime.now(UTC) + timedelta(days=1)
    reported = service.report(build, 50, IN_PROGRESS, at=future)
    assert reported.started_at is not None
    assert reported.started_at < future - timedelta(hours=23)
    service.report(build, 50, COMPLETED)
    assert [each.status for each in service.client.history(build.number)] == ["completed"]


def test_what_a_worker_holds_is_not_for_others_to_report(service: Service) -> None:
    build = service.make_build()
    held = service.claim(build, 25, worker="packer-07")
    before = service.counts()
    for status in (IN_PROGRESS, COMPLETED, FAILED):
        with pytest.raises(Held) as refused:
            service.report(build, 25, status)
        assert (refused.value.holder, refused.value.until) == ("packer-07", held.lease_until)
    assert service.counts() == before
    service.report(build, 30, COMPLETED)
    service.complete(held)


def test_a_completed_build_takes_no_more_reports(service: Service) -> None:
    build = service.make_build()
    service.report(build, 100, IN_PROGRESS, at=minutes(0))
    service.report(build, 100, COMPLETED, at=minutes(5))
    shown = service.client.get_build(build.number)
    assert (shown.status, shown.progress) == ("completed", 100)
    assert (shown.started_at, shown.finished_at) == (minutes(0), minutes(5))
    before = service.counts()
    for state, status in ((100, FAILED), (25, COMPLETED), (100, COMPLETED)):
        with pytest.raises(Conflict) as refused:
            service.report(build, state, status)
        assert (refused.value.code, refused.value.field) == ("build-completed", "build")
    assert service.counts() == before


def test_artifacts_come_with_completion_only(service: Service) -> None:
    build = service.make_build()
    before = service.counts()
    for status in ("pending", "in_progress", "failed", "cancelled"):
        answer = service.request(
            "POST",
            f"/v1/builds/{build.number}/reports",
            {"state": 25, "status": status, "artifacts": [image().model_dump(mode="json")]},
        )
        assert (answer.status, answer.problem["field"]) == (422, "artifacts")
    assert service.counts() == before


def test_any_storage_makes_a_checkpoint(service: Service) -> None:
    build = service.make_build()
    for n, (storage, uri) in enumerate(
        (
            ("nfs", "/mnt/nfs/builds/sap-123/state-30.qcow2"),
            ("ebs", "snap-0abc"),
            ("ceph", "rbd:images/rhel@30"),
            ("gcs", "gs://builds/state-30.qcow2"),
        )
    ):
        record = image(storage_type=storage, uri=uri, checksum=None, size_bytes=None)
        service.report(build, 30 + n, COMPLETED, record)
        assert service.client.get_build(build.number).resume_from == 30 + n


def test_a_report_says_who_and_why(service: Service) -> None:
    build = service.make_build()
    reported = service.report(build, 50, FAILED, worker="ci-3", message="exit 1", lane="eu-west-1")
    assert isinstance(reported, Attempt)
    assert (reported.worker, reported.message, reported.lane) == ("ci-3", "exit 1", "eu-west-1")
    assert reported.state_name == "Application runtimes"
    assert [each.lane for each in service.client.get_build(build.number).lanes] == ["eu-west-1"]


def test_statuses_that_are_the_services_to_find_are_refused(service: Service) -> None:
    build = service.make_build()
    for status in ("lost", "waived"):
        answer = service.request(
            "POST", f"/v1/builds/{build.number}/reports", {"state": 25, "status": status}
        )
        assert (answer.status, answer.problem["field"]) == (422, "status")
