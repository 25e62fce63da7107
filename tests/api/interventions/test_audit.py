"""Every decision is kept, and every refusal says what to do next."""

from typing import Any

import pytest
from support import Service, image

from buildstate_core.errors import BuildStateError

from .decisions import WHY, adopt, built, cancel, force, revoke, waive


def test_every_decision_is_kept_with_who_when_and_why(service: Service) -> None:
    build, made = built(service, 10, 25)
    waive(service, build, 30)
    adopt(service, build, 50)
    force(service, build, 50)
    revoke(service, made[25])
    cancel(service, build)
    kept = list(service.client.interventions(build.number))
    assert [(each.kind, each.state, each.lane) for each in kept] == [
        ("waive", 30, ""),
        ("adopt", 50, ""),
        ("force", 50, ""),
        ("revoke", 25, ""),
        ("cancel", None, None),
    ]
    assert {(each.actor, each.reason, each.build) for each in kept} == {
        ("tests", WHY, build.number)
    }
    assert kept[3].artifact == made[25].id
    assert [each.at for each in kept] == sorted(each.at for each in kept)
    events = service.request("GET", f"/v1/builds/{build.number}/events?limit=200").json["items"]
    told = [each for each in events if each["type"] in {f"build.{one.kind}" for one in kept}]
    assert [each["data"]["actor"] for each in told] == ["tests"] * 5
    assert [each["data"]["state"] for each in told] == [30, 50, 50, 25, None]


def test_decisions_are_listed_over_several_pages(service: Service) -> None:
    build, _ = built(service, 10)
    for state in (20, 25, 30):
        waive(service, build, state)
    path = f"/v1/builds/{build.number}/interventions?limit=2"
    page = service.request("GET", path).json
    rest = service.request("GET", f"{path}&cursor={page['next_cursor']}").json
    assert [each["state"] for each in [*page["items"], *rest["items"]]] == [20, 25, 30]
    assert rest["next_cursor"] is None


@pytest.mark.parametrize("path", ["waive", "adopt", "force", "cancel"])
def test_nothing_is_decided_about_an_unknown_build(service: Service, path: str) -> None:
    body: dict[str, Any] = {"reason": WHY} | ({"state": 25} if path != "cancel" else {})
    if path == "adopt":
        body["artifacts"] = [image().model_dump(mode="json")]
    answer = service.request("POST", f"/v1/builds/999/{path}", body)
    assert (answer.status, answer.problem["field"]) == (404, "build")


def test_every_refusal_says_what_to_do_next(service: Service) -> None:
    build, _ = built(service, 10, 25)
    service.claim(build, 50)
    for decide in (
        lambda: waive(service, build, 50),
        lambda: force(service, build, 25),
        lambda: force(service, build, 25, lane="eu"),
    ):
        with pytest.raises(BuildStateError) as refused:
            decide()
        assert refused.value.field
        assert refused.value.hint
