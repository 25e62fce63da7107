"""The HTTP client without an answer: it asks again, and nothing is done twice."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from urllib.parse import urlsplit

import pytest
from support import Service

from buildstate_api.rest.problems import problem_response
from buildstate_core.errors import NotFound, Unreachable
from buildstate_core.models import (
    BuildCreate,
    ClaimRequest,
    Complete,
    KeyCreate,
    ProjectCreate,
    Report,
)
from buildstate_worker.client import ONCE, Client

from .web import Web


class TestUnreachable:
    def test_nobody_listens(self, make_client: Callable[..., Client]) -> None:
        with closing(socket.socket()) as held:
            held.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{held.getsockname()[1]}"
            with pytest.raises(Unreachable, match=f"{url} cannot be reached: Connection refused"):
                make_client(url, retries=ONCE).get_build(1)

    @pytest.mark.parametrize(
        "url",
        [
            "http://no.such.host.invalid", "http://", "http://[::1", "http://x:99999",
            "ftp://x", "http://" + "a" * 300, "http://a..b", "no scheme",
        ],
    )  # fmt: skip
    def test_a_url_that_leads_nowhere(self, url: str, make_client: Callable[..., Client]) -> None:
        with pytest.raises(Unreachable, match="cannot be reached"):
            make_client(url, retries=ONCE).get_build(1)

    @pytest.mark.parametrize(
        ("status", "content"),
        [
            (200, b"<html>It works!</html>"),
            (200, b""),
            (200, b"{}"),
            (404, b"<html>nginx</html>"),
            (500, b"oops"),
            (403, b'{"message": "Forbidden"}'),
        ],
    )
    def test_another_program_answers(
        self, status: int, content: bytes, web: Web, make_client: Callable[..., Client]
    ) -> None:
        web.on(status, content)
        with pytest.raises(Unreachable) as raised:
            make_client(web.url).get_build(1)
        assert (raised.value.code, len(web.asked)) == ("bad-answer", 1)

    def test_it_hangs_up(self, make_client: Callable[..., Client]) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:

            def hang_up() -> None:
                server.accept()[0].close()

            thread = threading.Thread(target=hang_up)
            thread.start()
            url = f"http://127.0.0.1:{server.getsockname()[1]}"
            with pytest.raises(Unreachable, match="cannot be reached"):
                make_client(url, retries=ONCE).get_build(1)
            thread.join()

    def test_a_proxy_that_asks_for_an_hour_does_not_get_it(
        self, web: Web, make_client: Callable[..., Client]
    ) -> None:
        web.on(503, b"", **{"Retry-After": "3600"})
        web.on(404, bytes(problem_response(NotFound("No such.")).body))
        with pytest.raises(NotFound):
            make_client(web.url).get_build(1)

    def test_the_key_is_not_sent_to_where_a_redirect_leads(
        self, web: Web, make_client: Callable[..., Client]
    ) -> None:
        elsewhere = web.url.replace("127.0.0.1", "localhost")
        web.on(302, b"", Location=f"{elsewhere}/elsewhere")
        web.on(200, b"{}")
        with pytest.raises(Unreachable):
            make_client(web.url, "s3cret").get_build(1)
        assert [path for _, path, _ in web.asked][-1] == "/elsewhere"
        assert "Authorization" not in web.asked[-1][2]


class LosesAnswers:
    """A proxy that passes requests on, and hangs up in place of the first answers."""

    def __init__(self, url: str, *, lost: int) -> None:
        target = urlsplit(url)
        self._target = (str(target.hostname), target.port or 80)
        self._lost = lost
        self.passed = 0
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self) -> None:
        socket.create_connection(self._server.getsockname()).close()
        self._thread.join(30)
        self._server.close()

    def _run(self) -> None:
        while True:
            client, _ = self._server.accept()
            with closing(client):
                request = client.recv(65536)
                if not request:
                    return
                while b"\r\n\r\n" not in request or _is_missing_body(request):
                    request += client.recv(65536)
                with socket.create_connection(self._target) as server:
                    server.sendall(request.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
                    answer = b"".join(iter(lambda: server.recv(65536), b""))
                self.passed += 1
                if self.passed > self._lost:
                    client.sendall(answer)


def _is_missing_body(request: bytes) -> bool:
    head, _, body = request.partition(b"\r\n\r\n")
    lengths = [
        int(line.partition(b":")[2])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length:")
    ]
    return len(body) < sum(lengths)


@pytest.fixture
def make_flaky(
    service: Service, make_client: Callable[..., Client]
) -> Iterator[Callable[[int], tuple[LosesAnswers, Client]]]:
    made: list[LosesAnswers] = []

    def make(lost: int) -> tuple[LosesAnswers, Client]:
        made.append(LosesAnswers(service.url, lost=lost))
        return made[-1], make_client(made[-1].url, service.key)

    yield make
    for each in made:
        each.close()


class TestLostAnswers:
    def test_a_report_that_was_sent_three_times_is_there_once(
        self, service: Service, make_flaky: Callable[[int], tuple[LosesAnswers, Client]]
    ) -> None:
        build = service.make_build()
        flaky, client = make_flaky(2)
        told = client.report(build.number, Report(state=5, status="failed", message="x"))
        assert flaky.passed == 3
        assert list(service.client.history(build.number)) == [told]

    def test_a_build_and_a_project_are_made_once(
        self, service: Service, make_flaky: Callable[[int], tuple[LosesAnswers, Client]]
    ) -> None:
        _, client = make_flaky(1)
        assert client.create_project(ProjectCreate(name="p")).name == "p"
        _, client = make_flaky(1)
        made = client.create_build(BuildCreate(project="p"))
        assert list(service.client.list_builds()) == [made]

    def test_a_claim_whose_answer_was_lost_is_the_caller_s_all_the_same(
        self, service: Service, make_flaky: Callable[[int], tuple[LosesAnswers, Client]]
    ) -> None:
        build = service.make_build()
        _, client = make_flaky(1)
        claim = client.claim(build.number, ClaimRequest(state=25, worker="w"))
        assert (claim.decision, claim.attempt.attempt) == ("run", 1)
        assert claim.token is not None
        _, client = make_flaky(1)
        assert client.complete(claim.attempt.id, Complete(token=claim.token)).status == "completed"
        assert len(list(service.client.history(build.number))) == 1

    def test_a_key_whose_answer_was_lost_is_made_anew(
        self, service: Service, make_flaky: Callable[[int], tuple[LosesAnswers, Client]]
    ) -> None:
        """The service keeps no secret, so that it could not say the first one again."""
        _, client = make_flaky(1)
        key = client.create_key(KeyCreate(name="ci"))
        assert [each.name for each in service.client.list_keys()] == ["tests", "ci", "ci"]
        with Client(service.url, key.key) as other:
            assert list(other.list_builds()) == []
