from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from support import Service

from buildstate_core.errors import Conflict, NotFound
from buildstate_core.models import BuildCreate
from buildstate_core.vocabulary import AttemptStatus

AtOnce = Callable[[int, Callable[[int], Any]], list[Any]]
QueriesOf = Callable[[Callable[[], object]], int]


def test_a_new_build_is_pending_and_numbered(service: Service) -> None:
    build = service.make_build(version="9.6", image_type="base", labels={"team": "platform"})
    assert (build.status, build.current_state, build.progress) == ("pending", None, 0)
    assert (build.started_at, build.finished_at, build.resume_from) == (None, None, None)
    assert build.labels == {"team": "platform"}
    assert build.number == 1


def test_the_key_is_made_from_what_the_build_is_of(service: Service) -> None:
    assert service.make_build(version="9.6", image_type="base").key == "9.6/aws/rhel-9/base"
    assert service.make_build(version="9.6").key == "9.6/aws/rhel-9/-"


def test_builds_without_a_version_are_different_builds(service: Service) -> None:
    service.make_project()
    for request in (
        BuildCreate(project="rhel-base"),
        BuildCreate(project="rhel-base", platform="aws"),
    ):
        first, second = (service.client.create_build(request) for _ in range(2))
        assert first.number != second.number


def test_the_same_key_gives_the_same_build(service: Service) -> None:
    service.make_project()
    body = {"project": "rhel-base", "key": "k", "platform": "aws"}
    first = service.request("POST", "/v1/builds", body)
    again = service.request("POST", "/v1/builds", {"project": "rhel-base", "key": "k"})
    assert (first.status, again.status) == (201, 200)
    assert again.json["id"] == first.json["id"]
    assert again.json["platform"] == "aws"


def test_the_same_key_in_another_project_is_another_build(service: Service) -> None:
    assert service.make_build(key="k").id != service.make_build("other", key="k").id


def test_a_restart_supersedes_the_build_with_this_key(service: Service) -> None:
    old = service.make_build(key="k")
    held = service.claim(old, 10)
    new = service.make_build(key="k", restart=True)
    assert new.number > old.number
    assert service.make_build(key="k").id == new.id
    with pytest.raises(Conflict) as refused:
        service.report(old, 25, AttemptStatus.COMPLETED)
    assert refused.value.code == "build-superseded"
    with pytest.raises(Conflict) as refused:
        service.complete(held)
    assert refused.value.code == "stale-claim"


def test_twenty_that_create_the_same_build_at_once_agree_on_one(
    service: Service, at_once: AtOnce
) -> None:
    service.make_project()
    answers = at_once(20, lambda _: service.client.create_build(_keyed()))
    assert len({each.id for each in answers}) == 1


def test_a_build_is_found_by_number_and_by_id(service: Service) -> None:
    build = service.make_build()
    assert service.client.get_build(build.number) == service.client.get_build(str(build.id))


def test_an_unknown_build_is_not_found(service: Service) -> None:
    service.make_build()
    for ref in ("0", "999", "9" * 30, "-1", "rhel", str(uuid4()), "1.5", "%00"):
        for path in ("", "/history", "/plan", "/events", "/artifacts"):
            answer = service.request("GET", f"/v1/builds/{ref}{path}")
            assert (answer.status, answer.problem["field"]) == (404, "build")
        report = {"state": 1, "status": "failed"}
        for path, body in (("reports", report), ("claims", {"state": 1})):
            answer = service.request("POST", f"/v1/builds/{ref}/{path}", body)
            assert (answer.status, answer.problem["field"]) == (404, "build")


def test_builds_are_listed_newest_first_over_several_pages(service: Service) -> None:
    made = [service.make_build(version=str(n)).number for n in range(7)]
    pages: list[list[int]] = []
    query = "limit=3"
    while query:
        page = service.request("GET", f"/v1/builds?{query}").json
        pages.append([each["number"] for each in page["items"]])
        query = page["next_cursor"] and f"limit=3&cursor={page['next_cursor']}"
    assert pages == [made[6:3:-1], made[3:0:-1], made[:1]]


def test_a_page_that_is_just_full_is_the_last(service: Service) -> None:
    for n in range(3):
        service.make_build(version=str(n))
    assert service.request("GET", "/v1/builds?limit=3").json["next_cursor"] is None


def test_builds_can_be_filtered(service: Service) -> None:
    service.make_build(version="1")
    service.report(service.make_build(version="2"), 5, AttemptStatus.IN_PROGRESS)
    service.make_build(version="3", platform="gcp")
    service.make_build("other", version="4")
    for query, numbers in {
        "project=rhel-base": [3, 2, 1],
        "project=other": [4],
        "platform=gcp": [3],
        "status=in_progress": [2],
        "status=pending&platform=aws": [4, 1],
        "key=1/aws/rhel-9/-": [1],
        "project=none": [],
        "": [4, 3, 2, 1],
    }.items():
        found = service.request("GET", f"/v1/builds?{query}").json["items"]
        assert [each["number"] for each in found] == numbers, query


def test_a_list_of_builds_takes_as_many_queries_for_twenty_as_for_four(
    service: Service, queries_of: QueriesOf
) -> None:
    def listed() -> int:
        return queries_of(lambda: service.request("GET", "/v1/builds?limit=200"))

    for n in range(4):
        service.make_build(f"project-{n}", version=str(n))
    few = listed()
    for n in range(4, 20):
        service.make_build(f"project-{n}", version=str(n))
    assert listed() == few


def test_what_is_not_there_is_told_from_what_is_gone(service: Service) -> None:
    with pytest.raises(NotFound, match="There is no build '7'"):
        service.client.get_build(7)


def _keyed() -> BuildCreate:
    return BuildCreate(project="rhel-base", key="k")
