"""What a workspace remembers of its machine while a command runs, and afterwards."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from buildstate_core.vocabulary import Kind
from buildstate_worker.files.stat_signature import signatures
from buildstate_worker.workspace.machine_state import Workspace
from buildstate_worker.workspace.one_run import MachineDuringRun

from .steps import a_step

BUILD = UUID(int=1)
MOVING = [None, Kind.CHECKPOINT, Kind.STEP]
LOOKING = [Kind.GATE, Kind.EFFECT, Kind.EPHEMERAL]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


@pytest.fixture
def disk(workspace: Workspace) -> Path:
    """A file of the machine."""
    disk = workspace.folder / "disk"
    disk.write_text("10")
    return disk


@pytest.fixture
def before(workspace: Workspace, disk: Path) -> str:
    """A step that the machine holds."""
    step = a_step()
    workspace.hold(BUILD, "", step, signatures([disk]))
    return step


@pytest.fixture
def make_machine(workspace: Workspace) -> Callable[..., MachineDuringRun]:
    def make(kind: Kind | None, **options: Any) -> MachineDuringRun:
        wanted = {"is_in_place": True, "restored": [], **options}
        return MachineDuringRun(workspace, BUILD, "", kind=kind, **wanted)

    return make


@pytest.mark.parametrize("kind", [*MOVING, *LOOKING])
@pytest.mark.usefixtures("before")
def test_nothing_is_held_from_before_a_command_starts(
    kind: Kind | None, make_machine: Callable[..., MachineDuringRun], workspace: Workspace
) -> None:
    """So that a command that fails, or a machine that dies, leaves nothing that is relied on."""
    machine = make_machine(kind)
    machine.begin()
    machine.look([])
    assert workspace.held(BUILD, "") == ()


@pytest.mark.parametrize("kind", MOVING)
@pytest.mark.usefixtures("before")
def test_what_a_command_has_done_is_held_once_it_is_recorded(
    kind: Kind | None, make_machine: Callable[..., MachineDuringRun], workspace: Workspace
) -> None:
    step, made = a_step(), workspace.folder / "made"
    machine = make_machine(kind)
    machine.begin()
    made.write_text("25")
    machine.look([made])
    machine.end(step)
    assert workspace.held(BUILD, "") == (step,)
    assert {each.name for each in workspace.files(BUILD, "")} == {"disk", "made"}


@pytest.mark.parametrize("kind", LOOKING)
def test_what_was_held_is_held_again_after_what_only_looks(
    kind: Kind, before: str, make_machine: Callable[..., MachineDuringRun], workspace: Workspace
) -> None:
    machine = make_machine(kind)
    machine.begin()
    machine.look([])
    machine.end(a_step())
    assert workspace.held(BUILD, "") == (before,)


@pytest.mark.usefixtures("before")
def test_what_is_touched_while_it_is_stored_is_not_held(
    disk: Path, make_machine: Callable[..., MachineDuringRun], workspace: Workspace
) -> None:
    machine = make_machine(Kind.STEP)
    machine.begin()
    machine.look([])
    disk.write_text("another lane")
    machine.end(a_step())
    assert workspace.held(BUILD, "") == ()


@pytest.mark.usefixtures("before")
def test_a_machine_that_was_restored_is_of_the_restored_files_alone(
    make_machine: Callable[..., MachineDuringRun], workspace: Workspace
) -> None:
    restored = workspace.folder / "image"
    restored.write_text("10")
    machine = make_machine(Kind.STEP, is_in_place=False, restored=[restored])
    machine.begin()
    machine.look([])
    machine.end(a_step())
    assert list(workspace.files(BUILD, "")) == [restored]
