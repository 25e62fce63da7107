"""What a workspace remembers: never more than is so."""

import os
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from buildstate_core.workspace import Workspace

BUILD = UUID(int=1)
OTHER = UUID(int=2)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def test_a_new_one_holds_nothing_and_writes_nothing(workspace: Workspace) -> None:
    workspace.clear(BUILD, "")
    assert workspace.held(BUILD, "") == ()
    assert not any(workspace.folder.iterdir())


def test_it_holds_what_was_done_last_until_it_is_cleared(workspace: Workspace) -> None:
    first, second = uuid4(), uuid4()
    workspace.hold(BUILD, "", first)
    workspace.hold(BUILD, "", second)
    assert Workspace(workspace.folder).held(BUILD, "") == (second,)
    workspace.clear(BUILD, "")
    assert Workspace(workspace.folder).held(BUILD, "") == ()


def test_it_keeps_out_of_git(workspace: Workspace) -> None:
    workspace.hold(BUILD, "", uuid4())
    assert (workspace.folder / ".bldst/.gitignore").read_text() == "*\n"


def test_builds_are_apart(workspace: Workspace) -> None:
    attempt = uuid4()
    workspace.hold(BUILD, "", attempt)
    assert workspace.held(OTHER, "") == ()
    workspace.clear(OTHER, "")
    assert workspace.held(BUILD, "") == (attempt,)


def test_a_lane_begins_where_the_trunk_is_and_goes_its_own_way(workspace: Workspace) -> None:
    trunk, lane = uuid4(), uuid4()
    workspace.hold(BUILD, "", trunk)
    assert workspace.held(BUILD, "eu") == (trunk,)
    workspace.clear(BUILD, "eu")
    assert (workspace.held(BUILD, "eu"), workspace.held(BUILD, "us")) == ((), (trunk,))
    workspace.hold(BUILD, "eu", lane)
    assert (workspace.held(BUILD, "eu"), workspace.held(BUILD, "")) == ((lane,), (trunk,))


@pytest.mark.parametrize("content", [b"", b"{}", b"null", b"\xff\xfe", b"1" * 1000, b"\0"])
def test_a_memory_that_makes_no_sense_is_none(content: bytes, workspace: Workspace) -> None:
    workspace.hold(BUILD, "", uuid4())
    for file in (workspace.folder / ".bldst").glob("*/*/_"):
        file.write_bytes(content)
    assert workspace.held(BUILD, "") == ()


def test_something_else_in_its_place_holds_nothing(workspace: Workspace) -> None:
    (workspace.folder / ".bldst").write_text("a file")
    assert workspace.held(BUILD, "") == ()
    workspace.clear(BUILD, "")
    with pytest.raises(OSError, match=r"\.bldst"):
        workspace.hold(BUILD, "", uuid4())


def test_what_cannot_be_forgotten_is_an_error(workspace: Workspace) -> None:
    """Or a machine that was changed half-way would be taken for one that was not."""
    attempt = uuid4()
    workspace.hold(BUILD, "", attempt)
    draft = workspace.folder / f".bldst/machine/{BUILD}/.{os.getpid()}"
    draft.mkdir()
    with pytest.raises(IsADirectoryError):
        workspace.clear(BUILD, "")
    assert workspace.held(BUILD, "") == (attempt,)


def test_a_lane_can_begin_anew_from_where_the_trunk_is(workspace: Workspace) -> None:
    trunk = uuid4()
    workspace.hold(BUILD, "", trunk)
    workspace.clear(BUILD, "eu")
    workspace.begin_anew(BUILD, "eu")
    workspace.begin_anew(BUILD, "us")  # which has done nothing yet
    workspace.begin_anew(BUILD, "")
    assert {workspace.held(BUILD, each) for each in ("", "eu", "us")} == {(trunk,)}
