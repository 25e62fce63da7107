"""What a workspace remembers: never more than is so."""

import os
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from buildstate_worker.files.stat_signature import signatures
from buildstate_worker.workspace.machine_state import Workspace

from .steps import a_step

BUILD = UUID(int=1)
OTHER = UUID(int=2)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


@pytest.fixture
def disk(workspace: Workspace) -> Path:
    """A file of the machine."""
    disk = workspace.folder / "disk"
    disk.write_text("10")
    return disk


def test_a_new_one_holds_nothing_and_writes_nothing(workspace: Workspace) -> None:
    workspace.clear(BUILD, "")
    assert workspace.held(BUILD, "") == ()
    assert not any(workspace.folder.iterdir())


def test_it_holds_what_was_done_last_until_it_is_cleared(workspace: Workspace) -> None:
    first, second = a_step(), a_step()
    workspace.hold(BUILD, "", first)
    workspace.hold(BUILD, "", second)
    assert Workspace(workspace.folder).held(BUILD, "") == (second,)
    workspace.clear(BUILD, "")
    assert Workspace(workspace.folder).held(BUILD, "") == ()


def test_it_keeps_out_of_git(workspace: Workspace) -> None:
    workspace.hold(BUILD, "", a_step())
    assert (workspace.folder / ".bldst/.gitignore").read_text() == "*\n"


def test_builds_are_apart(workspace: Workspace) -> None:
    step = a_step()
    workspace.hold(BUILD, "", step)
    assert workspace.held(OTHER, "") == ()
    workspace.clear(OTHER, "")
    assert workspace.held(BUILD, "") == (step,)


def test_a_lane_begins_where_the_trunk_is_and_goes_its_own_way(
    workspace: Workspace, disk: Path
) -> None:
    trunk, lane = a_step(), a_step()
    workspace.hold(BUILD, "", trunk, signatures([disk]))
    assert workspace.held(BUILD, "eu") == (trunk,)
    workspace.clear(BUILD, "eu")
    assert (workspace.held(BUILD, "eu"), workspace.held(BUILD, "us")) == ((), (trunk,))
    workspace.hold(BUILD, "eu", lane)
    assert (workspace.held(BUILD, "eu"), workspace.held(BUILD, "")) == ((lane,), (trunk,))


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"{}", b"null", b"[]", b"\xff\xfe", b"1" * 1000, b"\0", b"[" * 10_000),
        pytest.param(str(uuid4()).encode(), id="an id alone"),
        b'{"step": 5, "files": {}, "others": {}, "is_under_way": false}',
        b'{"step": "5", "files": {}, "others": {}, "is_under_way": false}',
    ],
)
def test_a_memory_that_makes_no_sense_is_none(content: bytes, workspace: Workspace) -> None:
    workspace.hold(BUILD, "", a_step())
    for file in (workspace.folder / ".bldst").glob("*/*/_"):
        file.write_bytes(content)
    assert workspace.held(BUILD, "") == ()


def test_something_else_in_its_place_holds_nothing(workspace: Workspace) -> None:
    (workspace.folder / ".bldst").write_text("a file")
    assert workspace.held(BUILD, "") == ()
    workspace.clear(BUILD, "")
    with pytest.raises(OSError, match=r"\.bldst"):
        workspace.hold(BUILD, "", a_step())


def test_what_cannot_be_forgotten_is_an_error(workspace: Workspace) -> None:
    """Or a machine that was changed half-way would be taken for one that was not."""
    step = a_step()
    workspace.hold(BUILD, "", step)
    draft = workspace.folder / f".bldst/machine/{BUILD}/.{os.getpid()}"
    draft.mkdir()
    with pytest.raises(IsADirectoryError):
        workspace.clear(BUILD, "")
    assert workspace.held(BUILD, "") == (step,)


def test_a_lane_can_begin_anew_from_where_the_trunk_is(workspace: Workspace, disk: Path) -> None:
    trunk = a_step()
    workspace.hold(BUILD, "", trunk, signatures([disk]))
    workspace.clear(BUILD, "eu")
    workspace.begin_anew(BUILD, "eu")
    workspace.begin_anew(BUILD, "us")  # which has done nothing yet
    workspace.begin_anew(BUILD, "")
    assert {workspace.held(BUILD, each) for each in ("", "eu", "us")} == {(trunk,)}


class TestFiles:
    """The machine's files, as far as they are known."""

    def test_what_is_held_is_void_once_one_was_touched(
        self, workspace: Workspace, disk: Path
    ) -> None:
        step, other = a_step(), workspace.folder / "other"
        other.touch()
        workspace.hold(BUILD, "", step, signatures([other, disk]))
        assert (workspace.held(BUILD, ""), workspace.held(BUILD, "eu")) == ((step,),) * 2
        disk.write_text("11")
        assert (workspace.held(BUILD, ""), workspace.held(BUILD, "eu")) == ((), ())

    def test_that_is_so_if_it_was_touched_while_what_was_made_was_stored(
        self, workspace: Workspace, disk: Path
    ) -> None:
        seen = signatures([disk])
        disk.write_text("another lane")
        workspace.hold(BUILD, "", a_step(), seen)
        assert workspace.held(BUILD, "") == ()

    def test_one_that_was_missing_and_is_there_now_was_touched(
        self, workspace: Workspace, disk: Path
    ) -> None:
        step, none = a_step(), workspace.folder / "none"
        workspace.hold(BUILD, "", step, signatures([disk, none]))
        assert workspace.held(BUILD, "") == (step,)
        none.touch()
        assert workspace.held(BUILD, "") == ()

    def test_one_that_nobody_can_look_at_is_never_as_it_was(
        self, workspace: Workspace, disk: Path
    ) -> None:
        loop = workspace.folder / "loop"
        loop.symlink_to("loop")
        workspace.hold(BUILD, "", a_step(), signatures([disk, loop]))
        assert workspace.held(BUILD, "") == ()

    def test_they_are_known_to_what_goes_on_from_there(
        self, workspace: Workspace, disk: Path, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        outside = tmp_path_factory.mktemp("outside") / "image"
        outside.touch()
        workspace.hold(BUILD, "", a_step(), signatures([disk, outside]))
        assert list(workspace.files(BUILD, "eu")) == [disk, outside]
        workspace.hold(BUILD, "eu", a_step())
        assert list(workspace.files(BUILD, "eu")) == []
        assert list(workspace.files(OTHER, "")) == []

    def test_a_workspace_can_be_moved_as_a_whole(self, tmp_path: Path) -> None:
        before, after = Workspace(tmp_path / "before"), Workspace(tmp_path / "after")
        before.folder.mkdir()
        (before.folder / "disk").touch()
        step = a_step()
        before.hold(BUILD, "", step, signatures([before.folder / "disk"]))
        before.folder.rename(after.folder)
        assert after.held(BUILD, "") == (step,)

    def test_a_name_that_is_no_text_is_kept_as_it_is(self, workspace: Workspace) -> None:
        odd = Path(os.fsdecode(os.fsencode(workspace.folder) + b"/\xff"))
        odd.touch()
        step = a_step()
        workspace.hold(BUILD, "", step, signatures([odd]))
        assert workspace.held(BUILD, "") == (step,)
        odd.write_text("more")
        assert workspace.held(BUILD, "") == ()


class TestWhereNoFileIsKnown:
    @pytest.fixture
    def trunk(self, workspace: Workspace) -> UUID:
        trunk = a_step()
        workspace.clear(BUILD, "")
        workspace.hold(BUILD, "", trunk)
        return trunk

    def test_it_is_void_as_soon_as_another_lane_begins(
        self, workspace: Workspace, trunk: str
    ) -> None:
        workspace.clear(OTHER, "eu")
        assert workspace.held(BUILD, "us") == (trunk,)
        workspace.clear(BUILD, "eu")
        assert (workspace.held(BUILD, "us"), workspace.held(BUILD, "")) == ((), ())
        workspace.begin_anew(BUILD, "eu")
        assert workspace.held(BUILD, "eu") == ()

    def test_what_another_lane_ran_before_does_not_matter(self, workspace: Workspace) -> None:
        workspace.hold(BUILD, "eu", a_step())
        workspace.clear(BUILD, "us")  # and failed
        step = a_step()
        workspace.clear(BUILD, "")
        workspace.hold(BUILD, "", step)
        assert workspace.held(BUILD, "") == (step,)

    @pytest.mark.parametrize("when", ["begins", "ends", "begins and ends"])
    def test_what_another_lane_runs_meanwhile_does(self, when: str, workspace: Workspace) -> None:
        if when == "ends":
            workspace.hold(BUILD, "us", a_step())
            workspace.clear(BUILD, "us")
        else:
            workspace.hold(BUILD, "", a_step())
        workspace.clear(BUILD, "eu")
        if when != "ends":
            workspace.clear(BUILD, "us")
        if when != "begins":
            workspace.hold(BUILD, "us", a_step())
        workspace.hold(BUILD, "eu", a_step())
        assert workspace.held(BUILD, "eu") == ()

    def test_files_that_are_all_missing_say_as_little(
        self, workspace: Workspace, trunk: str
    ) -> None:
        workspace.hold(BUILD, "", trunk, signatures([workspace.folder / "none"]))
        assert workspace.held(BUILD, "") == (trunk,)
        workspace.clear(BUILD, "eu")
        assert workspace.held(BUILD, "") == ()


class TestSetAside:
    @pytest.mark.parametrize("lane", ["", "eu"])
    def test_it_is_not_held_until_it_is_put_back(self, lane: str, workspace: Workspace) -> None:
        trunk = a_step()
        workspace.hold(BUILD, "", trunk)
        kept = workspace.set_aside(BUILD, lane)
        assert workspace.held(BUILD, lane) == ()
        assert workspace.held(BUILD, "us") == (() if lane == "" else (trunk,))
        workspace.put_back(BUILD, lane, kept)
        assert {workspace.held(BUILD, each) for each in ("", "eu", "us")} == {(trunk,)}

    def test_a_new_workspace_stays_as_it_is(self, workspace: Workspace) -> None:
        workspace.put_back(BUILD, "", workspace.set_aside(BUILD, ""))
        assert not any(workspace.folder.iterdir())

    def test_so_does_one_that_has_something_else_in_its_place(self, workspace: Workspace) -> None:
        (workspace.folder / ".bldst").write_text("a file")
        workspace.put_back(BUILD, "", workspace.set_aside(BUILD, ""))
        assert (workspace.folder / ".bldst").read_text() == "a file"

    def test_what_was_touched_meanwhile_is_void(self, workspace: Workspace, disk: Path) -> None:
        workspace.hold(BUILD, "", a_step(), signatures([disk]))
        kept = workspace.set_aside(BUILD, "")
        disk.write_text("more")
        workspace.put_back(BUILD, "", kept)
        assert workspace.held(BUILD, "") == ()


class TestWhetherALaneCanBeginAnew:
    def test_if_the_trunk_has_run_since_the_lane_has(self, workspace: Workspace) -> None:
        workspace.hold(BUILD, "", a_step())
        workspace.clear(BUILD, "eu")
        assert not workspace.can_begin_anew(BUILD, "eu")
        workspace.clear(BUILD, "")
        assert not workspace.can_begin_anew(BUILD, "eu")
        workspace.hold(BUILD, "", a_step())
        assert workspace.can_begin_anew(BUILD, "eu")

    def test_not_if_it_is_there_already(self, workspace: Workspace) -> None:
        workspace.hold(BUILD, "", a_step())
        assert not workspace.can_begin_anew(BUILD, "eu")
        assert not workspace.can_begin_anew(BUILD, "")

    def test_not_if_the_trunk_is_no_longer_as_it_was(
        self, workspace: Workspace, disk: Path
    ) -> None:
        workspace.clear(BUILD, "eu")
        workspace.hold(BUILD, "eu", a_step())
        workspace.hold(BUILD, "", a_step(), signatures([disk]))
        assert workspace.can_begin_anew(BUILD, "eu")
        disk.write_text("more")
        assert not workspace.can_begin_anew(BUILD, "eu")
