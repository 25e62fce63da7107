"""What a command that moves bytes leaves when it is asked to end."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support import Service, until
from support.machine import Machine, machines

HUGE = 2**37
"""Holes, which are hashed all the same: for longer than any test takes."""


@pytest.fixture
def service(module_service: Service) -> Service:
    return module_service


@pytest.fixture
def machine(service: Service, tmp_path: Path) -> Iterator[Machine]:
    common = {"BLDST_API_URL": service.url, "BLDST_API_KEY": service.key}
    with machines(tmp_path / "machines", common) as make:
        yield make("server-a")


@pytest.fixture
def storage(tmp_path: Path) -> Path:
    return tmp_path / "storage"


@pytest.fixture
def build(service: Service, storage: Path) -> str:
    project = service.make_project(f"p{os.urandom(8).hex()}", storage_url=storage.as_uri())
    return str(service.make_build(project).number)


def unfinished(folder: Path) -> Callable[[], list[Path]]:
    return lambda: list(folder.rglob(".buildstate-*"))


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)], ids=["SIGTERM", "SIGHUP"]
)
def test_a_push_that_is_ended_leaves_nothing(
    machine: Machine, build: str, storage: Path, number: signal.Signals, code: int
) -> None:
    image = machine.write("huge.img")
    os.truncate(image, HUGE)
    running = machine.start("artifact", "push", build, "25", "huge.img")
    until(unfinished(storage))
    running.send(number)
    ended = running.end()
    assert (ended.code, ended.out) == (code, "")
    assert "Traceback" not in ended.err
    assert unfinished(storage)() == []
    assert image.stat().st_size == HUGE


def test_a_signal_that_the_caller_ignores_is_ignored(
    machine: Machine, build: str, storage: Path
) -> None:
    """As after `nohup`."""
    os.truncate(machine.write("huge.img"), HUGE)
    running = machine.start_script(f"trap '' HUP; exec bldst artifact push {build} 25 huge.img")
    until(unfinished(storage))
    running.send(signal.SIGHUP)
    running.send(signal.SIGTERM)
    assert running.end().code == 143
