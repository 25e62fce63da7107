"""Clients, and a server that answers them what it is told to."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from buildstate_worker.client import Client

from .web import Web


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
