"""A pull puts its copy in the place of what it may replace, and of nothing else."""

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from buildstate_core.errors import Refused
from buildstate_worker.transfer import ArtifactStore, Pushed, digest_of

from .pulls import IMAGE, files_in, pull


def test_a_target_that_is_right_is_left_alone(
    store: ArtifactStore, pushed: Pushed, folder: Any, workspace: Path
) -> None:
    target = workspace / "a.raw"
    target.write_bytes(IMAGE)
    before = target.stat()
    folder.delete("image.raw")
    assert pull(store, pushed, target) == 0
    assert target.stat().st_ino == before.st_ino


def test_a_folder_that_is_right_is_left_alone(
    store: ArtifactStore, pushed_folder: Pushed, workspace: Path
) -> None:
    target = workspace / "out"
    pull(store, pushed_folder, target)
    before = target.stat().st_ino
    assert pull(store, pushed_folder, target) == 0
    assert target.stat().st_ino == before
    (target / "extra").touch()
    assert pull(store, pushed_folder, target) == 0
    assert [path.name for path in files_in(target)] == ["image.raw"]
    assert digest_of(target) == pushed_folder.checksum


@pytest.mark.parametrize(
    "occupant", ["file", "empty folder", "dangling link", "link", "second name"]
)
@pytest.mark.parametrize("what", ["pushed", "pushed_folder"])
def test_what_is_in_the_way_is_replaced(
    store: ArtifactStore,
    workspace: Path,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    occupant: str,
    what: str,
) -> None:
    pushed = request.getfixturevalue(what)
    target = workspace / "out"
    elsewhere = tmp_path / "source.raw"
    elsewhere.write_bytes(IMAGE)
    match occupant:
        case "file":
            target.write_bytes(b"half-changed")
        case "empty folder":
            target.mkdir()
        case "dangling link":
            target.symlink_to("nothing")
        case "link":
            target.symlink_to(elsewhere)
        case "second name":
            target.hardlink_to(elsewhere)
    pull(store, pushed, target)
    assert not target.is_symlink()
    assert target.is_dir() == pushed.folder
    assert target.stat().st_ino != elsewhere.stat().st_ino
    assert digest_of(target) == pushed.checksum
    assert [path.name for path in workspace.iterdir()] == ["out"]


def test_a_folder_that_a_step_has_changed_is_replaced(
    store: ArtifactStore, pushed_folder: Pushed, workspace: Path
) -> None:
    (workspace / "out" / "deep").mkdir(parents=True)
    (workspace / "out" / "deep").chmod(0o500)
    pull(store, pushed_folder, workspace / "out")
    assert digest_of(workspace / "out") == pushed_folder.checksum
    assert [path.name for path in workspace.iterdir()] == ["out"]


def test_a_folder_that_another_process_puts_there_meanwhile_is_replaced(
    store: ArtifactStore, pushed_folder: Pushed, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = workspace / "out"
    target.mkdir()
    moved_aside, rename = [], os.rename

    def overtaken(source: Path, goal: Path) -> None:
        rename(source, goal)
        if source == target and not moved_aside:
            moved_aside.append(goal)
            target.mkdir()
            (target / "of another").touch()

    monkeypatch.setattr(os, "rename", overtaken)
    pull(store, pushed_folder, target)
    assert moved_aside
    assert digest_of(target) == pushed_folder.checksum
    assert [path.name for path in workspace.iterdir()] == ["out"]


def test_a_file_takes_the_place_of_no_folder_that_holds_something(
    store: ArtifactStore, pushed: Pushed, workspace: Path
) -> None:
    (workspace / "out").mkdir()
    (workspace / "out" / "mine").touch()
    with pytest.raises(Refused, match="not empty, and the artifact is a file") as caught:
        pull(store, pushed, workspace / "out")
    assert caught.value.hint
    assert (workspace / "out" / "mine").exists()


@pytest.mark.parametrize("target", [".", "..", "inside/..", "../workspace", "/"])
def test_nothing_takes_the_place_of_the_current_folder_or_of_one_around_it(
    store: ArtifactStore,
    pushed_folder: Pushed,
    workspace: Path,
    monkeypatch: pytest.MonkeyPatch,
    target: str,
) -> None:
    (workspace / "inside").mkdir()
    monkeypatch.chdir(workspace)
    with pytest.raises(Refused, match="current folder"):
        pull(store, pushed_folder, Path(target))
    assert (workspace / "inside").exists()


@pytest.mark.parametrize("what", ["pushed", "pushed_folder"])
@pytest.mark.parametrize("occupant", ["a pipe", "a socket", "a link to a pipe"])
def test_nothing_takes_the_place_of_what_is_neither_file_nor_folder(
    store: ArtifactStore,
    workspace: Path,
    request: pytest.FixtureRequest,
    occupant: str,
    what: str,
) -> None:
    target = workspace / "out"
    match occupant:
        case "a pipe":
            os.mkfifo(target)
        case "a socket":
            os.mknod(target, stat.S_IFSOCK | 0o600)
        case _:
            os.mkfifo(workspace / "pipe")
            target.symlink_to("pipe")
    before = target.lstat()
    with pytest.raises(Refused, match=f"out is {occupant.removeprefix('a link to ')}"):
        pull(store, request.getfixturevalue(what), target)
    assert os.path.samestat(target.lstat(), before)
