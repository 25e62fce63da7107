"""A pull from the cache: private copies, and a cache that was damaged."""

import fcntl
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from buildstate_worker.transfer import ArtifactStore, Pushed, digest_of
from buildstate_worker.transfer import place as place_module

from .pulls import IMAGE, files_in, pull


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
