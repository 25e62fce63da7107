"""What does not count, whoever names it."""

import pytest

from buildstate_worker.inputs.ignoring import Ignored

from .checkouts import Folder


@pytest.mark.parametrize(
    ("name", "is_ignored"),
    [
        ("build.log", True),
        ("deep/down/build.log", True),
        ("out/disk", True),
        ("other/out/disk", False),
        ("important.log", False),
        ("hosts", False),
        (".git/index", True),
        ("module/.git/index", True),
        (".bldst/machine", True),
        (".gitignore", False),
    ],
)
def test_globs_are_those_of_a_gitignore(folder: Folder, name: str, *, is_ignored: bool) -> None:
    ignored = Ignored(folder.path, ["*.log", "/out/", "!important.log"])
    assert ignored.has(str(folder.path / name)) is is_ignored


def test_a_file_in_the_working_directory_holds_more(folder: Folder) -> None:
    folder.write(".bldstignore", "# What scanners write.\n*.sarif\n")
    ignored = Ignored(folder.path, ["*.log"])
    names = ("a.sarif", "a.log", "a.txt", ".bldstignore")
    assert [ignored.has(str(folder.path / name)) for name in names] == [True, True, False, False]


def test_places_do_not_count_with_all_below_them(folder: Folder) -> None:
    ignored = Ignored(folder.path, places=[str(folder.path / "out")])
    names = ("out", "out/disk", "output")
    assert [ignored.has(str(folder.path / name)) for name in names] == [True, True, False]


def test_a_file_beside_the_working_directory_can_be_named(folder: Folder) -> None:
    ignored = Ignored(folder.path / "images", ["../hosts"])
    assert ignored.has(str(folder.path / "hosts"))


def test_an_absolute_path_names_what_lies_there(folder: Folder) -> None:
    outside = folder.path.parent / "hosts"
    ignored = Ignored(folder.path, [str(outside), f"{folder.path}/conf/"])
    names = (outside, folder.path / "conf/a", folder.path / "a")
    assert [ignored.has(str(name)) for name in names] == [True, True, False]
