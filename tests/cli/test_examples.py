"""The examples that `--help` shows are true: they are parsed, and run against the real service."""

import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer
from support import Service

from buildstate_cli.app import app
from buildstate_cli.examples import EXAMPLES
from buildstate_core.models import Build, KeyCreate
from buildstate_core.vocabulary import AttemptStatus

Bldst = Callable[..., Any]
ARTIFACT = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
RUN_ELSEWHERE = {
    "demo": "tests/e2e/test_demo.py",
    "server start": "tests/cli/test_server.py",
    "server stop": "tests/cli/test_server.py",
    "server migrate": "tests/cli/test_server.py",
    "resume": "tests/cli/test_resume_command.py",
}
"""What needs a service or a Prefect of its own, and the tests that run it."""

ALL = [pytest.param(path, line, id=line[:60]) for path, lines in EXAMPLES.items() for line in lines]
RUN_HERE = [
    pytest.param(line, id=line[:60])
    for path, lines in EXAMPLES.items()
    if path not in RUN_ELSEWHERE
    for line in lines
]


@dataclass(frozen=True)
class World:
    """What the examples name, as it is here.

    Attributes:
        ours, other: Builds 123 and 124.
        artifact: What a state before 10 of the first has left; state 10 has left one, too.
        archive: Where a copy can go.
    """

    service: Service
    ours: Build
    other: Build
    artifact: str
    archive: str

    def in_place(self, line: str) -> str:
        """Return an example with the names that count here."""
        line = ARTIFACT.sub(self.artifact, line).replace("s3://archive", self.archive)
        line = re.sub(r"\b123\b", str(self.ours.number), line)
        return re.sub(r"\b124\b", str(self.other.number), line)


def words(line: str) -> list[str]:
    """The words behind `bldst`, without the shell that keeps what it prints."""
    found = re.fullmatch(r"(?:[A-Z]+=\$\()?bldst (.*?)\)?", line)
    assert found is not None
    return shlex.split(found[1])


def leaves(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from leaves(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


COMMANDS: Mapping[str, Any] = dict(leaves(typer.main.get_command(app)))


@pytest.fixture
def world(
    service: Service,
    bldst: Bldst,
    environment: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> World:
    """What the examples name: builds, an artifact, files and programs, a key."""
    monkeypatch.chdir(tmp_path)
    environment.update(BLDST_API_URL=service.url, BLDST_API_KEY=service.key)
    environment["BLDST_PROBE_EBS_SNAPSHOT"] = "true"
    service.make_project("rhel-base", storage_url=(tmp_path / "storage").as_uri())
    service.make_project("rhel-azure", storage_url=(tmp_path / "storage").as_uri())
    ours, other = (service.make_build(key=key) for key in ("ours", "other"))
    (tmp_path / "out").mkdir()
    (tmp_path / "out/hard.qcow2").write_text("hardened")
    for state in ("5", "10"):
        (tmp_path / "out/base.qcow2").write_text(f"made at {state}")
        assert bldst("artifact", "push", f"{ours.number}", state, "out/base.qcow2").code == 0
    for name, body in (("harden", "cp $1 out/hard.qcow2"), ("register", ""), ("is-registered", "")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "catalog.yml").write_text(
        bldst("catalog", "show", "rhel-base", "--output", "yaml").out
    )
    service.client.create_key(KeyCreate(name="ci"))
    artifacts = bldst("artifact", "list", f"{ours.number}", "--output", "json").data
    return World(service, ours, other, artifacts[0]["id"], (tmp_path / "archive").as_uri())


def test_every_command_has_an_example_and_no_other_has_one() -> None:
    assert sorted(EXAMPLES) == sorted(COMMANDS)
    assert not [path for path, lines in EXAMPLES.items() if not lines]


@pytest.mark.parametrize(("path", "line"), ALL)
def test_an_example_is_what_its_command_takes(path: str, line: str) -> None:
    given = words(line)
    name = path.split()
    assert given[: len(name)] == name
    COMMANDS[path].make_context(path, given[len(name) :])


@pytest.mark.parametrize("line", RUN_HERE)
def test_an_example_works(line: str, world: World, bldst: Bldst) -> None:
    if line == "bldst watch 123":  # which goes on until the build is over
        world.service.report(world.ours, 100, AttemptStatus.COMPLETED)
    answer = bldst(*words(world.in_place(line)))
    assert answer.code == 0, answer.err


@pytest.mark.parametrize("file", sorted(set(RUN_ELSEWHERE.values())))
def test_what_is_run_elsewhere_has_its_tests_there(file: str) -> None:
    assert (Path(__file__).parents[2] / file).is_file()
