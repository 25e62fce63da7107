"""What a worker gets from a pull: private, verified copies, whoever else pulls the same."""

import fcntl
import hashlib
import io
import os
import stat
import subprocess
import sys
import tarfile
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import zstandard

from buildstate_core.errors import ArtifactLost, InvalidInput, Refused
from buildstate_worker.files.sinks import Meter
from buildstate_worker.transfer import ArtifactStore, Packed, Pushed, digest_of
from buildstate_worker.transfer import place as place_module
from buildstate_worker.transfer.archive.compression import decompress_into

IMAGE = os.urandom(2**20) * 17


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.fixture
def pushed(store: ArtifactStore, folder: Any, tmp_path: Path) -> Pushed:
    source = tmp_path / "source.raw"
    source.write_bytes(IMAGE)
    return store.push(source, folder.uri("image.raw"))


@pytest.fixture
def pushed_folder(store: ArtifactStore, folder: Any, tmp_path: Path) -> Pushed:
    source = tmp_path / "source"
    (source / "inside").mkdir(parents=True)
    (source / "inside" / "image.raw").write_bytes(IMAGE)
    return store.push(source, folder.uri("out.tar"))


def pull(store: ArtifactStore, pushed: Pushed, target: Path) -> int:
    """Pull, and give how much was downloaded."""
    pulled = store.pull(
        pushed.uri,
        target,
        checksum=pushed.checksum,
        size_bytes=pushed.size_bytes,
        folder=pushed.folder,
    )
    assert (pulled.checksum, pulled.size_bytes) == (pushed.checksum, pushed.size_bytes)
    return pulled.downloaded_bytes


def test_the_second_pull_comes_from_the_cache(
    store: ArtifactStore, pushed: Pushed, folder: Any, workspace: Path
) -> None:
    assert pull(store, pushed, workspace / "a.raw") == len(IMAGE)
    folder.delete("image.raw")
    assert pull(store, pushed, workspace / "b.raw") == 0
    assert (workspace / "b.raw").read_bytes() == IMAGE


def test_editing_a_copy_in_place_changes_no_other(
    store: ArtifactStore, pushed: Pushed, workspace: Path, cache_dir: Path
) -> None:
    pull(store, pushed, workspace / "a.raw")
    with (workspace / "a.raw").open("r+b") as file:
        file.write(b"edited")
    (cached,) = files_in(cache_dir)
    assert cached.read_bytes() == IMAGE
    assert cached.stat().st_mode & 0o222 == 0
    assert pull(store, pushed, workspace / "b.raw") == 0
    assert (workspace / "b.raw").read_bytes() == IMAGE
    assert (workspace / "b.raw").stat().st_mode & 0o200


def test_a_target_that_is_right_is_left_alone(
    store: ArtifactStore, pushed: Pushed, folder: Any, workspace: Path
) -> None:
    target = workspace / "a.raw"
    target.write_bytes(IMAGE)
    before = target.stat()
    folder.delete("image.raw")
    assert pull(store, pushed, target) == 0
    assert target.stat().st_ino == before.st_ino


def test_a_folder_that_is_right_is_left_alone(
    store: ArtifactStore, pushed_folder: Pushed, workspace: Path
) -> None:
    target = workspace / "out"
    pull(store, pushed_folder, target)
    before = target.stat().st_ino
    assert pull(store, pushed_folder, target) == 0
    assert target.stat().st_ino == before
    (target / "extra").touch()
    assert pull(store, pushed_folder, target) == 0
    assert [path.name for path in files_in(target)] == ["image.raw"]
    assert digest_of(target) == pushed_folder.checksum


@pytest.mark.parametrize(
    "occupant", ["file", "empty folder", "dangling link", "link", "second name"]
)
@pytest.mark.parametrize("what", ["pushed", "pushed_folder"])
def test_what_is_in_the_way_is_replaced(
    store: ArtifactStore,
    workspace: Path,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    occupant: str,
    what: str,
) -> None:
    pushed = request.getfixturevalue(what)
    target = workspace / "out"
    elsewhere = tmp_path / "source.raw"
    elsewhere.write_bytes(IMAGE)
    match occupant:
        case "file":
            target.write_bytes(b"half-changed")
        case "empty folder":
            target.mkdir()
        case "dangling link":
            target.symlink_to("nothing")
        case "link":
            target.symlink_to(elsewhere)
        case "second name":
            target.hardlink_to(elsewhere)
    pull(store, pushed, target)
    assert not target.is_symlink()
    assert target.is_dir() == pushed.folder
    assert target.stat().st_ino != elsewhere.stat().st_ino
    assert digest_of(target) == pushed.checksum
    assert [path.name for path in workspace.iterdir()] == ["out"]


def test_a_folder_that_a_step_has_changed_is_replaced(
    store: ArtifactStore, pushed_folder: Pushed, workspace: Path
) -> None:
    (workspace / "out" / "deep").mkdir(parents=True)
    (workspace / "out" / "deep").chmod(0o500)
    pull(store, pushed_folder, workspace / "out")
    assert digest_of(workspace / "out") == pushed_folder.checksum
    assert [path.name for path in workspace.iterdir()] == ["out"]


def test_a_folder_that_another_process_puts_there_meanwhile_is_replaced(
    store: ArtifactStore, pushed_folder: Pushed, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = workspace / "out"
    target.mkdir()
    moved_aside, rename = [], os.rename

    def overtaken(source: Path, goal: Path) -> None:
        rename(source, goal)
        if source == target and not moved_aside:
            moved_aside.append(goal)
            target.mkdir()
            (target / "of another").touch()

    monkeypatch.setattr(os, "rename", overtaken)
    pull(store, pushed_folder, target)
    assert moved_aside
    assert digest_of(target) == pushed_folder.checksum
    assert [path.name for path in workspace.iterdir()] == ["out"]


def test_a_file_takes_the_place_of_no_folder_that_holds_something(
    store: ArtifactStore, pushed: Pushed, workspace: Path
) -> None:
    (workspace / "out").mkdir()
    (workspace / "out" / "mine").touch()
    with pytest.raises(Refused, match="not empty, and the artifact is a file") as caught:
        pull(store, pushed, workspace / "out")
    assert caught.value.hint
    assert (workspace / "out" / "mine").exists()


@pytest.mark.parametrize("target", [".", "..", "inside/..", "../workspace", "/"])
def test_nothing_takes_the_place_of_the_current_folder_or_of_one_around_it(
    store: ArtifactStore,
    pushed_folder: Pushed,
    workspace: Path,
    monkeypatch: pytest.MonkeyPatch,
    target: str,
) -> None:
    (workspace / "inside").mkdir()
    monkeypatch.chdir(workspace)
    with pytest.raises(Refused, match="current folder"):
        pull(store, pushed_folder, Path(target))
    assert (workspace / "inside").exists()


@pytest.mark.parametrize("what", ["pushed", "pushed_folder"])
@pytest.mark.parametrize("occupant", ["a pipe", "a socket", "a link to a pipe"])
def test_nothing_takes_the_place_of_what_is_neither_file_nor_folder(
    store: ArtifactStore,
    workspace: Path,
    request: pytest.FixtureRequest,
    occupant: str,
    what: str,
) -> None:
    target = workspace / "out"
    match occupant:
        case "a pipe":
            os.mkfifo(target)
        case "a socket":
            os.mknod(target, stat.S_IFSOCK | 0o600)
        case _:
            os.mkfifo(workspace / "pipe")
            target.symlink_to("pipe")
    before = target.lstat()
    with pytest.raises(Refused, match=f"out is {occupant.removeprefix('a link to ')}"):
        pull(store, request.getfixturevalue(what), target)
    assert os.path.samestat(target.lstat(), before)


@pytest.mark.parametrize("what", ["pushed", "pushed_folder"])
@pytest.mark.parametrize("damage", ["flipped", "cut", "empty"])
def test_a_damaged_cache_is_repaired(
    store: ArtifactStore,
    workspace: Path,
    cache_dir: Path,
    request: pytest.FixtureRequest,
    what: str,
    damage: str,
) -> None:
    pushed = request.getfixturevalue(what)
    pull(store, pushed, workspace / "a")
    (cached,) = files_in(cache_dir)
    whole = cached.read_bytes()
    cached.chmod(0o600)
    cached.write_bytes({"flipped": b"X" + whole[1:], "cut": whole[:-1], "empty": b""}[damage])
    assert pull(store, pushed, workspace / "b") == pushed.size_bytes
    assert digest_of(workspace / "b") == pushed.checksum
    assert [path.read_bytes() for path in files_in(cache_dir)] == [whole]


def test_what_killed_processes_left_confuses_nothing(
    store: ArtifactStore, pushed: Pushed, workspace: Path, cache_dir: Path
) -> None:
    incoming = cache_dir / "incoming"
    incoming.mkdir(parents=True)
    (incoming / "left by the dead").write_bytes(b"part of an image")
    (workspace / ".buildstate-1.part").write_bytes(b"part of an image")
    with (incoming / "of the living").open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        pull(store, pushed, workspace / "a.raw")
        assert (workspace / "a.raw").read_bytes() == IMAGE
        assert [path.name for path in incoming.iterdir()] == ["of the living"]


PULL_WHEN_TOLD = """
import sys
from pathlib import Path
from buildstate_worker.transfer import ArtifactStore
cache, uri, checksum, target = sys.argv[1:]
store = ArtifactStore(cache_dir=Path(cache))
print("ready", flush=True)
sys.stdin.readline()
store.pull(uri, Path(target), checksum=checksum, size_bytes=None)
"""

PULL_AGAIN_AND_AGAIN = """
import sys
from pathlib import Path
from buildstate_worker.transfer import ArtifactStore
cache, uri, checksum, target = sys.argv[1:]
store = ArtifactStore(cache_dir=Path(cache), cache_max_bytes=0)
for _ in range(100):
    Path(target).unlink(missing_ok=True)
    store.pull(uri, Path(target), checksum=checksum, size_bytes=None)
"""


def test_processes_may_pull_the_same_at_once(place: Any, workspace: Path, cache_dir: Path) -> None:
    place.write("image.raw", IMAGE)
    (workspace / "right").write_bytes(IMAGE)
    checksum = digest_of(workspace / "right")
    workers = [
        subprocess.Popen(
            [
                *(sys.executable, "-c", PULL_WHEN_TOLD, str(cache_dir), place.uri("image.raw")),
                *(checksum, str(workspace / str(number // 2))),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for number in range(6)
    ]
    for worker in workers:
        assert worker.stdout
        assert worker.stdout.readline() == b"ready\n"
    for worker in workers:
        assert worker.stdin
        worker.stdin.write(b"go\n")
        worker.stdin.flush()
    for worker in workers:
        worker.communicate(timeout=120)
        assert worker.returncode == 0
    for number in range(3):
        assert digest_of(workspace / str(number)) == checksum
    assert len(files_in(cache_dir)) == 1
    assert sorted(path.name for path in workspace.iterdir()) == ["0", "1", "2", "right"]


def test_processes_may_pull_the_same_at_once_where_nothing_is_cached(
    folder: Any, workspace: Path, cache_dir: Path
) -> None:
    (workspace / "right").write_bytes(IMAGE[: 2**18])
    checksum = digest_of(workspace / "right")
    folder.write("image.raw", IMAGE[: 2**18])
    workers = [
        subprocess.Popen(
            [
                *(sys.executable, "-c", PULL_AGAIN_AND_AGAIN, str(cache_dir)),
                *(folder.uri("image.raw"), checksum, str(workspace / str(number))),
            ]
        )
        for number in range(5)
    ]
    try:
        assert [worker.wait(timeout=120) for worker in workers] == [0] * 5
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
    assert {digest_of(path) for path in workspace.iterdir()} == {checksum}
    assert files_in(cache_dir) == []


@pytest.mark.parametrize("what", ["pushed", "pushed_folder"])
def test_a_damaged_cache_is_not_taken_for_what_was_just_downloaded(
    store: ArtifactStore,
    workspace: Path,
    cache_dir: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    what: str,
) -> None:
    monkeypatch.setattr(place_module, "tee_for", lambda _: nullcontext())
    pushed = request.getfixturevalue(what)
    pull(store, pushed, workspace / "a")
    (cached,) = files_in(cache_dir)
    whole = cached.read_bytes()
    cached.chmod(0o600)
    cached.write_bytes(whole[:1000] + bytes([whole[1000] ^ 1]) + whole[1001:])
    unrecorded = store.pull(
        pushed.uri, workspace / "b", checksum=None, size_bytes=None, folder=pushed.folder
    )
    assert unrecorded.checksum == digest_of(workspace / "b") == pushed.checksum
    assert [path.read_bytes() for path in files_in(cache_dir)] == [whole]


def test_an_archive_that_would_leave_its_folder_is_not_unpacked(
    store: ArtifactStore, folder: Any, workspace: Path
) -> None:
    for name, member in {
        "up": tarfile.TarInfo("../escaped"),
        "link": tarfile.TarInfo("link"),
        "device": tarfile.TarInfo("device"),
    }.items():
        if name == "link":
            member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        if name == "device":
            member.type = tarfile.CHRTYPE
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as tar:
            tar.addfile(member)
        folder.write(f"{name}.tar", packed.getvalue())
        target = workspace / name / "out"
        with pytest.raises(ArtifactLost, match="cannot be unpacked"):
            store.pull(
                folder.uri(f"{name}.tar"), target, checksum=None, size_bytes=None, folder=True
            )
        assert list((workspace / name).iterdir()) == []


def test_a_file_pulled_as_a_folder_is_refused_and_the_target_kept(
    store: ArtifactStore, pushed: Pushed, workspace: Path
) -> None:
    (workspace / "out").mkdir()
    (workspace / "out" / "mine").touch()
    with pytest.raises(ArtifactLost, match="cannot be unpacked"):
        store.pull(
            pushed.uri, workspace / "out", checksum=pushed.checksum, size_bytes=None, folder=True
        )
    assert (workspace / "out" / "mine").exists()


@pytest.mark.parametrize("checksum", ["md5:0", "sha256:12", "", "x" * 64])
def test_a_checksum_of_another_kind_is_refused(
    store: ArtifactStore, pushed: Pushed, workspace: Path, checksum: str
) -> None:
    with pytest.raises(InvalidInput, match="not a sha256") as caught:
        store.pull(pushed.uri, workspace / "a", checksum=checksum, size_bytes=None)
    assert caught.value.field == "checksum"


def test_no_more_is_unpacked_than_was_recorded(
    store: ArtifactStore, folder: Any, workspace: Path
) -> None:
    bomb = zstandard.compress(bytes(64 * 2**20))
    folder.write("bomb.zst", bomb)
    packed = Packed(f"sha256:{hashlib.sha256(bomb).hexdigest()}", len(bomb))
    with pytest.raises(ArtifactLost, match="not what was recorded"):
        store.pull(
            folder.uri("bomb.zst"),
            workspace / "image.raw",
            checksum=f"sha256:{'0' * 64}",
            size_bytes=100,
            packed=packed,
        )
    assert files_in(workspace) == []
    written = Meter()
    with pytest.raises(zstandard.ZstdError, match="more than 100 bytes"):
        decompress_into(written, io.BytesIO(bomb), size_bytes=100)
    assert written.size_bytes == 0


def test_upper_case_digits_are_the_same_checksum(
    store: ArtifactStore, pushed: Pushed, workspace: Path
) -> None:
    shouted = "SHA256:" + pushed.checksum.removeprefix("sha256:").upper()
    pulled = store.pull(pushed.uri, workspace / "a", checksum=shouted, size_bytes=None)
    assert pulled.checksum == pushed.checksum


def test_a_disk_that_refuses_is_named(pushed: Pushed, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    in_the_way = ArtifactStore(cache_dir=tmp_path / "file" / "cache")
    with pytest.raises(Refused, match=r"file/cache.*: Not a directory") as caught:
        in_the_way.pull(pushed.uri, tmp_path / "new", checksum=None, size_bytes=None)
    assert caught.value.hint
