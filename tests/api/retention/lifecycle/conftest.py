"""A project of the test's own, in a service that all tests of a file share."""

from collections.abc import Iterator
from itertools import count

import pytest
from support import Service

from buildstate_core.models import Build

NUMBERS = count()


@pytest.fixture
def service(module_service: Service) -> Service:
    return module_service


@pytest.fixture
def project(service: Service) -> Iterator[str]:
    """A project of the test's own."""
    return service.make_project(f"images-{next(NUMBERS)}")


@pytest.fixture
def build(service: Service, project: str) -> Build:
    return service.make_build(project)
