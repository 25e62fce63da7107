"""A query parameter that a route does not know is refused, as an unknown field of a body is."""

import pytest
from support import Service


@pytest.fixture(scope="module")
def built(module_service: Service) -> Service:
    module_service.make_build()
    return module_service


@pytest.mark.parametrize(
    ("path", "field", "hint"),
    [
        ("/v1/builds?platfrom=aws", "platfrom", "Did you mean platform?"),
        ("/v1/builds?Status=pending", "Status", "Did you mean status?"),
        ("/v1/builds?limit=5&page=2", "page", None),
        ("/v1/builds?derived-from=1", "derived-from", "Did you mean derived_from?"),
        ("/v1/projects?q=1", "q", "It takes limit, cursor."),
        ("/v1/builds/1?inherited=true", "inherited", "It takes none."),
        ("/v1/builds/1/plan?=", "", "It takes none."),
        ("/v1/builds/1/history?inherit=true", "inherit", "Did you mean inherited?"),
        ("/v1/builds?a%00b=1", "a\\x00b", None),
        ("/v1/builds?" + "x" * 200 + "=1", "x" * 80 + "…", None),
        ("/healthz?verbose", "verbose", "It takes none."),
        ("/openapi.json?v=3", "v", "It takes none."),
    ],
)
def test_an_unknown_parameter_is_named_with_what_there_is(
    built: Service, path: str, field: str, hint: str | None
) -> None:
    answer = built.request("GET", path)
    assert answer.status == 422
    problem = answer.problem
    assert problem["type"] == "/problems/unknown-parameter"
    assert problem["error"] == "invalid-input"
    assert problem["field"] == field
    assert problem["hint"] == hint or (hint is None and problem["hint"])


def test_it_is_refused_in_words_for_the_one_who_wrote_it(built: Service) -> None:
    assert built.request("GET", "/v1/builds?platfrom=aws").problem == {
        "type": "/problems/unknown-parameter",
        "error": "invalid-input",
        "title": "Unknown parameter",
        "status": 422,
        "detail": '"platfrom" is not a query parameter of this route; leave it out.',
        "field": "platfrom",
        "hint": "Did you mean platform?",
    }


def test_every_operation_refuses_one(built: Service) -> None:
    document = built.request("GET", "/openapi.json").json
    seen = 0
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert "422" in operation["responses"], path
            whole = path.replace("{build}", "1").replace("{project}", "rhel-base")
            answer = built.request(method.upper(), f"{whole}?colour=blue")
            assert answer.status == 422, (method, path)
            # Where the path or the body is wrong, too, that is as good to name.
            assert answer.problem["type"] == "/problems/unknown-parameter", (method, path)
            seen += 1
    assert seen > 40


def test_a_write_with_one_changes_nothing(built: Service) -> None:
    before = built.counts()
    answer = built.request(
        "POST",
        "/v1/builds?restrat=true",
        {"project": "rhel-base"},
        headers={"Idempotency-Key": "a"},
    )
    assert answer.problem["field"] == "restrat"
    assert built.counts() == before


def test_a_request_without_a_good_key_learns_nothing_of_parameters(built: Service) -> None:
    for path in ("/v1/builds?platfrom=aws", "/openapi.json?v=3"):
        assert built.request("GET", path, key=None).status == 401


def test_the_parameters_that_are_documented_are_taken(built: Service) -> None:
    for path in (
        "/v1/builds?platform=aws&status=pending&limit=5",
        "/v1/builds/1/history?inherited=true",
        "/v1/projects?limit=1",
    ):
        assert built.request("GET", path).status == 200
