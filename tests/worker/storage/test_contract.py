"""What every storage has to do, tried on each of them."""

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from buildstate_core.errors import (
    ArtifactLost,
    Conflict,
    InvalidInput,
)
from buildstate_worker.storage.base import Storage
from buildstate_worker.transfer import ArtifactStore, Pushed
from buildstate_worker.transfer.parts import uploading
from buildstate_worker.transfer.ranges import read_ranges

MIB = 2**20
SEVERAL_PARTS = os.urandom(MIB) * 35 + b"and an odd end"


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def make_file(workspace: Path, content: bytes = b"an image", name: str = "image.raw") -> Path:
    path = workspace / name
    path.write_bytes(content)
    return path


CONTENTS = [
    pytest.param(b"an image", id="small"),
    pytest.param(b"", id="empty"),
    pytest.param(b"x" * 16 * MIB, id="exactly one part"),
    pytest.param(SEVERAL_PARTS, id="several parts"),
]


@pytest.mark.parametrize("content", CONTENTS)
def test_a_file_comes_back_as_it_was(
    store: ArtifactStore, place: Any, workspace: Path, content: bytes
) -> None:
    source = make_file(workspace, content)
    pushed = store.push(source, place.uri("image.raw"))
    assert pushed == Pushed(
        place.uri("image.raw"), sha256(content), len(content), format=None, folder=False
    )
    assert place.read("image.raw") == content
    assert place.unfinished() == 0

    target = workspace / "new" / "folder" / "image.raw"
    store.check(pushed.uri, size_bytes=pushed.size_bytes, root=place.root)
    pulled = store.pull(pushed.uri, target, checksum=pushed.checksum, size_bytes=pushed.size_bytes)
    assert target.read_bytes() == content
    assert pulled.checksum == pushed.checksum
    assert pulled.size_bytes == pulled.downloaded_bytes == len(content)


@pytest.mark.parametrize(
    "name",
    [
        "a b.raw",
        "größe-日本.raw",
        "100%.raw",
        "a%20b.raw",
        "a#b?c.raw",
        "a+b&c=d.raw",
        "'q\"[1]*.raw",
    ],
)
def test_names_may_have_spaces_and_any_letters(
    store: ArtifactStore, place: Any, workspace: Path, name: str
) -> None:
    pushed = store.push(make_file(workspace, name=name), place.uri(name))
    assert place.names() == [name]
    store.check(pushed.uri, size_bytes=8)
    store.pull(pushed.uri, workspace / f"new {name}", checksum=pushed.checksum, size_bytes=8)
    assert (workspace / f"new {name}").read_bytes() == b"an image"
    store.discard(pushed.uri)
    assert place.names() == []


def test_nothing_stored_is_ever_overwritten(
    store: ArtifactStore, place: Any, workspace: Path
) -> None:
    place.write("image.raw", b"somebody's")
    with pytest.raises(Conflict, match="never overwritten"):
        store.push(make_file(workspace), place.uri("image.raw"))
    assert place.read("image.raw") == b"somebody's"
    assert place.unfinished() == 0


def test_a_source_that_is_missing_is_named(
    store: ArtifactStore, place: Any, workspace: Path
) -> None:
    with pytest.raises(InvalidInput, match=r"nothing-here\.raw") as caught:
        store.push(workspace / "nothing-here.raw", place.uri("image.raw"))
    assert caught.value.field == "artifact"
    assert place.names() == []


@pytest.mark.parametrize("content", [b"", b"an image"], ids=["nothing", "something"])
def test_writing_nothing_adds_no_part(storage: Storage, place: Any, content: bytes) -> None:
    uri = place.uri("image.raw")
    with uploading(storage, uri, expected_bytes=len(content)) as upload:
        upload.write(b"")
        upload.write(content)
        upload.write(b"")
    assert storage.size_of(uri) == len(content)
    assert place.read("image.raw") == content
    assert place.unfinished() == 0


@pytest.mark.parametrize("names", [[], ["a", "b/c"]], ids=["no files", "empty files"])
def test_a_folder_without_a_byte_comes_back(
    store: ArtifactStore, place: Any, workspace: Path, names: list[str]
) -> None:
    source, target = workspace / "out", workspace / "new"
    source.mkdir()
    for name in names:
        (source / name).parent.mkdir(exist_ok=True)
        (source / name).touch()
    pushed = store.push(source, place.uri("out.tar"))
    store.pull(
        pushed.uri, target, checksum=pushed.checksum, size_bytes=pushed.size_bytes, folder=True
    )
    files = [path for path in target.rglob("*") if path.is_file()]
    assert sorted(str(path.relative_to(target)) for path in files) == names
    assert {path.stat().st_size for path in files} <= {0}


@pytest.mark.parametrize("size", [10, 20 * MIB], ids=["in the first part", "after it"])
def test_an_upload_that_fails_half_way_leaves_nothing(
    storage: Storage, place: Any, size: int
) -> None:
    def fail_half_way() -> None:
        uri = place.uri("image.raw")
        with uploading(storage, uri, expected_bytes=2 * size) as upload:
            upload.write(b"x" * size)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()
    assert place.names() == []
    assert place.unfinished() == 0


def test_an_upload_can_be_tried_again_after_a_failure(
    store: ArtifactStore, place: Any, workspace: Path
) -> None:
    source = workspace / "out"
    source.mkdir()
    make_file(source, SEVERAL_PARTS, "a.raw")
    os.mkfifo(source / "b.pipe")
    with pytest.raises(InvalidInput, match=r"b\.pipe"):
        store.push(source, place.uri("out.tar"))
    assert place.names() == []
    (source / "b.pipe").unlink()
    assert store.push(source, place.uri("out.tar")).folder


UPLOAD_AND_WAIT = """
import select, signal, sys
from buildstate_worker.storage.registry import storage_for
# Whoever runs the tests in the background may have it ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
with storage_for(sys.argv[1]).create(sys.argv[1], expected_bytes=0) as upload:
    upload.put(0, b"x" * upload.part_bytes)
    print("uploading", flush=True)
    # No read that waits: Python misses a signal that comes just before the system call.
    while not select.select([sys.stdin], [], [], 0.1)[0]:
        pass
"""


@pytest.mark.parametrize(
    "how",
    [pytest.param(signal.SIGKILL, id="killed"), pytest.param(signal.SIGINT, id="interrupted")],
)
def test_a_worker_that_dies_uploading_leaves_nothing_visible(
    store: ArtifactStore, place: Any, workspace: Path, how: signal.Signals
) -> None:
    uri = place.uri("image.raw")
    with subprocess.Popen(
        [sys.executable, "-c", UPLOAD_AND_WAIT, uri],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as worker:
        assert worker.stdout
        assert worker.stdout.readline() == b"uploading\n"
        worker.send_signal(how)
        worker.wait(timeout=60)
    assert place.names() == []
    left = 1 if how == signal.SIGKILL and place.tells_unfinished else 0
    assert place.unfinished() == left
    with pytest.raises(ArtifactLost) as caught:
        store.check(uri, size_bytes=None, root=place.root)
    assert caught.value.reason == "artifact_gone"
    # The next attempt is not in its way.
    store.push(make_file(workspace), uri)
    assert place.read("image.raw") == b"an image"


def test_a_deleted_artifact_is_gone(store: ArtifactStore, place: Any, workspace: Path) -> None:
    pushed = store.push(make_file(workspace), place.uri("image.raw"))
    place.delete("image.raw")
    with pytest.raises(ArtifactLost, match=r"image\.raw is gone") as caught:
        store.check(pushed.uri, size_bytes=8, root=place.root)
    assert caught.value.reason == "artifact_gone"
    with pytest.raises(ArtifactLost) as caught:
        store.pull(pushed.uri, workspace / "new", checksum=pushed.checksum, size_bytes=8)
    assert caught.value.reason == "artifact_gone"
    assert not (workspace / "new").exists()


def test_an_artifact_that_vanishes_while_it_is_read_is_gone(storage: Storage, place: Any) -> None:
    place.write("image.raw", SEVERAL_PARTS)
    blocks = read_ranges(
        storage,
        place.uri("image.raw"),
        start=0,
        size_bytes=len(SEVERAL_PARTS),
        root=place.root,
    )
    assert next(blocks)
    place.delete("image.raw")
    try:
        rest = b"".join(blocks)
    except ArtifactLost as error:
        assert error.reason == "artifact_gone"  # noqa: PT017 - what was fetched ahead is there
    else:
        assert SEVERAL_PARTS.endswith(rest)


def test_another_size_is_corrupt(store: ArtifactStore, place: Any, workspace: Path) -> None:
    place.write("image.raw", b"an image")
    for act in (
        lambda: store.check(place.uri("image.raw"), size_bytes=9),
        lambda: store.pull(
            place.uri("image.raw"), workspace / "new", checksum=sha256(b"it was"), size_bytes=9
        ),
    ):
        with pytest.raises(ArtifactLost, match="9 bytes and has 8 bytes") as caught:
            act()
        assert caught.value.reason == "artifact_corrupt"
    assert not (workspace / "new").exists()


def test_an_unverified_artifact_is_pulled_and_its_digest_told(
    store: ArtifactStore, place: Any, workspace: Path
) -> None:
    place.write("image.raw", b"an image")
    for _ in range(2):
        pulled = store.pull(
            place.uri("image.raw"), workspace / "new", checksum=None, size_bytes=None
        )
        assert pulled.checksum == sha256(b"an image")
        assert pulled.downloaded_bytes == pulled.size_bytes == 8


def test_a_folder_comes_back_with_the_same_digest(
    store: ArtifactStore, place: Any, workspace: Path
) -> None:
    source = workspace / "out"
    (source / "deep" / "empty").mkdir(parents=True)
    make_file(source, SEVERAL_PARTS, "image.raw")
    make_file(source / "deep", b"#!/bin/sh\n", "größe und so").chmod(0o750)
    (source / "latest").symlink_to("deep/größe und so")
    first = store.push(source, place.uri("1.tar"))
    again = store.push(source, place.uri("2.tar"))
    assert (first.folder, first.format) == (True, "tar")
    assert first.checksum == again.checksum
    assert sha256(place.read("1.tar")) == first.checksum

    target = workspace / "restored"
    pulled = store.pull(
        first.uri, target, checksum=first.checksum, size_bytes=first.size_bytes, folder=True
    )
    assert pulled.downloaded_bytes == first.size_bytes
    assert (target / "image.raw").read_bytes() == SEVERAL_PARTS
    assert (target / "deep" / "empty").is_dir()
    assert (target / "deep" / "größe und so").stat().st_mode & 0o777 == 0o750
    assert str((target / "latest").readlink()) == "deep/größe und so"
    assert store.push(target, place.uri("3.tar")).checksum == first.checksum


def test_discarding_removes_it_and_twice_is_no_error(
    store: ArtifactStore, place: Any, workspace: Path
) -> None:
    pushed = store.push(make_file(workspace), place.uri("image.raw"))
    store.discard(pushed.uri)
    assert place.names() == []
    store.discard(pushed.uri)


def test_what_changed_just_now_is_seen(store: ArtifactStore, place: Any) -> None:
    uri = place.uri("image.raw")
    for content in (b"one", b"three"):
        place.write("image.raw", content)
        store.check(uri, size_bytes=len(content), root=place.root)
        place.delete("image.raw")
        with pytest.raises(ArtifactLost):
            store.check(uri, size_bytes=len(content), root=place.root)
