import re
from collections.abc import Iterator
from uuid import uuid4

import pytest
from support import Service

from buildstate_api.app import create_app
from buildstate_api.settings import ServerSettings
from buildstate_core.errors import NotAllowed, NotFound
from buildstate_core.models import KeyCreate
from buildstate_worker.client import Client

OPEN = {("GET", "/healthz"), ("GET", "/readyz")}


def operations() -> Iterator[tuple[str, str]]:
    app = create_app(ServerSettings(database_url="postgresql://nowhere"))
    document = app.openapi()
    for path, methods in document["paths"].items():
        for method in methods:
            yield method.upper(), path
    yield "GET", "/openapi.json"


def test_every_route_but_health_refuses_a_request_without_a_good_key(service: Service) -> None:
    seen = 0
    for method, template in operations():
        path = re.sub(r"\{(artifact|attempt|key)\}", str(uuid4()), template)
        path = path.replace("{version}", "1").replace("{project}", "p").replace("{build}", "1")
        assert "{" not in path
        if (method, path) in OPEN:
            assert service.request(method, path, key=None).status == 200
            continue
        for key, code in ((None, "key-missing"), ("bldst_guessed", "key-unknown"), ("ü", None)):
            body = [{}] if method in {"POST", "PUT", "PATCH"} else []
            answer = service.request(method, path, *body, key=key)
            assert answer.status == 401, (method, path)
            assert answer.headers["www-authenticate"] == "Bearer"
            assert code is None or answer.problem["type"] == f"/problems/{code}"
        seen += 1
    assert seen > 20


def test_the_operations_of_the_document_are_all_that_there_are(service: Service) -> None:
    for path in ("/docs", "/redoc", "/metrics", "/v1", "/", "/v1/projects/"):
        assert service.request("GET", path).status == 404, path


def test_a_secret_is_shown_once_and_never_stored(service: Service) -> None:
    made = service.client.create_key(KeyCreate(name="ci"))
    assert made.key.startswith(made.prefix)
    assert len(made.prefix) < len(made.key) / 3
    shown = {each.id: each for each in service.client.list_keys()}[made.id]
    assert (shown.name, shown.prefix) == ("ci", made.prefix)
    assert made.key not in service.request("GET", "/v1/keys").content.decode()
    for table in service.counts():
        rows = service.query(f"SELECT * FROM {table}")  # type: ignore[arg-type]  # noqa: S608
        assert made.key not in str(rows), table
        assert made.key.encode() not in str(rows).encode(), table


def test_a_new_key_lets_in_until_it_is_revoked(service: Service) -> None:
    made = service.client.create_key(KeyCreate(name="ci"))
    with Client(service.url, made.key) as client:
        assert list(client.list_projects()) == []
        revoked = service.client.revoke_key(made.id)
        assert revoked.revoked_at is not None
        with pytest.raises(NotAllowed) as refused:
            list(client.list_projects())
        assert refused.value.code == "key-unknown"
    assert service.client.revoke_key(made.id).revoked_at == revoked.revoked_at


def test_the_use_of_a_key_is_noted(service: Service) -> None:
    made = service.client.create_key(KeyCreate(name="ci"))
    assert made.last_used_at is None
    assert service.request("GET", "/v1/projects", key=made.key).status == 200
    shown = {each.id: each for each in service.client.list_keys()}[made.id]
    assert shown.last_used_at is not None


def test_keys_are_listed_over_several_pages(service: Service) -> None:
    names = ["tests", *(service.client.create_key(KeyCreate(name=name)).name for name in "abc")]
    found: list[str] = []
    query = "limit=3"
    while query:
        page = service.request("GET", f"/v1/keys?{query}").json
        found += [each["name"] for each in page["items"]]
        query = page["next_cursor"] and f"limit=3&cursor={page['next_cursor']}"
    assert found == names


def test_an_unknown_key_cannot_be_revoked(service: Service) -> None:
    with pytest.raises(NotFound) as refused:
        service.client.revoke_key(uuid4())
    assert refused.value.field == "key"


def test_an_idempotency_key_belongs_to_the_api_key_that_sent_it(service: Service) -> None:
    service.make_project()
    other = service.client.create_key(KeyCreate(name="ci")).key
    body = {"project": "rhel-base"}
    numbers = [
        service.request("POST", "/v1/builds", body, key=key, headers={"Idempotency-Key": "k"}).json[
            "number"
        ]
        for key in (service.key, other, service.key)
    ]
    assert numbers[0] == numbers[2] != numbers[1]
