import pytest
from support import Service, image

from buildstate_core.errors import Conflict
from buildstate_core.models import Build
from buildstate_core.vocabulary import AttemptStatus


def events(service: Service, build: Build) -> list[tuple[str, int | None]]:
    page = service.request("GET", f"/v1/builds/{build.number}/events?limit=200").json
    assert [each["id"] for each in page["items"]] == sorted(each["id"] for each in page["items"])
    return [(each["type"], each["data"].get("state")) for each in page["items"]]


def test_every_change_of_a_build_is_an_event(service: Service) -> None:
    build = service.make_build()
    done = service.complete(service.claim(build, 25), image())
    service.fail(service.claim(build, 50))
    service.report(build, 50, AttemptStatus.COMPLETED)
    service.request(
        "POST", f"/v1/artifacts/{done.artifacts[0].id}/quarantine", {"reason": "artifact_gone"}
    )
    service.report(build, 100, AttemptStatus.COMPLETED)
    assert events(service, build) == [
        ("build.created", None),
        ("attempt.in_progress", 25),
        ("build.in_progress", None),
        ("attempt.completed", 25),
        ("attempt.in_progress", 50),
        ("attempt.failed", 50),
        ("build.failed", None),
        ("attempt.completed", 50),
        ("build.in_progress", None),
        ("artifact.quarantined", 25),
        ("attempt.completed", 100),
        ("build.completed", None),
    ]


def test_events_are_listed_over_several_pages(service: Service) -> None:
    build = service.make_build()
    for state in (10, 20, 30):
        service.report(build, state, AttemptStatus.COMPLETED)
    found: list[int] = []
    query = "limit=2"
    while query:
        page = service.request("GET", f"/v1/builds/{build.number}/events?{query}").json
        assert len(page["items"]) <= 2
        found += [each["id"] for each in page["items"]]
        query = page["next_cursor"] and f"limit=2&cursor={page['next_cursor']}"
    assert len(found) == 5
    assert found == sorted(set(found))


def test_reading_and_heartbeats_are_no_events(service: Service) -> None:
    build = service.make_build()
    claim = service.claim(build, 25)
    before = service.counts()
    service.heartbeat(claim)
    service.client.get_build(build.number)
    service.client.plan(build.number)
    assert service.counts() == before


def test_a_write_that_fails_leaves_neither_a_change_nor_its_event(service: Service) -> None:
    build = service.make_build()
    claim = service.claim(build, 25)
    # The last thing that a completion writes cannot be written.
    service.query("ALTER TABLE builds ADD CONSTRAINT broken CHECK (peak < 25) NOT VALID")
    before = service.counts()
    answer = service.request(
        "POST",
        f"/v1/attempts/{claim.attempt.id}/complete",
        {"token": claim.token, "artifacts": [image().model_dump(mode="json")]},
        headers={"Idempotency-Key": "k"},
    )
    assert (answer.status, answer.problem["type"]) == (500, "/problems/internal-error")
    assert service.counts() == before
    service.query("ALTER TABLE builds DROP CONSTRAINT broken")
    service.complete(claim, image())
    after = service.counts()
    assert after["artifacts"] == before["artifacts"] + 1
    assert after["events"] == before["events"] + 1


def test_a_write_that_is_refused_leaves_nothing(service: Service) -> None:
    build = service.make_build()
    service.report(build, 100, AttemptStatus.COMPLETED)
    before = service.counts()
    with pytest.raises(Conflict):
        service.report(build, 50, AttemptStatus.COMPLETED, image())
    assert service.counts() == before
