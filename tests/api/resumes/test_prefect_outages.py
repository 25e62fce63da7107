"""A Prefect that is missing, down, hanging or somewhere else."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

import pytest

from buildstate_api.resumes.asking import MAX_TRIES
from buildstate_api.settings import PrefectSettings

from .world import World


@pytest.fixture
def closed_port() -> Iterator[str]:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}/api"


@dataclass
class Hanging:
    """An address where somebody listens, takes a request, and says nothing."""

    listener: socket.socket

    @contextmanager
    def job(self, world: "World", api_key: str | None = None) -> Iterator[bytes]:
        """Run the job with it; in the block it waits for the answer to what it has sent."""
        url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/api"
        with ThreadPoolExecutor(1) as pool:
            settings = PrefectSettings(api_url=url, api_key=api_key)
            asked = pool.submit(world.job, settings=settings)
            connection, _ = self.listener.accept()
            with connection:
                yield connection.recv(65536)
            asked.result()


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield Hanging(listener)


def test_a_prefect_that_hangs_keeps_nothing_locked(
    world: World, deployment: str, hanging: Hanging
) -> None:
    build = world.build()
    world.lose(world.claim(build, world.prefect.start(deployment)))
    with hanging.job(world):
        idle = "SELECT 1 FROM pg_stat_activity WHERE state = 'idle in transaction'"
        assert world.service.query(f"{idle} AND datname = current_database()") == []
        # Another copy takes it, since the first one takes too long.
        world.later()
        world.job()
        assert world.request(build).status == "sent"
    # The first one has been told that there is no answer, but that is not news any more.
    request = world.request(build)
    assert (request.status, request.tries) == ("sent", 0)
    assert world.story(build) == ["pending", "sent"]


def test_without_a_prefect_the_request_says_what_to_set(world: World) -> None:
    build = world.build()
    world.lose(world.claim(build, str(uuid4())))
    world.settings = None
    world.job()
    request = world.request(build)
    assert (request.status, request.next_try_at) == ("failed", None)
    assert "BLDST_PREFECT_API_URL" in (request.message or "")
    assert world.story(build) == ["pending", "failed"]


def test_a_prefect_that_is_down_is_asked_again_later_and_later(
    world: World, deployment: str, closed_port: str
) -> None:
    build = world.build()
    world.lose(world.claim(build, world.prefect.start(deployment)))
    down = PrefectSettings(api_url=closed_port)
    waits = []
    for tries in range(1, MAX_TRIES):
        world.later()
        world.job(settings=down)
        request = world.request(build)
        assert (request.status, request.tries) == ("pending", tries)
        assert closed_port in (request.message or "")
        assert request.next_try_at is not None
        waits.append(request.next_try_at - request.updated_at)
    assert waits == [timedelta(seconds=each) for each in (5, 10, 20, 40, 80, 160, 300)]
    world.later()
    world.job(settings=down)
    request = world.request(build)
    assert (request.status, request.tries) == ("failed", MAX_TRIES)
    assert f"Given up after {MAX_TRIES} tries" in (request.message or "")


def test_a_prefect_that_comes_back_is_asked_after_all(
    world: World, deployment: str, closed_port: str
) -> None:
    build = world.build()
    world.lose(world.claim(build, world.prefect.start(deployment)))
    world.job(settings=PrefectSettings(api_url=closed_port))
    world.later()
    world.job()
    request = world.request(build)
    assert (request.status, request.tries) == ("sent", 0)


def test_the_key_is_shown_to_prefect(world: World, hanging: Hanging) -> None:
    build = world.build()
    world.lose(world.claim(build, str(uuid4())))
    with hanging.job(world, api_key="pnu_secret") as sent:
        assert b"Authorization: Bearer pnu_secret" in sent
    assert "pnu_secret" not in (world.request(build).message or "")


def test_an_address_that_is_not_prefects_api_says_so(world: World, deployment: str) -> None:
    build = world.build()
    world.lose(world.claim(build, world.prefect.start(deployment)))
    for url in (world.prefect.url.removesuffix("/api"), world.service.url):
        world.later()
        world.job(settings=PrefectSettings(api_url=url))
        request = world.request(build)
        assert request.status == "pending"
        assert "BLDST_PREFECT_API_URL" in (request.message or "")
