"""HEAD is answered wherever GET is: the same, without the body."""

import asyncio
from collections.abc import Iterator, Mapping

import pytest
from starlette.types import Message, Receive, Scope, Send
from support import Service, image

from buildstate_api.rest.head import HeadAsGet


@pytest.fixture(scope="module")
def paths(module_service: Service) -> Mapping[str, str]:
    """What stands for each parameter of a path."""
    build = module_service.make_build()
    attempt = module_service.complete(module_service.claim(build, 25), image())
    return {
        "{project}": build.project,
        "{build}": str(build.number),
        "{attempt}": str(attempt.id),
        "{artifact}": str(attempt.artifacts[0].id),
        "{version}": "1",
    }


def read_by(service: Service, paths: Mapping[str, str]) -> Iterator[str]:
    """The path of every operation that reads."""
    document = service.request("GET", "/openapi.json").json
    for path, operations in document["paths"].items():
        if "get" in operations:
            for name, value in paths.items():
                path = path.replace(name, value)  # noqa: PLW2901 - it is put together
            yield f"{path}?state=25" if path.endswith("explain") else path
    yield "/openapi.json"


def test_head_has_the_status_and_the_headers_of_get_and_no_body(
    module_service: Service, paths: Mapping[str, str]
) -> None:
    seen = 0
    for path in read_by(module_service, paths):
        got, asked = (module_service.request(each, path) for each in ("GET", "HEAD"))
        assert "{" not in path
        assert got.status == asked.status == 200, path
        assert {**got.headers, "date": ""} == {**asked.headers, "date": ""}, path
        assert len(got.content) > 0
        if path.endswith("/retention"):  # it is sent while it is made
            assert "content-length" not in asked.headers
        else:
            assert int(asked.headers["content-length"]) == len(got.content)
        assert asked.content == b"", path
        seen += 1
    assert seen > 15


def test_head_tells_the_etag_of_what_may_be_changed(
    module_service: Service, paths: Mapping[str, str]
) -> None:
    path = f"/v1/projects/{paths['{project}']}"
    etag = module_service.request("HEAD", path).headers["etag"]
    answer = module_service.request("PATCH", path, {"description": "x"}, headers={"If-Match": etag})
    assert answer.status == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/builds/99", 404),
        ("/v1/nowhere", 404),
        ("/v1/builds?limit=0", 422),
        ("/v1/builds?colour=1", 422),
    ],
)
def test_head_fails_as_get_does(module_service: Service, path: str, status: int) -> None:
    got, asked = (module_service.request(each, path) for each in ("GET", "HEAD"))
    assert got.status == asked.status == status
    assert asked.headers["content-type"] == "application/problem+json"
    assert (asked.headers["content-length"], asked.content) == (str(len(got.content)), b"")


def test_head_needs_a_key_where_get_does(module_service: Service) -> None:
    assert module_service.request("HEAD", "/v1/builds", key=None).status == 401


def test_the_document_has_each_operation_once(module_service: Service) -> None:
    document = module_service.request("GET", "/openapi.json").json
    assert all("head" not in operations for operations in document["paths"].values())


def test_an_answer_without_an_end_is_ended_with_its_headers() -> None:
    """As of a stream of events: nobody who asks for its headers waits for the first one."""
    sent: list[Message] = []

    async def endless(scope: Scope, _receive: Receive, send: Send) -> None:
        assert scope["method"] == "GET"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        assert sent[-1] == {"type": "http.response.body", "body": b"", "more_body": False}
        for _ in range(3):
            await send({"type": "http.response.body", "body": b"event", "more_body": True})

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(HeadAsGet(endless)({"type": "http", "method": "HEAD"}, receive, send))
    assert [each["type"] for each in sent] == ["http.response.start", "http.response.body"]
