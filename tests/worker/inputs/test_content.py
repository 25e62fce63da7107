"""The content of a folder: names, bytes and whether they can be executed. Nothing else."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .checkouts import Folder

MakeFolder = Callable[..., Folder]

trees = st.dictionaries(
    st.sampled_from(["a", "b", "c/d", "c/e/f", "é", " ", "a\nb"]),
    st.tuples(st.text("xy", max_size=3), st.booleans()),
    max_size=6,
)
steadily = settings(
    deadline=None,
    derandomize=True,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def planted(folder: Path, tree: Mapping[str, tuple[str, bool]], seed: int, umask: int) -> Path:
    """Write files in any order, with any umask and times."""
    names = sorted(tree, reverse=seed % 2 == 1)
    before = os.umask(umask)
    for name in names:
        text, is_executable = tree[name]
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod((0o755 if is_executable else 0o644) & ~umask)
        os.utime(path, (seed, seed))
    os.umask(before)
    return folder


@given(trees, st.integers(0, 9), st.sampled_from([0, 0o022, 0o077]))
@steadily
def test_order_umask_times_and_place_do_not_count(
    tmp_path_factory: pytest.TempPathFactory,
    tree: dict[str, tuple[str, bool]],
    seed: int,
    umask: int,
) -> None:
    one, other = (Folder(tmp_path_factory.mktemp("x") / "p") for _ in range(2))
    planted(one.path, tree, 0, 0o022)
    planted(other.path, tree, seed, umask)
    assert one.content().digest == other.content().digest


@given(trees, trees)
@steadily
def test_other_files_have_another_digest(
    tmp_path_factory: pytest.TempPathFactory,
    tree: dict[str, tuple[str, bool]],
    others: dict[str, tuple[str, bool]],
) -> None:
    one, other = (Folder(tmp_path_factory.mktemp("x") / "p") for _ in range(2))
    planted(one.path, tree, 0, 0o022)
    planted(other.path, others, 0, 0o022)
    assert (one.content().digest == other.content().digest) is (tree == others)


def test_an_empty_folder_does_not_count(folder: Folder) -> None:
    folder.write("conf/hosts")
    before = folder.content("conf").digest
    (folder.path / "conf/empty").mkdir()
    assert folder.content("conf").digest == before


def test_what_git_and_buildstate_keep_does_not_count(folder: Folder) -> None:
    before = folder.content().digest
    folder.write(".git/index")
    folder.write("sub/.git/index")
    folder.write(".bldst/machine")
    assert folder.content().digest == before


def test_a_file_whose_bit_the_command_sets_counts_without_it(folder: Folder) -> None:
    path = folder.write("run")
    before = folder.content(modeless=[str(path)]).digest
    path.chmod(0o755)
    assert folder.content(modeless=[str(path)]).digest == before
    assert folder.content(modeless=[str(folder.path)]).digest == before
    assert folder.content(modeless=[str(path) + "x"]).digest != before


class TestLinks:
    def test_one_to_a_file_counts_as_that_file(self, folder: Folder) -> None:
        outside = folder.path.parent / "outside"
        outside.write_text("1")
        (folder.path / "conf").mkdir()
        (folder.path / "conf/link").symlink_to(outside)
        before = folder.content("conf").digest
        outside.write_text("2")
        assert folder.content("conf").digest != before

    def test_one_to_a_folder_outside_counts_with_all_in_it(self, folder: Folder) -> None:
        outside = folder.path.parent / "outside"
        (outside / "deep").mkdir(parents=True)
        (outside / "deep/hosts").write_text("1")
        (folder.path / "link").symlink_to(outside)
        before = folder.content().digest
        (outside / "deep/hosts").write_text("2")
        assert folder.content().digest != before

    def test_one_to_nothing_counts_as_where_it_leads(self, folder: Folder) -> None:
        link = folder.path / "link"
        link.symlink_to("nowhere")
        before = folder.content().digest
        link.unlink()
        link.symlink_to("elsewhere")
        assert folder.content().digest != before

    def test_a_folder_behind_one_is_that_folder(self, folder: Folder) -> None:
        folder.write("conf/hosts")
        (folder.path / "link").symlink_to("conf")
        assert folder.content("link").digest == folder.content("conf").digest

    def test_a_circle_ends(self, make_folder: MakeFolder) -> None:
        one, other = make_folder("one"), make_folder("other")
        (one.path / "link").symlink_to(other.path)
        (other.path / "link").symlink_to(one.path)
        (one.path / "up").symlink_to("..")
        (one.path / "self").symlink_to("self")
        other.write("hosts")
        before = one.content().digest
        other.write("hosts", "2")
        assert one.content().digest != before
