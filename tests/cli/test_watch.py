"""`bldst watch`: a build that goes on while it is looked at, against the real service."""

import json
import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import yaml
from support import Service, image

from buildstate_cli.options import Format
from buildstate_cli.output import text as plain
from buildstate_cli.session import Session
from buildstate_cli.watch import view as watching
from buildstate_cli.watch.actions import watch
from buildstate_core.models import Attempt, Build, Cancel, Claim, Heartbeat, Transfer
from buildstate_core.vocabulary import Activity

Bldst = Callable[..., Any]
MIB = 2**20
ANEW = "a rerun starts from the beginning."


@pytest.fixture
def service(module_service: Service) -> Service:
    return module_service


@pytest.fixture(autouse=True)
def _configured(service: Service, environment: dict[str, str]) -> None:
    environment.update(BLDST_API_URL=service.url, BLDST_API_KEY=service.key)


@pytest.fixture
def build(service: Service, request: pytest.FixtureRequest) -> Build:
    return service.make_build(key=request.node.nodeid[-500:])


@pytest.fixture
def session(environment: dict[str, str]) -> Session:
    return Session({**os.environ, **environment})


def move(service: Service, claim: Claim, percent: int) -> None:
    """Say how far an upload is, as a worker's heartbeat does."""
    assert claim.token is not None
    transfer = Transfer(
        activity=Activity.UPLOADING,
        name="image.qcow2",
        done_bytes=percent * MIB,
        total_bytes=100 * MIB,
        seconds_left=100.0 - percent,
    )
    service.client.heartbeat(claim.attempt.id, Heartbeat(token=claim.token, transfer=transfer))


def in_turn(*steps: Callable[[], object]) -> Callable[[], object]:
    """Give what takes the next step whenever it is called."""
    left = iter(steps)

    def step() -> object:
        return next(left)()

    return step


def delivered(service: Service, build: Build) -> Iterator[None]:
    """Work on a build until it is delivered, a piece for each `next`."""
    claim = service.claim(build, 25, worker="packer-07")
    yield
    move(service, claim, 34)
    yield
    move(service, claim, 40)
    yield
    move(service, claim, 90)
    yield
    service.complete(claim, image())
    yield
    service.complete(service.claim(build, 100), image(content="b"))
    yield


def test_a_line_for_each_change_until_it_is_delivered(
    service: Service, build: Build, session: Session, capfd: pytest.CaptureFixture[str]
) -> None:
    work = delivered(service, build)
    next(work)
    code = watch(session, Format.TABLE, f"{build.number}", is_once=False, wait=lambda: next(work))
    lines = [line.partition(" ")[2] for line in capfd.readouterr().out.splitlines()]
    assert code == 0
    assert [line.partition(" after ")[0] for line in lines] == [
        f"#{build.number} rhel-base aws: in_progress at 25 Security baseline; {ANEW}",
        "state 25 Security baseline: in_progress on packer-07",
        "state 25 Security baseline: uploading image.qcow2 34 %, 1 min left",
        "state 25 Security baseline: uploading image.qcow2 90 %, 10 s left",
        "state 25 Security baseline: completed",
        "state 100 Published and delivered: completed",
        f"#{build.number} rhel-base aws: completed at 100 Published and delivered.",
    ]


@pytest.mark.parametrize("output", [Format.JSON, Format.YAML])
def test_an_object_for_each_change(
    service: Service,
    build: Build,
    session: Session,
    capfd: pytest.CaptureFixture[str],
    output: Format,
) -> None:
    claim = service.claim(build, 25)
    wait = in_turn(lambda: None, lambda: move(service, claim, 34), lambda: service.fail(claim))
    code = watch(session, output, f"{build.number}", is_once=False, wait=wait)
    told = capfd.readouterr().out
    seen = (
        [json.loads(line) for line in told.splitlines()]
        if output is Format.JSON
        else list(yaml.safe_load_all(told))
    )
    assert code == 1
    assert [each["build"]["status"] for each in seen] == ["in_progress", "in_progress", "failed"]
    [attempt] = seen[1]["attempts"]
    assert attempt["transfer"]["done_bytes"] == 34 * MIB


def test_what_is_cancelled_is_over(service: Service, build: Build, bldst: Bldst) -> None:
    service.client.cancel_build(build.number, Cancel(reason="superseded"))
    answer = bldst("watch", str(build.number))
    assert (answer.code, answer.err) == (1, "")
    assert answer.out.endswith(f"#{build.number} rhel-base aws: cancelled.\n")


def test_one_look_shows_who_works_on_what(service: Service, build: Build, bldst: Bldst) -> None:
    service.complete(service.claim(build, 10), image())
    move(service, service.claim(build, 25, lane="us", worker="packer-07"), 34)
    service.fail(service.claim(build, 60, lane="eu"), "AMI quota exceeded")
    answer = bldst("watch", str(build.number), "--once")
    assert (answer.code, answer.err) == (0, "")
    assert "done  10\n" in answer.out
    assert "uploading image.qcow2 34 %, 1 min left" in answer.out
    assert "AMI quota exceeded" in answer.out
    shown = bldst("watch", str(build.number), "--once", "-o", "json").data
    assert [each["state"] for each in shown["attempts"]] == [10, 25, 60]


def test_an_outage_is_waited_for(
    environment: dict[str, str],
    capfd: pytest.CaptureFixture[str],
    stub: Any,
    make_build: Callable[..., Build],
) -> None:
    environment.update(BLDST_API_URL=stub.url)
    stub.on("GET /v1/builds/123", make_build(status="in_progress").model_dump(mode="json"))
    stub.on("GET /v1/builds/123/history", {"items": [], "next_cursor": None})
    completed = make_build(status="completed").model_dump(mode="json")
    wait = in_turn(
        lambda: stub.refuse("GET /v1/builds/123", 503),
        lambda: stub.on("GET /v1/builds/123", completed),
    )
    session = Session({**os.environ, **environment})
    code = watch(session, Format.TABLE, "123", is_once=False, wait=wait)
    told = capfd.readouterr()
    assert code == 0
    assert "Trying again." in told.err
    assert told.out.splitlines()[-1].endswith("completed at 45 Storage.")


def test_a_build_that_is_not_there_is_said_at_once(bldst: Bldst) -> None:
    assert bldst("watch", "999999").code == 3


def test_a_clock_that_is_behind_gives_no_negative_time(
    make_build: Callable[..., Build], make_attempt: Callable[..., Attempt]
) -> None:
    attempt = make_attempt(status="in_progress", finished_at=None, duration_seconds=None)
    assert attempt.started_at is not None
    found = watching.seen(make_build(), [attempt])
    text = plain.render(watching.picture(found, attempt.started_at - timedelta(minutes=5)))
    assert "packer-07  1 s" in text
