"""A project with a policy, in a service whose own job of retention rests."""

from itertools import count

import pytest
from support import Service

from .policies import POLICY, STATES, enqueue

NUMBERS = count()


@pytest.fixture(scope="module")
def service(module_service: Service) -> Service:
    """A service whose own job never comes in between: one that waits for tomorrow has its place."""
    enqueue(module_service.database_url, schedule_in={"days": 1})
    return module_service


@pytest.fixture
def project(service: Service) -> str:
    """A project of the test's own, with a policy."""
    return service.make_project(f"images-{next(NUMBERS)}", states=STATES, retention=POLICY)
