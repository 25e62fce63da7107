"""The HTTP client: what it makes of answers, and of none."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from support import Service

from buildstate_api.rest.problems import problem_response
from buildstate_core import errors
from buildstate_core.errors import (
    BuildStateError,
    Conflict,
    Held,
    InvalidInput,
    NotAllowed,
    NotFound,
    Refused,
    StaleClaim,
    Unreachable,
)
from buildstate_core.models import (
    ArtifactVerified,
    BuildCreate,
    ClaimRequest,
    Complete,
    Heartbeat,
    KeyCreate,
    ProjectCreate,
    Report,
)
from buildstate_worker.client import ONCE, PATIENT, QUICK, STEADY, Client


class Web:
    """A server that answers what it is told to, and remembers what it was asked."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, bytes, dict[str, str]]] = []
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        web = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                web.asked.append((self.command, self.path, dict(self.headers)))
                status, content, headers = (
                    web.answers.pop(0) if len(web.answers) > 1 else web.answers[0]
                )
                self.send_response(status)
                for name, value in {"Content-Length": str(len(content)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815 - named by http.server

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def on(self, status: int, content: bytes = b"", **headers: str) -> None:
        self.answers.append((status, content, headers))


@pytest.fixture
def web() -> Iterator[Web]:
    web = Web()
    thread = threading.Thread(target=web.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield web
    web.server.shutdown()
    web.server.server_close()
    thread.join()


@pytest.fixture
def make_client() -> Iterator[Callable[..., Client]]:
    made: list[Client] = []

    def make(url: str, key: str | None = "k", **more: Any) -> Client:
        made.append(Client(url, key, **more))
        return made[-1]

    yield make
    for each in made:
        each.close()


UNTIL = datetime(2026, 11, 24, 14, 32, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(InvalidInput("state is 250.", field="state", code="state-out-of-range")),
        pytest.param(InvalidInput("It is not JSON.", code="malformed-json")),
        pytest.param(InvalidInput("It is too large.", code="body-too-large")),
        pytest.param(NotFound("There is no build 9.", code="build-not-found", hint="See: list")),
        pytest.param(Conflict("The name is taken.", code="project-exists", field="name")),
        pytest.param(Held("It is held.", holder="packer-07", until=UNTIL)),
        pytest.param(StaleClaim("It is lost.", hint="Claim it again.")),
        pytest.param(Refused("State 50 needs state 30 first.", code="run-first")),
        pytest.param(Refused("No.")),
        pytest.param(Refused("It is held.", code="a-code-that-no-client-has-heard-of")),
        pytest.param(BuildStateError("Nobody thought of it.", code="internal-error")),
        pytest.param(NotAllowed("The key is unknown.", code="unknown-key")),
        pytest.param(Unreachable("The database is away.", code="database-unreachable")),
    ],
    ids=lambda each: f"{type(each).__name__} {each.code}",
)
def test_a_problem_comes_back_as_the_error_that_it_was(
    error: BuildStateError, web: Web, make_client: Callable[..., Client]
) -> None:
    answer = problem_response(error)
    web.on(answer.status_code, bytes(answer.body))
    with pytest.raises(type(error)) as raised:
        make_client(web.url, retries=ONCE).get_build(9)
    assert type(raised.value) is type(error)
    assert {name: value for name, value in vars(raised.value).items() if value is not None} == {
        name: value for name, value in vars(error).items() if value is not None
    }


def test_every_class_of_errors_has_a_name_that_only_it_has() -> None:
    def below(cls: type[BuildStateError]) -> list[type[BuildStateError]]:
        return [cls, *(each for child in cls.__subclasses__() for each in below(child))]

    here = [each for each in below(BuildStateError) if each.__module__ == errors.__name__]
    assert len({each.default_code for each in here}) == len(here)
    on_a_worker = {errors.ArtifactUnreachable, errors.ArtifactLost}
    assert set(errors.ANSWERED.values()) == set(here) - on_a_worker
    assert all(name == each.default_code for name, each in errors.ANSWERED.items())


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (errors.ArtifactUnreachable("The mount is missing."), "refused"),
        (errors.ArtifactLost("It is gone.", reason="artifact_gone"), "conflict"),
    ],
)
def test_an_error_of_a_worker_is_answered_as_the_class_above_it(
    error: BuildStateError, name: str
) -> None:
    assert json.loads(bytes(problem_response(error).body))["error"] == name


@pytest.mark.parametrize("named", [{}, {"error": "of-a-later-release"}])
@pytest.mark.parametrize(
    ("status", "cls"),
    [
        (401, NotAllowed),
        (403, NotAllowed),
        (404, NotFound),
        (405, InvalidInput),
        (409, Conflict),
        (422, InvalidInput),
        (503, Unreachable),
        (500, BuildStateError),
    ],
)
def test_a_problem_that_names_no_error_known_here_is_taken_by_its_status(
    status: int,
    cls: type[BuildStateError],
    named: dict[str, str],
    web: Web,
    make_client: Callable[..., Client],
) -> None:
    problem = {"type": "/problems/odd", "title": "Odd", "status": status, "detail": "It is odd."}
    web.on(status, json.dumps(problem | named).encode())
    with pytest.raises(BuildStateError) as raised:
        make_client(web.url, retries=ONCE).get_build(9)
    assert type(raised.value) is cls
    assert raised.value.code == "odd"


def test_every_error_that_the_service_raises_has_a_class_here(service: Service) -> None:
    """The real ones, one of each."""
    build = service.make_build()
    claim = service.claim(build, 25)
    client = service.client
    with pytest.raises(Held) as held:
        client.report(build.number, Report(state=25, status="completed"))
    assert (held.value.holder, held.value.until is not None) == ("worker-a", True)
    with pytest.raises(StaleClaim):
        client.heartbeat(claim.attempt.id, Heartbeat(token="another"))
    with pytest.raises(NotFound):
        client.get_build("no-such")
    with pytest.raises(Conflict):
        client.create_project(ProjectCreate(name="rhel-base"))
    with pytest.raises(NotAllowed), Client(service.url, "bldst_no_such_key") as other:
        other.get_build(build.number)
    with pytest.raises(NotAllowed), Client(service.url, None) as other:
        other.get_build(build.number)
    service.complete(claim)
    service.complete(service.claim(build, 30))
    with pytest.raises(Refused) as refused:
        service.claim(build, 50, machine=())
    assert refused.value.code == "run-first"


def test_every_error_class_but_two_of_the_worker_s_own_can_come_from_the_service() -> None:
    own = {"ArtifactLost", "ArtifactUnreachable"}
    classes = {
        each.__name__
        for each in vars(errors).values()
        if isinstance(each, type) and issubclass(each, BuildStateError)
    }
    assert classes - own == {
        "BuildStateError", "InvalidInput", "NotFound", "Conflict", "Held", "StaleClaim", "Refused",
        "NotAllowed", "Unreachable",
    }  # fmt: skip


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
