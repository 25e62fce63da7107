import asyncio
from uuid import uuid4

from support import Cluster, Service, serving, until
from support.jobs import defer

from buildstate_core.models import Orchestrator, Report
from buildstate_core.vocabulary import AttemptStatus


def test_answers_older_than_a_day_are_forgotten(cluster: Cluster, database_url: str) -> None:
    with serving(database_url, cluster.key) as service:
        build = service.make_build()
        report = Report(state=50, status=AttemptStatus.FAILED)
        for key in ("old", "new"):
            service.client.report(build.number, report, idempotency_key=key)
        service.query("DELETE FROM idempotency_keys WHERE key NOT IN ('old', 'new')")
        service.query(
            "UPDATE idempotency_keys SET created_at = created_at - interval '25 hours'"
            " WHERE key = 'old'"
        )
        asyncio.run(defer(database_url, "forget-old-answers"))
        until(lambda: len(service.query("SELECT key FROM idempotency_keys")) == 1)
        assert service.query("SELECT key FROM idempotency_keys") == [{"key": "new"}]


def test_jobs_leave_nothing_behind(service: Service) -> None:
    def jobs(status: str) -> int:
        found = service.query(
            "SELECT count(*) AS n FROM procrastinate.procrastinate_jobs WHERE status::text = %s",
            status,
        )
        return int(found[0]["n"])

    until(
        lambda: service.query("SELECT 1 FROM procrastinate.procrastinate_periodic_defers"),
        seconds=20,
    )
    until(lambda: jobs("todo") + jobs("doing") == 0)
    assert jobs("succeeded") + jobs("failed") == 0


def test_a_lost_build_that_nobody_reads_is_taken_up(service: Service) -> None:
    build = service.make_build()
    run = Orchestrator(flow_run_id=uuid4())
    service.query("UPDATE projects SET auto_resume = 'lost'")
    service.expire(service.claim(build, 50, orchestrator=run).attempt.id)

    def statuses() -> list[str]:
        return [each["status"] for each in service.query("SELECT status FROM resume_requests")]

    # No Prefect is known here, which ends the request as soon as the job looks at it.
    until(lambda: statuses() == ["failed"], seconds=20)
