"""The HTTP client makes an error of each problem that the service answers."""

import json
from collections.abc import Callable
from datetime import UTC, datetime

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
from buildstate_core.models import Heartbeat, ProjectCreate, Report
from buildstate_worker.client import ONCE, Client

from .web import Web

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
