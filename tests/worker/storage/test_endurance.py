"""What every storage has to endure: being killed anywhere, very many files, very large holes."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from buildstate_core.vocabulary import Compression
from buildstate_worker.storage.base import Storage
from buildstate_worker.transfer import ArtifactStore, digest_of

pytestmark = pytest.mark.endurance

MIB = 2**20
KILLS = 50
BLOCK = bytes(range(256)) * (MIB // 256)

UPLOAD_AND_BE_KILLED = """
import os, random, signal, sys, time
from buildstate_worker.transfer.parts import uploading
from buildstate_worker.storage.registry import storage_for

root, kills, seed = sys.argv[1], int(sys.argv[2]), sys.argv[3]
block = bytes(range(256)) * (2**20 // 256)
points = random.Random(seed)


def upload(name):
    with uploading(storage_for(root), f"{root}/{name}", expected_bytes=20 * 2**20) as sink:
        for _ in range(20):
            sink.write(block)


def forked(name):
    child = os.fork()
    if child == 0:
        upload(name)
        os._exit(0)
    return child


began = time.monotonic()
assert os.waitpid(forked("whole"), 0)[1] == 0
seconds = time.monotonic() - began
for number in range(kills):
    child = forked(f"{number}.raw")
    time.sleep(points.uniform(0, seconds))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
"""


def test_uploads_killed_anywhere_are_whole_or_not_there_and_what_is_left_is_found(
    storage: Storage, place: Any
) -> None:
    seed = os.urandom(4).hex()
    subprocess.run(
        [sys.executable, "-c", UPLOAD_AND_BE_KILLED, place.root, str(KILLS), seed],
        check=True,
        timeout=250,
    )
    whole = hashlib.sha256(BLOCK * 20).digest()
    for name in place.names():
        assert hashlib.sha256(place.read(name)).digest() == whole, (seed, name)
    left = list(storage.unfinished(f"{place.root}/"))
    assert bool(left) or not place.tells_unfinished, seed
    for each in left:
        storage.abandon(each)
    assert place.unfinished() == 0
    assert "whole" in place.names()


@pytest.mark.parametrize("got", [1, 16 * MIB, 20 * MIB + 7])
def test_a_download_goes_on_where_another_process_stopped(
    store: ArtifactStore, place: Any, workspace: Path, cache_dir: Path, got: int
) -> None:
    source = workspace / "image.raw"
    content = os.urandom(MIB) * 40
    source.write_bytes(content)
    pushed = store.push(source, place.uri("image.raw"))
    partial = cache_dir / "incoming" / f"{pushed.checksum.partition(':')[2]}.part"
    partial.parent.mkdir(parents=True)
    partial.write_bytes(content[:got])
    target = workspace / "new.raw"
    pulled = store.pull(pushed.uri, target, checksum=pushed.checksum, size_bytes=pushed.size_bytes)
    assert pulled.downloaded_bytes == len(content) - got
    assert target.read_bytes() == content


def test_a_download_that_went_wrong_before_begins_anew(
    store: ArtifactStore, place: Any, workspace: Path, cache_dir: Path
) -> None:
    source = workspace / "image.raw"
    source.write_bytes(os.urandom(MIB) * 2)
    pushed = store.push(source, place.uri("image.raw"))
    partial = cache_dir / "incoming" / f"{pushed.checksum.partition(':')[2]}.part"
    partial.parent.mkdir(parents=True)
    partial.write_bytes(b"something else")
    target = workspace / "new.raw"
    pulled = store.pull(pushed.uri, target, checksum=pushed.checksum, size_bytes=pushed.size_bytes)
    assert pulled.downloaded_bytes == pushed.size_bytes
    assert digest_of(target) == pushed.checksum


@pytest.fixture(scope="module")
def ten_thousand(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = tmp_path_factory.mktemp("ten-thousand") / "out"
    for number in range(10_000):
        folder = source / f"{number % 100:02}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"größe {number}").write_bytes(b"%d" % number)
    return source


def test_ten_thousand_files_come_back(
    store: ArtifactStore, place: Any, workspace: Path, ten_thousand: Path
) -> None:
    pushed = store.push(ten_thousand, place.uri("out.tar"))
    target = workspace / "new"
    store.pull(
        pushed.uri, target, checksum=pushed.checksum, size_bytes=pushed.size_bytes, folder=True
    )
    assert sum(1 for path in target.rglob("*") if path.is_file()) == 10_000
    assert digest_of(target) == pushed.checksum


def test_the_space_that_a_file_with_holes_takes_follows_its_data(
    store: ArtifactStore,
    storage: Storage,
    place: Any,
    workspace: Path,
    cache_dir: Path,
) -> None:
    size, data = 4 * 2**30 + 10 * MIB, 50 * MIB  # more than 32 bits can count
    source = workspace / "image.raw"
    with source.open("wb") as file:
        for number in range(10):
            file.seek(number * (size // 10) + 12_345)
            file.write(os.urandom(data // 10))
        file.truncate(size)
    uri = place.uri("image.raw")
    pushed = store.push(source, uri, compression=Compression.AUTO)
    assert pushed.size_bytes == size
    assert (pushed.packed is None) == storage.keeps_holes
    if pushed.packed is not None:
        assert storage.size_of(uri) == pushed.packed.size_bytes < 1.1 * data
    target = workspace / "new.raw"
    store.pull(uri, target, checksum=pushed.checksum, size_bytes=size, packed=pushed.packed)
    assert target.stat().st_size == size
    for path in (target, *(each for each in cache_dir.rglob("*") if each.is_file())):
        assert path.stat().st_blocks * 512 < 1.2 * data
    with source.open("rb") as one, target.open("rb") as other:
        for number in range(10):
            place_in_file = number * (size // 10)
            one.seek(place_in_file)
            other.seek(place_in_file)
            assert one.read(data // 5) == other.read(data // 5)
