"""What comes up and changes in a working directory while a command runs."""

import os

from buildstate_worker.inputs.created import Before

from .checkouts import Folder


def since(folder: Folder, before: Before) -> tuple[list[str], list[str]]:
    created, changed = before.since()
    start = f"{os.path.realpath(folder.path)}/"
    return (
        sorted(each.removeprefix(start) for each in created),
        sorted(each.removeprefix(start) for each in changed),
    )


def test_files_that_come_up_and_that_change_are_told_apart(folder: Folder) -> None:
    folder.write("a")
    path = folder.write("b")
    folder.write("sub/c")
    before = Before.look(folder.path)
    os.utime(path, (0, 0))
    folder.write("new")
    folder.write("sub/new/er")
    (folder.path / "link").symlink_to("nowhere")
    assert since(folder, before) == (["link", "new", "sub/new/er"], ["b"])


def test_what_git_and_buildstate_write_is_left_out(folder: Folder) -> None:
    before = Before.look(folder.path)
    folder.write(".git/index")
    folder.write(".bldst/machine")
    folder.write("sub/.git/index")
    assert since(folder, before) == ([], [])


def test_where_there_are_too_many_nothing_is_known(folder: Folder) -> None:
    before = Before(folder.path, None)
    folder.write("new")
    assert since(folder, before) == ([], [])
