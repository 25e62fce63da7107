"""What the HTTP client asks: its keys, pages and paths, and how long it is patient."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from support import Service

from buildstate_api.rest.problems import problem_response
from buildstate_core.errors import NotFound, Unreachable
from buildstate_core.models import ArtifactVerified
from buildstate_worker.client import ONCE, PATIENT, QUICK, STEADY, Client

from .web import Web


def test_each_write_has_an_idempotency_key_of_its_own(
    web: Web, make_client: Callable[..., Client]
) -> None:
    web.on(502)
    web.on(502)
    web.on(200, b"{}")
    client = make_client(web.url)
    for _ in range(2):
        with pytest.raises(Unreachable):
            client.verify_artifact(
                uuid4(), ArtifactVerified(checksum="sha256:" + "0" * 64, size_bytes=1)
            )
    keys = [headers["Idempotency-Key"] for _, _, headers in web.asked]
    assert len(keys) == 4
    assert len(set(keys[:3])) == 1
    assert keys[3] != keys[0]


def test_lists_are_read_to_their_end_page_by_page(service: Service) -> None:
    build = service.make_build()
    for number in range(120):
        service.report(build, 5, "failed", message=str(number))  # type: ignore[arg-type]
    told = [each.message for each in service.client.history(build.number)]
    assert told == [str(number) for number in range(120)]


def test_names_are_quoted_in_paths(web: Web, make_client: Callable[..., Client]) -> None:
    web.on(404, bytes(problem_response(NotFound("No such.")).body))
    with pytest.raises(NotFound):
        make_client(f"{web.url}/").get_project("a/../b?c#d é")
    assert web.asked[0][1] == "/v1/projects/a%2F..%2Fb%3Fc%23d%20%C3%A9"


def test_patience_is_ordered_and_bounded() -> None:
    def seconds(retries: Any) -> float:
        waits = [min(5.0, 0.2 * 2**n) for n in range(1, retries.total)]
        return sum(waits)

    assert ONCE.total == 0
    assert seconds(QUICK) < 4 < seconds(STEADY) < 20 < seconds(PATIENT) < 90
