"""The cache between processes: within its limit, never at the cost of who uses it."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from buildstate_core.errors import Refused
from buildstate_worker.cache.cache import Cache
from buildstate_worker.transfer import ArtifactStore

from .additions import EACH, add, adding, checksum_of, content_of, filled, names_in


def test_the_least_recently_used_go_first(tmp_path: Path) -> None:
    cache = filled(tmp_path, "abc", limit=3)
    with cache.using(checksum_of("a")):
        pass
    add(cache, "d")
    assert names_in(cache) == "cad"


def test_a_look_that_is_no_use_does_not_count(tmp_path: Path) -> None:
    cache = filled(tmp_path, "abc", limit=3)
    with cache.using(checksum_of("a"), is_use=False) as path:
        assert path is not None
    add(cache, "d")
    assert names_in(cache) == "bcd"


def test_a_limit_that_was_lowered_holds_from_the_next_addition(tmp_path: Path) -> None:
    cache = filled(tmp_path, "abcde", limit=2)
    assert names_in(cache) == "abcde"
    add(cache, "f")
    assert names_in(cache) == "ef"


def test_room_is_made_before_the_bytes_come(tmp_path: Path) -> None:
    cache = filled(tmp_path, "abc", limit=3)
    seen: list[str] = []

    def blocks() -> Iterator[bytes]:
        seen.append(names_in(cache))
        yield content_of("d")

    with adding(cache, blocks(), size_bytes=EACH) as checksum:
        assert checksum == checksum_of("d")
    assert seen == ["bc"]
    assert names_in(cache) == "bcd"


def test_what_is_larger_than_the_limit_is_given_out_and_stays_until_the_next(
    tmp_path: Path,
) -> None:
    cache = Cache(tmp_path, max_bytes=EACH // 2)
    for name in "ab":
        with (
            adding(cache, [content_of(name)], size_bytes=EACH),
            cache.using(checksum_of(name)) as path,
        ):
            assert path is not None
            assert path.read_bytes() == content_of(name)
        assert names_in(cache) == name


def test_with_a_limit_of_nothing_nothing_stays(tmp_path: Path) -> None:
    cache = Cache(tmp_path, max_bytes=0)
    with adding(cache, [content_of("a")]):
        assert cache.path_of(checksum_of("a")).read_bytes() == content_of("a")
    assert cache.entries() == []


def test_a_pull_works_with_a_limit_of_nothing(folder: Any, workspace: Path, tmp_path: Path) -> None:
    folder.write("image.raw", content_of("a"))
    store = ArtifactStore(cache_dir=tmp_path / "cache", cache_max_bytes=0)
    for target in (workspace / "1.raw", workspace / "2.raw"):
        pulled = store.pull(
            folder.uri("image.raw"), target, checksum=checksum_of("a"), size_bytes=EACH
        )
        assert target.read_bytes() == content_of("a")
        assert pulled.downloaded_bytes == EACH
    assert Cache(tmp_path / "cache").entries() == []


def test_with_a_limit_of_nothing_the_last_who_uses_it_removes_it(tmp_path: Path) -> None:
    cache = Cache(tmp_path, max_bytes=0)
    with ExitStack() as readers:
        with adding(cache, [content_of("a")]) as checksum:
            path = readers.enter_context(cache.using(checksum))
        assert path is not None
        assert path.read_bytes() == content_of("a")
    assert cache.entries() == []


def test_holes_do_not_count(tmp_path: Path) -> None:
    cache = filled(tmp_path, "ab", limit=4)
    with cache.partial_download() as partial:
        partial.write(b"the beginning")
        partial.file.truncate(1000 * EACH)
        cache.keep(partial, "sha256:" + "0" * 64)
    assert len(cache.entries()) == 3
    sparse = cache.entries()[-1]
    assert sparse.size_bytes == 1000 * EACH
    assert sparse.disk_bytes <= EACH


def test_without_a_limit_it_is_a_tenth_of_the_disk(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "not" / "yet")
    assert cache.max_bytes == shutil.disk_usage(tmp_path).total // 10


def test_files_of_others_are_left_alone(tmp_path: Path) -> None:
    cache = filled(tmp_path, "ab", limit=1)
    other = cache.path_of(checksum_of("a")).with_name("README")
    other.write_bytes(bytes(9 * EACH))
    cache.make_room(0)
    assert cache.entries() == []
    assert other.exists()


def test_an_entry_that_was_cut_short_is_replaced(tmp_path: Path) -> None:
    cache = filled(tmp_path, "a", limit=100)
    path = cache.path_of(checksum_of("a"))
    path.chmod(0o600)
    path.write_bytes(b"")
    add(cache, "a")
    assert path.read_bytes() == content_of("a")


def test_a_download_that_breaks_leaves_nothing(tmp_path: Path) -> None:
    def blocks() -> Iterator[bytes]:
        yield b"some"
        raise ZeroDivisionError

    cache = Cache(tmp_path)
    with pytest.raises(ZeroDivisionError), adding(cache, blocks()):
        pytest.fail("it was given out")
    assert (cache.entries(), cache.incoming()) == ([], [])


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cache = Cache(tmp_path / "file" / "cache", max_bytes=EACH)
    with (
        pytest.raises(Refused, match=r"file/cache.*: Not a directory"),
        adding(cache, [b"x"]),
    ):
        pytest.fail("it was given out")


WITH_FILES_OF_ROOT = """
import os, sys
from pathlib import Path
from buildstate_worker.cache.cache import Cache
from additions import adding
cache = Cache(Path(sys.argv[1]), max_bytes=1)
def add(content):
    with adding(cache, [content]):
        pass
add(b"of root")
(cache.folder / "incoming" / "left").touch(mode=0o400)
for folder in (cache.folder, *cache.folder.glob("**/")):
    folder.chmod(0o777)
os.seteuid(65534)
add(b"mine")
room = cache.make_room(0)
print(len(room.removed), len(room.in_use), len(cache.incoming()))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can leave files of root")
def test_what_sudo_left_behind_stays_and_stops_nobody(python: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        out, _ = python(WITH_FILES_OF_ROOT, f"{folder}/cache").communicate(timeout=60)
    assert out == "1 1 1\n"
