"""Downloads into the cache: nothing half is ever seen, whoever is killed."""

import hashlib
import random
import signal
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from buildstate_worker.cache.cache import Cache
from buildstate_worker.cache.verify import verified

from .additions import EACH, KIB, add, checksum_of, content_of, names_in

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
