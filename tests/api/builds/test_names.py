"""Keys, versions and lanes in requests: brought into one form, or refused."""

from urllib.parse import urlencode

import pytest
from support import Service

from buildstate_core.models import BuildCreate


@pytest.fixture
def service(service: Service) -> Service:
    service.make_project()
    return service


class TestAName:
    """Keys, versions and lanes in their one form."""

    @pytest.mark.parametrize(
        ("said", "meant"),
        [
            pytest.param(" nightly", "nightly", id="blank before"),
            pytest.param("nightly\t\xa0", "nightly", id="blanks behind"),
            pytest.param("gro\u0308sse", "gr\xf6sse", id="composed otherwise"),
        ],
    )
    def test_spelled_otherwise_is_the_same_build(
        self, service: Service, said: str, meant: str
    ) -> None:
        body = {"project": "rhel-base", "key": meant, "version": meant, "platform": meant}
        made = service.request("POST", "/v1/builds", body).json
        again = {"project": "rhel-base", "key": said, "version": said, "platform": said}
        found = service.request("POST", "/v1/builds", again)
        assert (found.status, found.json) == (200, made)
        assert (made["key"], made["version"], made["platform"]) == (meant, meant, meant)
        for filters in ({"key": said}, {"platform": said}):
            listed = service.client.list_builds(**filters)
            assert [each.number for each in listed] == [made["number"]]
        child = {"project": "rhel-base", "key": "child", "derived_from": f"rhel-base/{said}"}
        assert (
            service.request("POST", "/v1/builds", child)
            .problem["type"]
            .endswith("not-a-checkpoint")
        )

    @pytest.mark.parametrize("field", ["key", "version", "platform", "os", "image_type"])
    @pytest.mark.parametrize("value", ["a\nb", "9.6\r", "a\x1bb", "\ufeff9.6", "a\u200bb", " "])
    def test_that_cannot_be_seen_is_refused(self, service: Service, field: str, value: str) -> None:
        answer = service.request("POST", "/v1/builds", {"project": "rhel-base", field: value})
        assert (answer.status, answer.problem["field"]) == (422, field)

    @pytest.mark.parametrize("query", ["key=", "platform=%20", "key=a%00", "platform=a%0a"])
    def test_that_cannot_be_one_is_not_looked_for(self, service: Service, query: str) -> None:
        answer = service.request("GET", f"/v1/builds?{query}")
        assert (answer.status, answer.problem["field"]) == (422, query.partition("=")[0])


class TestALaneOnTheWire:
    """The trunk is the empty name, as answers write it; that is no lane's name in words."""

    @pytest.mark.parametrize("said", [{}, {"lane": ""}], ids=["not said", "empty"])
    def test_that_is_empty_is_the_trunk(self, service: Service, said: dict[str, str]) -> None:
        build = service.client.create_build(BuildCreate(project="rhel-base", key="nightly"))
        report = {"state": 25, "status": "completed", **said}
        answer = service.request("POST", f"/v1/builds/{build.number}/reports", report)
        assert (answer.status, answer.json["lane"]) == (201, "")

    def test_is_in_one_form(self, service: Service) -> None:
        build = service.client.create_build(BuildCreate(project="rhel-base", key="nightly"))
        report = {"state": 25, "status": "completed", "lane": " eu "}
        answer = service.request("POST", f"/v1/builds/{build.number}/reports", report)
        assert (answer.status, answer.json["lane"]) == (201, "eu")
        asked = f"/v1/builds/{build.number}/explain?state=25&lane=%20eu"
        assert service.request("GET", asked).json["lane"] == "eu"

    @pytest.mark.parametrize(
        ("lane", "told"),
        [
            pytest.param("trunk", "use another name: the trunk is meant where", id="trunk"),
            pytest.param("Trunk", "use another name: the trunk is meant where", id="Trunk"),
            pytest.param(" ", "use a lane's name, or leave it out for the trunk.", id="blank"),
            pytest.param("a b", "use letters, digits, dot, dash and underscore", id="two words"),
            pytest.param("x" * 64, "use at most 63 characters.", id="too long"),
            pytest.param("eu\n", "it contains the control character U+000A", id="line end"),
        ],
    )
    def test_that_names_none_is_refused(self, service: Service, lane: str, told: str) -> None:
        build = service.client.create_build(BuildCreate(project="rhel-base", key="nightly"))
        path = f"/v1/builds/{build.number}"
        report = {"state": 25, "status": "completed", "lane": lane}
        for answer in (
            service.request("POST", f"{path}/reports", report),
            service.request("POST", f"{path}/claims", {"state": 25, "lane": lane}),
            service.request("GET", f"{path}/explain?{urlencode({'state': 25, 'lane': lane})}"),
        ):
            assert (answer.status, answer.problem["field"]) == (422, "lane")
            assert told in answer.problem["detail"]
        assert list(service.client.history(build.number)) == []
