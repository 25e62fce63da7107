import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import urllib3
from support import Cluster, Service, ServiceProcess, image, serving, until

from buildstate_api.attempts.leases import OUTAGE_SECONDS
from buildstate_core.errors import StaleClaim, Unreachable
from buildstate_core.models import Build, Claim

AtOnce = Callable[[int, Callable[[int], Any]], list[Any]]


def pass_an_hour(service: Service) -> None:
    """Move all that the database knows of the time into the past."""
    service.query("UPDATE service_clock SET last_seen_at = last_seen_at - interval '1 hour'")
    service.query(
        "UPDATE build_states SET lease_until = lease_until - interval '1 hour',"
        " heartbeat_at = heartbeat_at - interval '1 hour', as_of = as_of - interval '1 hour',"
        " started_at = started_at - interval '1 hour'"
    )


def lease_left(service: Service, claim: Claim) -> float:
    (row,) = service.query(
        "SELECT extract(epoch FROM lease_until - clock_timestamp())::float AS seconds"
        " FROM build_states WHERE id = %s",
        str(claim.attempt.id),
    )
    return float(row["seconds"])


def status_of(service: Service, build: Build) -> list[str]:
    return [each.status for each in service.client.history(build.number)]


def test_a_holder_outlives_a_service_that_was_killed(service_process: ServiceProcess) -> None:
    service = service_process
    build = service.make_build()
    claim = service.claim(build, 25, lease_seconds=60)
    service.kill()
    with pytest.raises(Unreachable):
        service.heartbeat(claim)
    pass_an_hour(service)
    assert lease_left(service, claim) < -3000
    service.start()

    assert service.claim(build, 25, worker="worker-b").decision == "held"
    assert 0 < lease_left(service, claim) <= 60
    service.heartbeat(claim)
    service.complete(claim, image())
    assert status_of(service, build) == ["completed"]
    assert service.client.get_build(build.number).resume_from == 25


def test_a_holder_may_complete_without_a_heartbeat_after_an_outage(
    service_process: ServiceProcess,
) -> None:
    service = service_process
    claim = service.claim(service.make_build(), 25)
    service.kill()
    pass_an_hour(service)
    service.start()
    service.complete(claim)


def test_a_holder_that_was_lost_before_an_outage_stays_lost(
    service_process: ServiceProcess,
) -> None:
    service = service_process
    build = service.make_build()
    lost, held = (service.claim(build, 25, lane=lane) for lane in ("eu", "us"))
    service.kill()
    service.query(
        "UPDATE build_states SET lease_until = (SELECT last_seen_at FROM service_clock)"
        " - interval '1 second' WHERE id = %s",
        str(lost.attempt.id),
    )
    pass_an_hour(service)
    service.start()
    with pytest.raises(StaleClaim):
        service.complete(lost)
    service.complete(held)


def test_an_outage_leaves_no_more_of_a_lease_than_there_was(
    service_process: ServiceProcess,
) -> None:
    service = service_process
    build = service.make_build()
    claim = service.claim(build, 25, lease_seconds=600)
    service.query(
        "UPDATE build_states SET lease_until = lease_until - interval '500 seconds',"
        " heartbeat_at = heartbeat_at - interval '500 seconds'"
    )
    service.kill()
    pass_an_hour(service)
    service.start()
    assert service.client.get_build(build.number).active == (25,)
    assert 0 < lease_left(service, claim) <= 100 + OUTAGE_SECONDS


def test_a_service_killed_in_the_middle_of_writes_left_all_or_nothing_of_each(
    service_process: ServiceProcess,
) -> None:
    service = service_process
    build = service.make_build()
    path = f"/v1/builds/{build.number}"

    def work(worker: int) -> list[int]:
        """Claim and complete until the service is gone; give what was acknowledged."""
        done = []
        for state in range(worker, 100, 4):
            try:
                wanted = {"state": state, "lane": f"lane-{worker}"}
                claimed = service.request("POST", f"{path}/claims", wanted)
                attempt, token = claimed.json["attempt"]["id"], claimed.json["token"]
                made = [image(content=str(state)).model_dump(mode="json")]
                body = {"token": token, "artifacts": made}
                answer = service.request("POST", f"/v1/attempts/{attempt}/complete", body)
            except urllib3.exceptions.HTTPError:
                return done
            assert answer.status == 200
            done.append(state)
        return done

    with ThreadPoolExecutor(4) as pool:
        working = [pool.submit(work, worker) for worker in range(4)]
        until(lambda: service.query("SELECT count(*) AS n FROM artifacts")[0]["n"] > 10)
        service.kill()
        acknowledged = [state for each in working for state in each.result()]
    assert len(acknowledged) < 100, "the service was not killed in the middle"
    service.start()
    completed = {
        each.state for each in service.client.history(build.number) if each.status == "completed"
    }
    with_artifacts = {each.state for each in service.client.list_artifacts(build.number)}
    assert set(acknowledged) <= completed == with_artifacts


def test_postgresql_killed_loses_nothing_and_the_service_recovers_by_itself(
    own_cluster: Cluster,
) -> None:
    with serving(own_cluster.url(own_cluster.create_database()), own_cluster.key) as service:
        build = service.make_build()
        done = service.complete(service.claim(build, 10), image())
        held = service.claim(build, 25, lease_seconds=3)
        own_cluster.kill()
        killed_at = time.monotonic()
        # Longer than the lease, so that it would be lost if the outage counted.
        while time.monotonic() < killed_at + 4:
            for answer in (
                service.request("GET", f"/v1/builds/{build.number}"),
                service.request("GET", "/v1/builds"),
                service.request("GET", "/readyz"),
                service.request("POST", f"/v1/builds/{build.number}/claims", {"state": 25}),
                service.request(
                    "POST", f"/v1/attempts/{held.attempt.id}/heartbeat", {"token": held.token}
                ),
            ):
                assert answer.status == 503
                assert answer.problem["type"] == "/problems/database-unreachable"
                assert answer.headers["retry-after"]
        assert service.request("GET", "/healthz").status == 200
        own_cluster.start()
        until(service.is_ready)

        assert service.claim(build, 25, worker="worker-b").decision == "held"
        service.heartbeat(held)
        service.complete(held, image(content="b"))
        assert service.claim(build, 10).artifacts == done.artifacts
        assert status_of(service, build) == ["completed", "completed"]

        # So do its jobs, without anybody reading.
        expired = service.claim(build, 50)
        service.expire(expired.attempt.id)
        query = "SELECT status FROM build_states WHERE state = 50"
        until(lambda: service.query(query) == [{"status": "lost"}])


def test_what_was_acknowledged_before_postgresql_was_killed_is_there_afterwards(
    own_cluster: Cluster,
) -> None:
    with serving(own_cluster.url(own_cluster.create_database()), own_cluster.key) as service:
        builds = [service.make_build(key=str(n)).number for n in range(4)]
        stop: list[bool] = []

        def report(number: int) -> tuple[list[int], set[int]]:
            acknowledged, statuses = [], set()
            for state in count():
                if stop or state > 100:
                    return acknowledged, statuses
                body = {"state": state, "status": "in_progress"}
                key = {"Idempotency-Key": str(uuid4())}
                path = f"/v1/builds/{number}/reports"
                answer = service.request("POST", path, body, headers=key)
                statuses.add(answer.status)
                if answer.status == 201:
                    acknowledged.append(state)
            raise AssertionError

        with ThreadPoolExecutor(4) as pool:
            working = [pool.submit(report, number) for number in builds]
            until(lambda: service.query("SELECT count(*) AS n FROM build_states")[0]["n"] > 20)
            own_cluster.kill()
            until(lambda: service.request("GET", "/readyz").status == 503)
            own_cluster.start()
            until(service.is_ready)
            stop.append(True)
            results = [each.result() for each in working]
        assert set().union(*(statuses for _, statuses in results)) == {201, 503}
        for number, (acknowledged, _) in zip(builds, results, strict=True):
            recorded = {each.state for each in service.client.history(number)}
            assert set(acknowledged) <= recorded


def test_a_holder_that_renews_while_its_lease_is_judged_keeps_it(service: Service) -> None:
    build = service.make_build()
    claim = service.claim(build, 25)
    renewed = "UPDATE build_states SET lease_until = clock_timestamp() + interval '1 minute'"
    with (
        psycopg.connect(service.database_url) as holder,
        ThreadPoolExecutor(1) as pool,
    ):
        service.expire(claim.attempt.id)
        holder.execute(renewed)  # a heartbeat that has not committed yet
        reading = pool.submit(service.client.get_build, build.number)
        waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        until(lambda: service.query(waiting))
        holder.commit()
        assert reading.result().status == "in_progress"
    service.complete(claim)


def test_a_pool_of_one_connection_serves_many_at_once(
    cluster: Cluster, database_url: str, at_once: AtOnce
) -> None:
    with serving(database_url, cluster.key, pool_size=1) as service:
        build = service.make_build()
        service.expire(service.claim(build, 10).attempt.id)

        def ask(n: int) -> int:
            if n % 2:
                return service.request("GET", f"/v1/builds/{build.number}").status
            body = {"state": n, "worker": f"worker-{n}"}
            return service.request("POST", f"/v1/builds/{build.number}/claims", body).status

        assert at_once(30, ask) == [200] * 30
