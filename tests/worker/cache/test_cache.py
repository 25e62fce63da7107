"""The cache between processes: within its limit, never at the cost of who uses it."""

import errno
import fcntl
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from support.waiting import until

from buildstate_core.errors import Refused
from buildstate_worker.cache.cache import Cache
from buildstate_worker.cache.verify import verified
from buildstate_worker.transfer import ArtifactStore

from .additions import adding

KIB = 1024
EACH = 64 * KIB
"""The size of the artifacts here: a multiple of what file systems count in."""


def content_of(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest() * (EACH // 32)


def checksum_of(name: str) -> str:
    return f"sha256:{hashlib.sha256(content_of(name)).hexdigest()}"


def add(cache: Cache, name: str) -> None:
    with adding(cache, [content_of(name)]) as checksum:
        assert checksum == checksum_of(name)


def names_in(cache: Cache, of: str = "abcdef") -> str:
    """The artifacts in a cache by their letters, least recently used first."""
    letters = {checksum_of(each): each for each in of}
    return "".join(letters[each.checksum] for each in cache.entries())


def age(cache: Cache, name: str, *, seconds: int) -> None:
    """Let an artifact not have been used for so long."""
    path = cache.path_of(checksum_of(name))
    then = path.stat().st_mtime - seconds
    os.utime(path, (then, then))


def filled(folder: Path, names: str, *, limit: int) -> Cache:
    """A cache in which the first was used first, each 10 seconds apart."""
    cache = Cache(folder, max_bytes=100 * EACH)
    for number, name in enumerate(names):
        add(cache, name)
        age(cache, name, seconds=10 * (len(names) - number))
    return Cache(folder, max_bytes=limit * EACH)


@pytest.fixture
def python() -> Iterator[Callable[..., Any]]:
    """Start a Python program; it is killed at the test's end, if it has not ended."""
    started: list[subprocess.Popen[str]] = []

    def start(program: str, *arguments: object) -> subprocess.Popen[str]:
        started.append(
            subprocess.Popen(
                [sys.executable, "-c", program, *map(str, arguments)],
                env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        )
        return started[-1]

    yield start
    for each in started:
        with suppress(ProcessLookupError):
            each.kill()
        each.communicate()


# --- the limit -----------------------------------------------------------------------------------


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


# --- what is in use ------------------------------------------------------------------------------

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


# --- processes that are killed -------------------------------------------------------------------

ADD_SLOWLY = """
import sys
from pathlib import Path
from buildstate_worker.cache.cache import Cache
from additions import adding

def blocks():
    for _ in range(64):
        yield bytes(1024)
        print("more", flush=True)
        sys.stdin.readline()

with adding(Cache(Path(sys.argv[1])), blocks()) as checksum:
    print(checksum, flush=True)
    sys.stdin.readline()
"""


def test_a_killed_download_goes_at_once_and_a_living_one_stays(tmp_path: Path, python: Any) -> None:
    living, killed = (python(ADD_SLOWLY, tmp_path) for _ in range(2))
    for each in (living, killed):
        assert each.stdout.readline() == "more\n"
    cache = Cache(tmp_path)
    assert len(cache.incoming()) == 2
    add(cache, "a")
    assert len(cache.incoming()) == 2

    killed.send_signal(signal.SIGKILL)
    killed.wait()
    add(cache, "b")
    assert len(cache.incoming()) == 1
    assert names_in(cache) == "ab"

    out, _ = living.communicate("\n" * 100, timeout=60)
    assert out.split()[-1] == f"sha256:{hashlib.sha256(bytes(64 * KIB)).hexdigest()}"
    assert cache.incoming() == []


def test_the_end_of_a_download_leaves_the_next_one_of_the_same_alone(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    with ExitStack() as first:
        partial = first.enter_context(cache.partial_download(checksum_of("a")))
        partial.write(content_of("a"))
        assert cache.keep(partial, checksum_of("a"))
        with cache.partial_download(checksum_of("a")) as following:
            following.write(b"half")
            first.close()
            assert cache.incoming() == [following.path]
            assert following.path.read_bytes() == b"half"
    assert names_in(cache) == "a"
    assert cache.incoming() == []


def test_what_another_process_has_begun_is_not_kept_as_one_s_own(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    with cache.partial_download(checksum_of("a")) as partial:
        partial.write(content_of("a"))
        partial.path.unlink()
        partial.path.write_bytes(b"begun by another")
        assert not cache.keep(partial, checksum_of("a"))
    assert cache.entries() == []
    assert partial.path.read_bytes() == b"begun by another"


HAMMER = """
import hashlib, sys
from pathlib import Path
from buildstate_worker.cache.cache import Cache
from additions import adding

cache = Cache(Path(sys.argv[1]), max_bytes=int(sys.argv[2]))
number, rounds = int(sys.argv[3]), int(sys.argv[4])

def content(name):
    return hashlib.sha256(str(name).encode()).digest() * 2048

print("ready", flush=True)
for turn in range(rounds):
    wanted = content((turn * 7 + number) % 9)
    checksum = "sha256:" + hashlib.sha256(wanted).hexdigest()
    with cache.using(checksum) as path:
        if path is not None:
            assert path.read_bytes() == wanted
            assert path.read_bytes() == wanted
            continue
    blocks = (wanted[at : at + 8192] for at in range(0, len(wanted), 8192))
    with adding(cache, blocks, size_bytes=len(wanted)):
        assert cache.path_of(checksum).read_bytes() == wanted
print("done", flush=True)
"""


def test_processes_that_add_read_and_evict_at_once_lose_nothing_that_they_use(
    tmp_path: Path, python: Any
) -> None:
    workers = [python(HAMMER, tmp_path, 3 * EACH, number, 150) for number in range(4)]
    for each in workers:
        out, _ = each.communicate(timeout=120)
        assert out == "ready\ndone\n"
    cache = Cache(tmp_path, max_bytes=3 * EACH)
    cache.make_room(cache.max_bytes)
    assert 0 < len(cache.entries()) <= 3
    assert all(each.damage is None for each in verified(cache))
    assert cache.incoming() == []


def test_whenever_a_process_is_killed_nothing_half_is_left(tmp_path: Path, python: Any) -> None:
    chance = random.Random(5)  # noqa: S311 - a test
    bystander = python(HAMMER, tmp_path, 3 * EACH, 0, 400)
    for number in range(8):
        victim = python(HAMMER, tmp_path, 3 * EACH, number, 100_000)
        assert victim.stdout.readline() == "ready\n"
        with pytest.raises(subprocess.TimeoutExpired):
            victim.wait(timeout=chance.random() / 5)
        victim.send_signal(signal.SIGKILL)
        victim.wait()
    out, _ = bystander.communicate(timeout=120)
    assert out == "ready\ndone\n"
    cache = Cache(tmp_path, max_bytes=100 * EACH)
    add(cache, "a")
    assert cache.incoming() == []
    assert all(each.damage is None for each in verified(cache))


# --- what goes wrong -----------------------------------------------------------------------------


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


def test_verification_removes_what_is_damaged_and_keeps_the_order(tmp_path: Path) -> None:
    cache = filled(tmp_path, "abc", limit=100)
    path = cache.path_of(checksum_of("b"))
    before = path.stat()
    path.chmod(0o600)
    path.write_bytes(b"X" + content_of("b")[1:])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    found = [(each.entry.checksum, each.damage) for each in verified(cache)]
    assert found == [
        (checksum_of("a"), None),
        (checksum_of("b"), f"its digest is {digest(b'X' + content_of('b')[1:])}"),
        (checksum_of("c"), None),
    ]
    assert names_in(cache) == "ac"


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
