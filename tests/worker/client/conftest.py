"""Clients, and a server that answers them what it is told to."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from buildstate_worker.client import Client

from .web import Web


@pytest.fixture
def web() -> Iterator[Web]:
    with Web().running() as web:
        yield web


@pytest.fixture
def make_client() -> Iterator[Callable[..., Client]]:
    made: list[Client] = []

    def make(url: str, key: str | None = "k", **more: Any) -> Client:
        made.append(Client(url, key, **more))
        return made[-1]

    yield make
    for each in made:
        each.close()
