"""Folders as archives: equal content, equal digest; nothing that could not come back."""

import os
import shutil
import socket
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buildstate_core.errors import InvalidInput
from buildstate_worker.files.sinks import Meter
from buildstate_worker.transfer import digest_of
from buildstate_worker.transfer.archive.pack import archive_bytes, write_archive
from buildstate_worker.transfer.archive.unpack import unpack

# Bytes that no UTF-8 text has are allowed in names, as Linux allows them.
names = (
    st.binary(min_size=1, max_size=60)
    .filter(lambda name: name not in {b".", b".."} and not set(name) & {0, ord("/")})
    .map(os.fsdecode)
)
files = st.tuples(st.binary(max_size=2000), st.sampled_from([0o600, 0o644, 0o664, 0o755, 0o400]))
trees = st.recursive(
    st.dictionaries(names, files, max_size=4),
    lambda inside: st.dictionaries(names, files | inside, max_size=4),
    max_leaves=12,
)
Tree = dict[str, "tuple[bytes, int] | Tree"]


def build(folder: Path, tree: Tree, *, backwards: bool = False) -> None:
    folder.mkdir()
    for name, inside in sorted(tree.items(), reverse=backwards):
        if isinstance(inside, dict):
            build(folder / name, inside, backwards=backwards)
        else:
            (folder / name).write_bytes(inside[0])
            (folder / name).chmod(inside[1])


@given(tree=trees)
@settings(max_examples=60, deadline=None)
def test_a_folder_has_one_digest_wherever_it_is_and_however_it_was_made(tree: Tree) -> None:
    with tempfile.TemporaryDirectory() as base:
        one, two, three = (Path(base) / name for name in ("one", "two", "three"))
        build(one, tree)
        build(two, tree, backwards=True)
        for path in two.rglob("*"):
            os.utime(path, (1, 1))
        assert digest_of(one) == digest_of(two)

        archive = Path(base) / "one.tar"
        with archive.open("wb") as file:
            meter = Meter(file)
            write_archive(one, meter)
        three.mkdir()
        unpack(iter([archive.read_bytes()]), three)
        assert digest_of(three) == digest_of(one) == meter.checksum == digest_of(archive)


@pytest.mark.parametrize("change", ["content", "name", "mode", "empty folder", "link"])
def test_any_change_changes_the_digest(tmp_path: Path, change: str) -> None:
    folder = tmp_path / "out"
    build(folder, {"a": (b"1", 0o644), "b": (b"2", 0o644)})
    (folder / "link").symlink_to("a")
    before = digest_of(folder)
    match change:
        case "content":
            (folder / "a").write_bytes(b"3")
        case "name":
            (folder / "a").rename(folder / "c")
        case "mode":
            (folder / "a").chmod(0o755)
        case "empty folder":
            (folder / "d").mkdir()
        case "link":
            (folder / "link").unlink()
            (folder / "link").symlink_to("b")
    assert digest_of(folder) != before


def test_special_bits_and_second_names_are_not_part_of_it(tmp_path: Path) -> None:
    plain, special = tmp_path / "plain", tmp_path / "special"
    for folder in (plain, special):
        build(folder, {"a": (b"1", 0o755), "tmp": {}})
    (plain / "b").write_bytes(b"1")
    (plain / "b").chmod(0o755)
    (special / "b").hardlink_to(special / "a")
    (special / "a").chmod(0o6755)
    (special / "tmp").chmod((special / "tmp").stat().st_mode | 0o1000)
    assert digest_of(special) == digest_of(plain)


def test_large_files_and_long_names_are_archived(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / ("n" * 250)).write_bytes(b"x")
    with (folder / "sparse").open("wb") as file:
        file.truncate(9 * 2**20 + 1)
    with (tmp_path / "out.tar").open("wb") as archive:
        write_archive(folder, archive)
    assert abs((tmp_path / "out.tar").stat().st_size - archive_bytes(folder)) < 20_000
    (tmp_path / "new").mkdir()
    unpack(iter([(tmp_path / "out.tar").read_bytes()]), tmp_path / "new")
    assert digest_of(tmp_path / "new") == digest_of(folder)


@pytest.mark.parametrize(
    "link", ["/etc/passwd", "..", "../out2/a", "inside/../../a", "here/../../a", "here/../out/a"]
)
def test_a_link_that_leads_out_is_refused_when_it_is_packed(tmp_path: Path, link: str) -> None:
    folder = tmp_path / "out"
    (folder / "inside").mkdir(parents=True)
    (folder / "here").symlink_to(".")
    (folder / "link").symlink_to(link)
    with pytest.raises(InvalidInput, match="out/link cannot become an artifact") as caught:
        digest_of(folder)
    assert caught.value.field == "artifact"


def test_links_that_stay_inside_are_kept(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    (folder / "inside").mkdir(parents=True)
    (folder / "inside" / "up").symlink_to("../a")
    (folder / "dangling").symlink_to("inside/nothing")
    (folder / "to-folder").symlink_to("inside")
    assert digest_of(folder)


def test_sockets_and_pipes_are_refused_by_name(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InvalidInput, match="pipe cannot become an artifact: it is a device"):
        digest_of(tmp_path)
    (tmp_path / "pipe").unlink()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "agent.sock"))
        with pytest.raises(InvalidInput, match=r"agent\.sock"):
            digest_of(tmp_path)


def test_a_folder_reached_through_a_link_is_the_same(tmp_path: Path) -> None:
    build(tmp_path / "out", {"a": (b"1", 0o644)})
    (tmp_path / "latest").symlink_to("out")
    assert digest_of(tmp_path / "latest") == digest_of(tmp_path / "out")
    shutil.rmtree(tmp_path / "out")
