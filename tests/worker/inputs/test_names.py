"""One file has one name, whoever spells its path how, wherever the checkout lies."""

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buildstate_worker.inputs.names import full_path, name_of, storable
from buildstate_worker.reads import Project

from .checkouts import Folder

steps = st.lists(st.sampled_from(["a", "b", ".", "..", "conf", "é"]), min_size=1, max_size=6)


@given(steps, st.sampled_from(["", "./", "conf/../", "a//../"]))
@settings(deadline=None, derandomize=True)
def test_a_path_has_one_name_however_it_is_spelled(path: list[str], start: str) -> None:
    folder, project = Path("/nowhere/work"), Project("/nowhere/work")
    plain = full_path("/".join(path), folder)
    spelled = full_path(start + "//".join(path), folder)
    assert spelled == plain
    assert name_of(spelled, folder, project) == name_of(plain, folder, project)
    assert full_path(plain, folder) == plain


@given(steps)
@settings(deadline=None, derandomize=True)
def test_the_name_of_what_is_in_a_project_does_not_tell_where_that_lies(path: list[str]) -> None:
    text = "/".join(each for each in path if each != "..")
    here, there = Path("/nowhere/one/sub"), Path("/elsewhere/two/sub")
    names = {
        name_of(full_path(text, folder), folder, Project(str(folder.parent)))
        for folder in (here, there)
    }
    assert len(names) == 1
    assert not names.pop().startswith("/")


def test_an_absolute_path_into_the_checkout_is_the_relative_one(folder: Folder) -> None:
    project = Project.around(folder.path)
    for text in ("conf/hosts", "./conf/hosts", str(folder.path / "conf/hosts")):
        assert name_of(full_path(text, folder.path), folder.path, project) == "conf/hosts"


def test_what_lies_beside_the_working_directory_in_the_project_is_relative_to_it(
    folder: Folder,
) -> None:
    work = folder.path / "images"
    path = full_path("../shared/hosts", work)
    assert name_of(path, work, Project.around(folder.path)) == "../shared/hosts"


def test_what_lies_outside_of_the_project_is_named_by_its_whole_path(folder: Folder) -> None:
    path = full_path("../hosts", folder.path)
    assert name_of(path, folder.path, Project.around(folder.path)) == path
    assert path.startswith("/")


def test_a_folder_behind_a_link_is_the_same_as_that_folder(folder: Folder) -> None:
    folder.write("conf/hosts")
    (folder.path.parent / "link").symlink_to(folder.path)
    work = folder.path.parent / "link"
    project = Project.around(work)
    assert name_of(full_path("conf/hosts", work), work, project) == "conf/hosts"


def test_a_link_has_a_name_of_its_own(folder: Folder) -> None:
    folder.write("hosts")
    (folder.path / "link").symlink_to("hosts")
    assert full_path("link", folder.path).endswith("/link")


def test_both_forms_of_a_name_in_unicode_are_one() -> None:
    assert {storable(unicodedata.normalize(form, "é/ö")) for form in ("NFC", "NFD")} == {"é/ö"}


@pytest.mark.parametrize("name", ["a\nb", "a b", "-a", "caf\udce9"])
def test_any_name_can_be_recorded(name: str) -> None:
    assert storable(name).encode().decode() == storable(name)


def test_long_names_are_told_apart_by_their_ends() -> None:
    one, other = (storable("a" * 1000 + end) for end in "xy")
    assert (one == other, len(one), one[:400] == other[:400]) == (False, 417, True)
