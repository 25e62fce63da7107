import json
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
from support import Answer, Service

REPORT = {"state": 25, "status": "completed"}
SHA = "sha256:" + "0" * 64
ARTIFACT = {"storage_type": "s3", "uri": "s3://b/x"}
BIG = 10 * 1024 * 1024


def artifact(**fields: Any) -> dict[str, Any]:
    return REPORT | {"artifacts": [ARTIFACT | fields]}


BAD_REPORTS = [
    pytest.param(REPORT | {"state": -1}, "state", "state-out-of-range", id="state -1"),
    pytest.param(REPORT | {"state": 101}, "state", "state-out-of-range", id="state 101"),
    pytest.param(REPORT | {"state": "abc"}, "state", "state-out-of-range", id="state abc"),
    pytest.param(REPORT | {"state": True}, "state", "state-out-of-range", id="state true"),
    pytest.param(REPORT | {"state": "25"}, "state", "state-out-of-range", id="state as text"),
    pytest.param(REPORT | {"state": 25.5}, "state", "state-out-of-range", id="state 25.5"),
    pytest.param(REPORT | {"state": 10**400}, "state", "state-out-of-range", id="huge state"),
    pytest.param(REPORT | {"state": None}, "state", "state-out-of-range", id="state null"),
    pytest.param({"status": "completed"}, "state", "missing-field", id="no state"),
    pytest.param(REPORT | {"status": "done"}, "status", "invalid-value", id="unknown status"),
    pytest.param(REPORT | {"lane": "a b"}, "lane", "invalid-value", id="lane with a space"),
    pytest.param(REPORT | {"lane": "a\n"}, "lane", "invalid-value", id="lane with a line end"),
    pytest.param(REPORT | {"at": "yesterday"}, "at", "invalid-value", id="no time"),
    pytest.param(REPORT | {"at": "2026-01-01T00:00:00"}, "at", "invalid-value", id="no zone"),
    pytest.param(
        REPORT | {"at": "0001-01-01T00:00:00+23:59"}, "at", "invalid-value", id="before all time"
    ),
    pytest.param(REPORT | {"colour": 1}, "colour", "unknown-field", id="unknown field"),
    pytest.param(REPORT | {"\x00": 1}, "\\x00", "unknown-field", id="NUL in a field"),
    pytest.param(REPORT | {"\ud800": 1}, "body", "invalid-value", id="surrogate in a field"),
    pytest.param(REPORT | {"message": "a\x00b"}, "message", "invalid-value", id="NUL"),
    pytest.param(REPORT | {"message": "\ud800"}, "message", "invalid-value", id="surrogate"),
    pytest.param(REPORT | {"message": "x" * 10_001}, "message", "invalid-value", id="long text"),
    pytest.param(
        artifact(checksum="sha256:beef"), "artifacts.0.checksum", "invalid-value", id="checksum"
    ),
    pytest.param(
        artifact(checksum=SHA.upper()), "artifacts.0.checksum", "invalid-value", id="upper case"
    ),
    pytest.param(
        artifact(size_bytes=-1), "artifacts.0.size_bytes", "invalid-value", id="negative size"
    ),
    pytest.param(
        artifact(size_bytes=2**63), "artifacts.0.size_bytes", "invalid-value", id="huge size"
    ),
    pytest.param(artifact(uri=None), "artifacts.0", "invalid-value", id="blob without a place"),
    pytest.param(artifact(kind="value"), "artifacts.0", "invalid-value", id="value without one"),
    pytest.param(artifact(uri="a\x00"), "artifacts.0.uri", "invalid-value", id="NUL in a uri"),
    pytest.param(
        artifact(metadata={"a": {"b": ["\x00"]}}),
        "artifacts.0.metadata",
        "invalid-value",
        id="NUL in metadata",
    ),
    pytest.param(
        artifact(metadata={"\x00": 1}), "artifacts.0.metadata", "invalid-value", id="NUL in a name"
    ),
    pytest.param(
        artifact(metadata={"a": "\ud800"}),
        "artifacts.0.metadata",
        "invalid-value",
        id="surrogate in metadata",
    ),
    pytest.param([REPORT], "body", "invalid-value", id="a list"),
    pytest.param("report", "body", "invalid-value", id="a text"),
    pytest.param(None, "body", "missing-field", id="null"),
]


@pytest.fixture(scope="module")
def reported(module_service: Service) -> Iterator[Service]:
    """A service with one build, of which nothing may change."""
    module_service.make_build()
    before = module_service.counts()
    yield module_service
    assert module_service.counts() == before
    assert module_service.client.get_build(1).status == "pending"


def post(service: Service, body: object, path: str = "/v1/builds/1/reports") -> Answer:
    return service.request("POST", path, body)


@pytest.mark.parametrize(("body", "field", "code"), BAD_REPORTS)
def test_a_bad_report_is_refused_by_the_name_of_its_field(
    reported: Service, body: object, field: str, code: str
) -> None:
    answer = post(reported, body)
    assert answer.status == 422
    problem = answer.problem
    assert (problem["field"], problem["type"]) == (field, f"/problems/{code}")


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("waive", {"state": 101, "reason": "x"}, "state"),
        ("force", {"state": -1, "reason": "x"}, "state"),
        ("derive", {"from_state": 101}, "from_state"),
        ("", {"project": "rhel-base", "derived_from": "1", "derived_state": 250}, "derived_state"),
    ],
)
def test_a_wrong_state_is_told_by_its_name_wherever_it_stands(
    reported: Service, path: str, body: object, field: str
) -> None:
    problem = post(reported, body, f"/v1/builds/1/{path}" if path else "/v1/builds").problem
    assert (problem["type"], problem["field"]) == ("/problems/state-out-of-range", field)


def test_a_wrong_state_is_told_what_is_right(reported: Service) -> None:
    assert post(reported, REPORT | {"state": 250}).problem == {
        "type": "/problems/state-out-of-range",
        "error": "invalid-input",
        "title": "State out of range",
        "status": 422,
        "detail": "state is 250; use an integer from 0 to 100.",
        "field": "state",
    }


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"{", id="cut off"),
        pytest.param(b'{"state": 25,}', id="a comma too many"),
        pytest.param(b'{"state": "\xff\xfe"}', id="not UTF-8"),
        pytest.param(b'\xff\xfe{\x00"\x00', id="binary"),
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(b'{"a":' * 900 + b"1" + b"}" * 900, id="deep enough to be parsed"),
        pytest.param(b'{"state": NaN}', id="NaN"),
        pytest.param(b'{"state": -Infinity}', id="infinity"),
        pytest.param(b'{"state": 1e999}', id="infinity in other words"),
        pytest.param(b'{"state": ' + b"9" * 5000 + b"}", id="5000 digits"),
        pytest.param(b'{"state": 25, "status": "completed"}\x00', id="NUL at the end"),
    ],
)
def test_a_body_that_is_not_good_json_is_refused(reported: Service, body: bytes) -> None:
    for path in ("/v1/builds/1/reports", "/v1/builds", "/v1/projects"):
        answer = post(reported, body, path)
        assert answer.status in {400, 422}
        assert answer.problem["detail"]


def test_malformed_json_is_told_where(reported: Service) -> None:
    answer = post(reported, b'{"state": 25 "status": "failed"}')
    assert answer.status == 400
    assert answer.problem["type"] == "/problems/malformed-json"
    assert answer.problem["field"] == "body"
    assert "line 1, column 14" in answer.problem["detail"]


def test_metadata_keeps_no_number_that_json_does_not_have(reported: Service) -> None:
    for number in (b"NaN", b"Infinity", b"1e400"):
        body = (
            json.dumps(artifact(metadata={"a": 0})).encode().replace(b'"a": 0', b'"a": ' + number)
        )
        assert post(reported, body).status == 400


def test_metadata_nested_beyond_measure_is_refused(reported: Service) -> None:
    for depth in (40, 200, 400):
        value: Any = 1
        for _ in range(depth):
            value = {"a": value}
        answer = post(reported, artifact(metadata={"a": value}))
        assert answer.status == 422
        assert answer.problem["field"].startswith("artifacts.0.metadata")


def test_a_body_of_ten_megabytes_is_refused(reported: Service) -> None:
    body = json.dumps(REPORT | {"message": "x" * BIG}).encode()
    for answer in (post(reported, body), post(reported, body, "/v1/nowhere")):
        assert answer.status == 413
        assert answer.problem["type"] == "/problems/body-too-large"


def test_a_body_of_ten_megabytes_is_refused_in_pieces_without_a_length(reported: Service) -> None:
    def pieces() -> Iterator[bytes]:
        yield b'{"state": 25, "status": "completed", "message": "'
        for _ in range(160):
            yield b"x" * (BIG // 160)
        yield b'"}'

    answer = post(reported, pieces())
    assert answer.status == 413
    assert answer.problem["type"] == "/problems/body-too-large"


def test_a_body_in_pieces_is_read_whole(reported: Service) -> None:
    answer = post(reported, iter([b'{"state": 250, ', b'"status": ', b'"completed"}']))
    assert answer.problem["type"] == "/problems/state-out-of-range"


def test_a_body_of_another_type_is_refused(reported: Service) -> None:
    for content_type in ("text/plain", "application/x-www-form-urlencoded", ""):
        answer = reported.request(
            "POST", "/v1/builds/1/reports", b'{"a": 1}', headers={"Content-Type": content_type}
        )
        assert (answer.status, answer.problem["field"]) == (415, "Content-Type")


def test_no_body_is_a_missing_one(reported: Service) -> None:
    answer = reported.request("POST", "/v1/builds/1/reports", b"")
    assert (answer.status, answer.problem["field"]) == (422, "body")


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/v1/projects", {"name": "Rhel Base"}, "name"),
        ("/v1/projects", {"name": "a", "storage_url": "\x00"}, "storage_url"),
        ("/v1/projects", {"name": "a", "states": []}, "states"),
        ("/v1/projects", {"name": "a", "states": [{"code": 101, "name": "x"}]}, "states.0.code"),
        ("/v1/builds", {"project": "rhel-base", "labels": {"a\x00": "b"}}, "labels.a\\x00.[key]"),
        ("/v1/builds", {"project": "rhel-base", "labels": {"a": "\x00"}}, "labels.a"),
        ("/v1/builds", {"project": "rhel-base", "labels": {"a": 1}}, "labels.a"),
        ("/v1/builds", {"project": "rhel-base", "platform": ""}, "platform"),
        ("/v1/builds", {"project": "rhel-base", "key": "\x00"}, "key"),
        ("/v1/builds", {"project": "\x00"}, "project"),
        ("/v1/builds", {}, "project"),
        ("/v1/builds/1/claims", {"state": 25, "lease_seconds": 0}, "lease_seconds"),
        ("/v1/builds/1/claims", {"state": 25, "lease_seconds": 10**30}, "lease_seconds"),
        ("/v1/builds/1/claims", {"state": 25, "fingerprint": {"a": "\x00"}}, "fingerprint.a"),
        ("/v1/builds/1/claims", {"state": 25, "consumes": [101]}, "consumes.0"),
        ("/v1/builds/1/claims", {"state": 25, "machine": ["x"]}, "machine.0"),
        ("/v1/builds/1/claims", {"state": 25, "kind": "magic"}, "kind"),
        ("/v1/keys", {"name": ""}, "name"),
        ("/v1/keys", {"name": "\ud800"}, "name"),
    ],
)
def test_every_other_body_is_checked_as_well(
    reported: Service, path: str, body: object, field: str
) -> None:
    answer = post(reported, body, path)
    assert (answer.status, answer.problem["field"]) == (422, field)


@pytest.mark.parametrize(
    ("path", "status", "field"),
    [
        ("/v1/projects/%00", 422, "project"),
        ("/v1/projects/%ed%a0%80", 404, "project"),
        ("/v1/projects/" + "x" * 5000, 422, "project"),
        ("/v1/projects/rhel-base/catalog/versions/0", 422, "version"),
        ("/v1/projects/rhel-base/catalog/versions/x", 422, "version"),
        ("/v1/projects/rhel-base/catalog/versions/" + "9" * 5000, 422, "version"),
        ("/v1/projects/rhel-base/catalog/versions/" + "9" * 4000, 404, "version"),
        ("/v1/builds/" + "9" * 5000, 422, "build"),
        ("/v1/builds/%ff", 404, "build"),
        ("/v1/builds?limit=0", 422, "limit"),
        ("/v1/builds?limit=201", 422, "limit"),
        ("/v1/builds?limit=x", 422, "limit"),
        ("/v1/builds?status=done", 422, "status"),
        ("/v1/builds?project=%00", 422, "project"),
        ("/v1/builds?platform=a%00b", 422, "platform"),
        ("/v1/builds?key=%00", 422, "key"),
        ("/v1/builds?cursor=%00", 422, "cursor"),
        ("/v1/builds?cursor=x", 422, "cursor"),
        ("/v1/builds?cursor=WyJ4Il0=", 422, "cursor"),  # ["x"]
        ("/v1/builds?cursor=WyI5OTk5OTk5OTk5OTk5OTk5OTk5OSJd", 422, "cursor"),  # too large
        ("/v1/builds?cursor=WyItMSJd", 422, "cursor"),  # ["-1"]
        ("/v1/builds?cursor=WzFd", 422, "cursor"),  # [1]
        ("/v1/builds?cursor=WyIxIiwiMiJd", 422, "cursor"),  # ["1","2"]
        ("/v1/projects?cursor=WyJcdTAwMDAiXQ==", 422, "cursor"),  # ["\u0000"]
        ("/v1/projects?cursor=WyJcdWQ4MDAiXQ==", 422, "cursor"),  # ["\ud800"]
        ("/v1/builds/1/history?cursor=WyIyMDI2LTAxLTAxIiwieCJd", 422, "cursor"),
        ("/v1/builds/1/artifacts?state=101", 422, "state"),
        ("/v1/artifacts/1", 422, "artifact"),
    ],
)
def test_paths_and_queries_are_checked_as_well(
    reported: Service, path: str, status: int, field: str
) -> None:
    answer = reported.request("GET", path)
    assert (answer.status, answer.problem["field"]) == (status, field)


def test_an_idempotency_key_has_to_be_a_plain_word(reported: Service) -> None:
    for key in ("", "a b", "ü".encode(), "x" * 201, "a\tb"):
        answer = reported.request(
            "POST", "/v1/builds/1/reports", REPORT, headers={"Idempotency-Key": key}
        )
        assert (answer.status, answer.problem["field"]) == (422, "idempotency-key")


def test_an_unknown_path_is_not_found(reported: Service) -> None:
    for path in ("/", "/v1/runs", "/v1/builds/1/nothing", "/v1/builds/", "/%00"):
        answer = reported.request("GET", path)
        assert (answer.status, answer.problem["type"]) == (404, "/problems/not-found")


def test_a_wrong_method_is_told_the_right_ones(reported: Service) -> None:
    for method, path, allowed in (
        ("DELETE", "/v1/builds", {"GET", "HEAD", "POST"}),
        ("PUT", "/v1/builds/1", {"GET", "HEAD"}),
        ("GET", "/v1/builds/1/reports", {"POST"}),
        ("HEAD", "/v1/builds/1/reports", {"POST"}),
        ("PATCH", "/v1/projects/rhel-base/catalog", {"GET", "HEAD", "PUT"}),
        ("POST", "/healthz", {"GET", "HEAD"}),
        ("TRACE", "/v1/keys", {"GET", "HEAD", "POST"}),
    ):
        answer = reported.request(method, path)
        assert answer.status == 405
        if method != "HEAD":
            assert answer.problem["type"] == "/problems/method-not-allowed"
        assert set(answer.headers["allow"].split(", ")) == allowed, path


def test_a_client_that_sends_all_before_it_listens_hears_that_it_was_too_much(
    service: Service,
) -> None:
    url = urlsplit(service.url)
    connection = HTTPConnection(url.hostname or "", url.port, timeout=60)
    headers = {"Authorization": f"Bearer {service.key}", "Content-Type": "application/json"}
    connection.request("POST", "/v1/projects", b"x" * 10_000_000, headers)
    answer = connection.getresponse()
    assert (answer.status, json.loads(answer.read())["field"]) == (413, "body")
    connection.close()
