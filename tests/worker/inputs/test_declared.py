"""What a user declares: one part for each, by its name, whoever spells it how."""

import os
from collections.abc import Callable

import pytest

from buildstate_core.errors import InvalidInput
from buildstate_worker.inputs.declared import changed_since, input_parts

from .checkouts import Folder

MakeFolder = Callable[..., Folder]


def parts(folder: Folder, *inputs: str, **fields: list[str]) -> dict[str, str]:
    return input_parts(inputs, folder.checkout(**fields))


def test_one_file_is_one_input_however_it_is_spelled(folder: Folder) -> None:
    folder.write("conf/hosts")
    spelled = ("conf/hosts", "./conf/hosts", "conf//hosts", str(folder.path / "conf/hosts"))
    assert list(parts(folder, *spelled)) == ["input:conf/hosts"]


def test_it_is_the_same_in_another_checkout(make_folder: MakeFolder) -> None:
    one, other = make_folder("one"), make_folder("other")
    for each in (one, other):
        each.write("roles/web/main.yml")
    texts = ("roles", "roles/**/*.yml", "roles/web/main.yml")
    assert parts(one, *texts) == parts(other, *texts)
    assert parts(one, str(one.path / "roles")) == parts(other, str(other.path / "roles"))


def test_what_git_ignores_counts_all_the_same(make_folder: MakeFolder) -> None:
    folder = make_folder(is_git=True)
    folder.write(".gitignore", "*.log\n")
    folder.write("conf/a.log")
    before = parts(folder, "conf")
    folder.write("conf/a.log", "2")
    assert parts(folder, "conf") != before


def test_what_was_made_for_the_build_counts_all_the_same(folder: Folder) -> None:
    folder.write("conf/hosts")
    before = parts(folder, "conf", "conf/hosts")
    folder.note_made("conf/hosts")
    assert parts(folder, "conf", "conf/hosts") == before


@pytest.mark.parametrize("pattern", ["roles/*", "roles/**", "roles/**/*.yml", "rol*", "*/web"])
def test_a_glob_counts_with_the_files_that_it_matches(folder: Folder, pattern: str) -> None:
    folder.write("roles/web/main.yml")
    before = parts(folder, pattern)
    folder.write("roles/web/main.yml", "2")
    changed = parts(folder, pattern)
    assert list(changed) == [f"input:{pattern}"]
    assert changed != before


def test_a_file_whose_name_looks_like_a_glob_is_that_file(folder: Folder) -> None:
    folder.write("a[1].yml")
    before = parts(folder, "a[1].yml")
    folder.write("a1.yml")
    assert parts(folder, "a[1].yml") == before


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("nowhere", "input-missing"),
        ("nowhere/*.yml", "input-missing"),
        ("link", "input-missing"),
        ("pipe", "input-unreadable"),
        ("/dev/null", "input-unreadable"),
    ],
)
def test_what_cannot_be_compared_is_refused(folder: Folder, text: str, code: str) -> None:
    (folder.path / "link").symlink_to("nowhere")
    os.mkfifo(folder.path / "pipe")
    with pytest.raises(InvalidInput) as caught:
        parts(folder, text)
    assert (caught.value.code, caught.value.field) == (code, "input")
    assert text in caught.value.message


def test_what_is_excluded_does_not_count(folder: Folder) -> None:
    folder.write("conf/hosts")
    before = parts(folder, "conf", excludes=["*.log"])
    folder.write("conf/a.log")
    assert parts(folder, "conf", excludes=["*.log"]) == before


def test_many_have_one_part_which_changes_with_each(folder: Folder) -> None:
    files = [f"conf/{number}" for number in range(201)]
    for name in files:
        folder.write(name)
    before = parts(folder, *files)
    folder.write("conf/7", "2")
    assert list(before) == ["input:*"]
    assert parts(folder, *files) != before
    assert len(parts(folder, *files[:200])) == 200


def test_only_inputs_that_changed_meanwhile_are_never_the_same_as_anything() -> None:
    before = {"code": "2:a", "input:a": "2:a", "input:b": "2:b", "input:gone": "2:c"}
    changed = changed_since(before, {"input:a": "2:a", "input:b": "2:bb"}, "0198")
    assert changed == {"input:b": "2:unstable:0198", "input:gone": "2:unstable:0198"}
