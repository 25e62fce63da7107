"""Archives that mean harm, or nothing: they end as such, and nothing outside is touched."""

import errno
import io
import os
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buildstate_core.errors import ArtifactLost, Refused
from buildstate_worker.transfer import ArtifactStore, digest_of
from buildstate_worker.transfer.archive.unpack import unpack

LONG = "d" * 247


def file(name: str, content: bytes = b"PWNED\n", **pax: str) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    member.pax_headers = {key.replace("__", "."): value for key, value in pax.items()}
    return member, content


def other(name: str, kind: bytes, target: str = "") -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.mode = kind, target, 0o755
    return member, b""


def folder(name: str) -> tuple[tarfile.TarInfo, bytes]:
    return other(name, tarfile.DIRTYPE)


def link(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    return other(name, tarfile.SYMTYPE, target)


def hard_link(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    return other(name, tarfile.LNKTYPE, target)


def archive(*members: tuple[tarfile.TarInfo, bytes], kind: int = tarfile.PAX_FORMAT) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=kind) as tar:
        for member, content in members:
            tar.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def beyond_the_longest_path() -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    """Links that `os.path.realpath` gives up to follow, and the kernel does not."""
    path = ""
    steps = "abcdefghijklmnop"
    for step in steps:
        yield folder(path + LONG)
        yield link(path + step, LONG)
        path += f"{LONG}/"
    last = "/".join(steps) + "/" + "l" * 254
    yield link(last, "../" * len(steps))
    yield link("escape", f"{last}/../victim")
    yield hard_link("flag", "escape/flag")
    yield file("escape/new")
    yield file("flag")


HOSTILE = [
    pytest.param([file("../victim/new")], id="up"),
    pytest.param([file("a/../../victim/new")], id="up from inside"),
    pytest.param([file("/tmp/new")], id="from the root"),
    pytest.param([link("a", "../victim"), file("a/new")], id="through a link"),
    pytest.param([link("a", "b"), file("a/new")], id="through a link to what is not there"),
    pytest.param([link("a", "../victim/flag"), file("a")], id="over a link"),
    pytest.param([link("a", "../victim")], id="a link to outside"),
    pytest.param([link("a", "/etc/passwd")], id="a link from the root"),
    pytest.param([link("a", "b/../../x"), link("b", ".")], id="a link outside by a later link"),
    pytest.param([link("a", "")], id="a link to nothing"),
    pytest.param([link("a", "x" * 5000)], id="a link that is too long"),
    pytest.param([file("a"), hard_link("b", "a")], id="a hard link"),
    pytest.param([hard_link("a", "../victim/flag"), file("a")], id="a hard link to outside"),
    pytest.param([hard_link("a", "nothing")], id="a hard link to nothing"),
    pytest.param([other("a", tarfile.CHRTYPE)], id="a device"),
    pytest.param([other("a", tarfile.FIFOTYPE)], id="a pipe"),
    pytest.param([file("a"), file("a/b")], id="below a file"),
    pytest.param([folder("a"), file("a")], id="a file for a folder"),
    pytest.param([file("a"), folder("a")], id="a folder for a file"),
    pytest.param([file("a"), file("./a")], id="one name twice"),
    pytest.param([file("a/" * 3000 + "b")], id="too long a name"),
    pytest.param([file("")], id="no name"),
    pytest.param([file("a", GNU__sparse__map="a,b")], id="holes that are no numbers"),
    pytest.param([file("a", GNU__sparse__map="0,1,-5,9")], id="holes that overlap"),
    pytest.param([file("a", GNU__sparse__size="9" * 20)], id="more holes than a disk has"),
    pytest.param([file("a", size="-512")], id="less than nothing"),
    pytest.param([file("a"), file("b", size="-512")], id="less than nothing, later"),
    pytest.param([file("a", size="9" * 30)], id="more than there is"),
    pytest.param([file("a", comment="c" * 2**21)], id="a very long header"),
    pytest.param([file("a", path="a\0b")], id="a name that ends early"),
]


@pytest.fixture
def victim(workspace: Path) -> Iterator[Path]:
    """A folder beside the one that is unpacked, to which nothing happens."""
    path = workspace / "victim"
    path.mkdir()
    (path / "flag").write_text("original")
    yield path
    assert [each.name for each in workspace.iterdir()] == ["victim"]
    assert [each.name for each in path.iterdir()] == ["flag"]
    assert (path / "flag").read_text() == "original"


@pytest.mark.usefixtures("victim")
@pytest.mark.parametrize("members", HOSTILE)
def test_an_archive_that_nobody_here_has_packed_is_corrupt_and_touches_nothing(
    store: ArtifactStore, folder: Any, workspace: Path, members: list[tuple[tarfile.TarInfo, bytes]]
) -> None:
    folder.write("evil.tar", archive(*members))
    uri = folder.uri("evil.tar")
    with pytest.raises(ArtifactLost, match="cannot be unpacked") as caught:
        store.pull(uri, workspace / "out", checksum=None, size_bytes=None, folder=True)
    assert caught.value.reason == "artifact_corrupt"


@pytest.mark.usefixtures("victim")
def test_links_that_are_longer_than_a_path_may_be_lead_nowhere(
    store: ArtifactStore, folder: Any, workspace: Path
) -> None:
    folder.write("evil.tar", archive(*beyond_the_longest_path()))
    uri = folder.uri("evil.tar")
    # The second, where this workspace leaves too little room for names that are long, but can be.
    with pytest.raises((ArtifactLost, Refused)):
        store.pull(uri, workspace / "out", checksum=None, size_bytes=None, folder=True)


@pytest.mark.parametrize("cut", ["in a header", "between members", "in a file", "before the end"])
def test_an_archive_that_was_cut_is_no_archive(tmp_path: Path, cut: str) -> None:
    packed = archive(file("a"), file("b"))
    size = {"in a header": 1100, "between members": 1024, "in a file": 1540, "before the end": 2048}
    with pytest.raises(tarfile.TarError):
        unpack(iter([packed[: size[cut]]]), tmp_path)


def test_a_bad_header_is_not_the_end(tmp_path: Path) -> None:
    packed = bytearray(archive(file("a"), file("b")))
    packed[1024] ^= 1
    with pytest.raises(tarfile.TarError, match="bad checksum"):
        unpack(iter([bytes(packed)]), tmp_path)


@pytest.mark.parametrize("kind", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_what_other_programs_pack_is_unpacked(tmp_path: Path, kind: int) -> None:
    long = f"./sub/{'n' * 90}/{'n' * 90}"
    packed = archive(folder("."), file("./a"), link("./b", "sub/../a"), file(long), kind=kind)
    unpack(iter([packed]), tmp_path)
    assert (tmp_path / "b").read_bytes() == b"PWNED\n"
    assert str((tmp_path / "b").readlink()) == "sub/../a"
    assert (tmp_path / long).is_file()


def test_a_link_keeps_its_words_and_comes_before_what_it_leads_to(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "sub" / "deep").mkdir(parents=True)
    (source / "x").write_text("top")
    (source / "sub" / "x").write_text("below")
    (source / "a").symlink_to("z/../x")
    (source / "z").symlink_to("sub/deep")
    (source / "round").symlink_to("robin")
    (source / "robin").symlink_to("round")
    store = ArtifactStore(cache_dir=tmp_path / "cache")
    pushed = store.push(source, (tmp_path / "out.tar").as_uri())
    target = tmp_path / "target"
    store.pull(pushed.uri, target, checksum=pushed.checksum, size_bytes=None, folder=True)
    assert (target / "a").read_text() == "below"
    assert digest_of(target) == pushed.checksum


def test_a_folder_that_nobody_may_write_to_is_unpacked_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "source" / "closed" / "inside").mkdir(parents=True)
    (tmp_path / "source" / "closed" / "inside" / "link").symlink_to("..")
    (tmp_path / "source" / "closed" / "inside").chmod(0o500)
    (tmp_path / "source" / "closed").chmod(0o500)
    store = ArtifactStore(cache_dir=tmp_path / "cache")
    pushed = store.push(tmp_path / "source", (tmp_path / "out.tar").as_uri())
    target = tmp_path / "target"
    store.pull(pushed.uri, target, checksum=pushed.checksum, size_bytes=None, folder=True)
    assert digest_of(target) == pushed.checksum


def test_a_sparse_file_in_a_folder_stays_sparse(
    store: ArtifactStore, place: Any, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    with (source / "disk.raw").open("wb") as image:
        image.truncate(200 * 2**20)
        image.seek(100 * 2**20 + 5)
        image.write(b"data" * 1000)
    pushed = store.push(source, place.uri("out.tar"))
    target = tmp_path / "target"
    store.pull(pushed.uri, target, checksum=pushed.checksum, size_bytes=None, folder=True)
    assert (target / "disk.raw").stat().st_blocks * 512 < 2**20
    assert digest_of(target) == pushed.checksum


def test_very_many_folders_in_one_another_are_read_and_replaced(
    store: ArtifactStore, folder: Any, workspace: Path
) -> None:
    folder.write("deep.tar", archive(file("a/" * 1500 + "b")))
    folder.write("flat.tar", archive(file("b")))
    target = workspace / "out"
    store.pull(folder.uri("deep.tar"), target, checksum=None, size_bytes=None, folder=True)
    assert store.push(target, folder.uri("again.tar")).checksum == digest_of(target)
    store.pull(folder.uri("flat.tar"), target, checksum=None, size_bytes=None, folder=True)
    assert [path.name for path in workspace.iterdir()] == ["out"]
    assert [path.name for path in (workspace / "out").iterdir()] == ["b"]


steps = st.sampled_from(["a", "b", "c", "..", ".", "", "victim"])
paths = st.lists(steps, min_size=1, max_size=4).map("/".join)
members = st.one_of(
    st.builds(file, paths, st.binary(max_size=600)),
    st.builds(folder, paths),
    st.builds(link, paths, paths),
    st.builds(hard_link, paths, paths),
)


def is_a_loop(path: Path) -> bool:
    """Whether it leads nowhere, of which `realpath` knows only that it cannot tell."""
    try:
        path.stat()
    except OSError as error:
        return error.errno == errno.ELOOP
    return False


@given(
    packed=st.lists(members, max_size=6),
    flips=st.lists(st.tuples(st.integers(0, 10_000), st.integers(1, 255)), max_size=2),
    blocks=st.sampled_from([100, 512, 2**20]),
)
@settings(max_examples=400, deadline=None)
def test_no_archive_makes_anything_outside_of_its_folder(
    packed: list[tuple[tarfile.TarInfo, bytes]], flips: list[tuple[int, int]], blocks: int
) -> None:
    whole = bytearray(archive(*packed))
    for position, change in flips:
        whole[position % len(whole)] ^= change
    with tempfile.TemporaryDirectory() as base:
        inside = Path(os.path.realpath(base), "inside")
        victim = inside.with_name("victim")
        inside.mkdir()
        victim.mkdir()
        parts = (bytes(whole[at : at + blocks]) for at in range(0, len(whole), blocks))
        with suppress(tarfile.TarError):
            unpack(parts, inside)
            for path in inside.rglob("*"):
                assert is_a_loop(path) or Path(os.path.realpath(path)).is_relative_to(inside)
        assert sorted(inside.parent.iterdir()) == [inside, victim]
        assert not any(victim.iterdir())
