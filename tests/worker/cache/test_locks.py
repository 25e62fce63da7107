"""What is in use in the cache stays there, whichever process uses it, and no longer than that."""

import errno
import fcntl
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.waiting import until

from buildstate_worker.cache.cache import Cache

from .additions import EACH, add, age, checksum_of, content_of, filled, names_in

USE = """
import sys
from pathlib import Path
from buildstate_worker.cache.cache import Cache
with Cache(Path(sys.argv[1])).using(sys.argv[2]) as path:
    print(path, flush=True)
    sys.stdin.readline()
    print(path.read_bytes().hex(), flush=True)
"""


def test_what_another_process_uses_is_not_evicted(tmp_path: Path, python: Any) -> None:
    cache = filled(tmp_path, "abc", limit=100)
    reader = python(USE, tmp_path, checksum_of("a"))
    assert reader.stdout.readline().strip() == str(cache.path_of(checksum_of("a")))
    age(cache, "a", seconds=3600)

    room = cache.make_room(0)
    assert [each.checksum for each in room.in_use] == [checksum_of("a")]
    assert [each.checksum for each in room.removed] == [checksum_of("b"), checksum_of("c")]
    add(Cache(tmp_path, max_bytes=EACH), "d")
    assert names_in(cache) == "ad"

    out, _ = reader.communicate("go on\n", timeout=60)
    assert out.strip() == content_of("a").hex()
    assert len(cache.make_room(0).removed) == 2


def test_the_use_of_a_killed_process_ends_with_it(tmp_path: Path, python: Any) -> None:
    cache = filled(tmp_path, "a", limit=100)
    reader = python(USE, tmp_path, checksum_of("a"))
    assert reader.stdout.readline()
    assert cache.make_room(0).removed == ()
    reader.send_signal(signal.SIGKILL)
    reader.wait()
    assert [each.checksum for each in cache.make_room(0).removed] == [checksum_of("a")]


def test_an_addition_leaves_what_is_in_use_under_its_name(tmp_path: Path) -> None:
    cache = filled(tmp_path, "a", limit=100)
    with cache.using(checksum_of("a")) as path:
        assert path is not None
        before = path.stat().st_ino
        add(cache, "a")
        cache.make_room(0)
        assert path.stat().st_ino == before


def test_any_number_may_use_the_same(tmp_path: Path) -> None:
    cache = filled(tmp_path, "a", limit=100)
    with cache.using(checksum_of("a")) as one, cache.using(checksum_of("a")) as two:
        assert one == two
    assert len(cache.make_room(0).removed) == 1


def test_what_is_not_there_is_nothing(tmp_path: Path) -> None:
    with Cache(tmp_path).using(checksum_of("a")) as path:
        assert path is None


def test_a_rehearsal_removes_nothing_and_says_the_same(tmp_path: Path) -> None:
    cache = filled(tmp_path, "abc", limit=100)
    with cache.using(checksum_of("a"), is_use=False):
        rehearsed = cache.make_room(EACH, dry_run=True)
        assert names_in(cache) == "abc"
        assert cache.make_room(EACH) == rehearsed
    assert names_in(cache) == "a"


def test_where_there_are_no_locks_what_was_used_lately_counts_as_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    cache = filled(tmp_path, "ab", limit=100)
    (tmp_path / "incoming" / "young").touch()
    (tmp_path / "incoming" / "old").touch()
    os.utime(tmp_path / "incoming" / "old", (0, 0))
    age(cache, "a", seconds=2 * 24 * 3600)
    assert cache.remove_abandoned() == 1
    assert [path.name for path in cache.incoming()] == ["young"]
    cache.make_room(0)
    assert names_in(cache) == "b"


def waits_for(path: Path) -> bool:
    """Whether somebody waits for a lock on this file, as the kernel tells it."""
    inode = f":{path.stat().st_ino} "
    lines = Path("/proc/locks").read_text(encoding="ascii").splitlines()
    return any("-> FLOCK" in line and inode in line for line in lines)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    handle = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@pytest.mark.parametrize("then", ["evicted", "replaced", "spared"])
def test_who_comes_while_it_is_evicted_gets_what_is_there_afterwards(
    tmp_path: Path, then: str
) -> None:
    cache = filled(tmp_path, "a", limit=100)
    path = cache.path_of(checksum_of("a"))

    def seen() -> bytes | None:
        with cache.using(checksum_of("a")) as found:
            return found.read_bytes() if found else None

    with ThreadPoolExecutor() as threads:
        with locked(path):
            reader = threads.submit(seen)
            until(lambda: waits_for(path))
            if then != "spared":
                path.unlink()
            if then == "replaced":
                path.write_bytes(content_of("a"))
        assert reader.result() == (None if then == "evicted" else content_of("a"))


def test_names_change_one_process_at_a_time(tmp_path: Path) -> None:
    cache = filled(tmp_path, "ab", limit=2)
    with ThreadPoolExecutor() as threads:
        with locked(tmp_path / "sha256"):
            addition = threads.submit(add, cache, "c")
            until(lambda: waits_for(tmp_path / "sha256"))
            assert names_in(cache) == "ab"
        addition.result()
        with locked(tmp_path / "sha256"):
            eviction = threads.submit(cache.make_room, EACH)
            until(lambda: waits_for(tmp_path / "sha256"))
            assert names_in(cache) == "bc"
        eviction.result()
    assert names_in(cache) == "c"
