"""The private copy of a first pull is made on the way, and leaves nothing behind when it fails."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.disks import nfs_like

from buildstate_core.errors import ArtifactLost
from buildstate_worker.transfer import ArtifactStore, Pushed
from buildstate_worker.transfer import place as place_module

IMAGE = os.urandom(2**20) * 17 + bytes(2**20)

PULL_AND_WAIT = """
import sys
from pathlib import Path
from buildstate_worker.transfer import ArtifactStore
def wait(done):
    print(done, flush=True)
    sys.stdin.read()
uri, checksum, target, cache = sys.argv[1:]
ArtifactStore(cache_dir=Path(cache)).pull(
    uri, Path(target), checksum=checksum, size_bytes=None, on_progress=wait
)
"""


@pytest.fixture
def pushed(store: ArtifactStore, folder: Any, tmp_path: Path) -> Pushed:
    source = tmp_path / "source.raw"
    source.write_bytes(IMAGE)
    return store.push(source, folder.uri("image.raw"))


def pull(store: ArtifactStore, pushed: Pushed, target: Path) -> None:
    store.pull(pushed.uri, target, checksum=pushed.checksum, size_bytes=pushed.size_bytes)


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def no_copies(*_: object) -> None:
    pytest.fail("it was copied from the cache")


def test_a_first_pull_reads_nothing_twice(
    store: ArtifactStore, pushed: Pushed, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place_module, "copy_data", no_copies)
    target = workspace / "out" / "image.raw"
    pull(store, pushed, target)
    assert target.read_bytes() == IMAGE
    assert names_in(target.parent) == ["image.raw"]
    # As any file that this user makes.
    (workspace / "mine").touch()
    assert target.stat().st_mode == (workspace / "mine").stat().st_mode


def test_a_second_name_or_an_edit_of_the_copy_reaches_nobody(
    store: ArtifactStore, pushed: Pushed, workspace: Path
) -> None:
    pull(store, pushed, workspace / "a.raw")
    assert (workspace / "a.raw").stat().st_nlink == 1
    (workspace / "a.raw").write_bytes(b"edited in place")
    pull(store, pushed, workspace / "b.raw")
    assert (workspace / "b.raw").read_bytes() == IMAGE


def test_what_turns_out_corrupt_leaves_the_target_as_it_was(
    store: ArtifactStore, pushed: Pushed, folder: Any, workspace: Path
) -> None:
    target = workspace / "image.raw"
    target.write_bytes(b"what was there")
    folder.write("image.raw", IMAGE[:-1] + b"x")
    with pytest.raises(ArtifactLost, match="corrupt"):
        pull(store, pushed, target)
    assert target.read_bytes() == b"what was there"
    assert names_in(workspace) == ["image.raw"]


def test_a_pull_that_is_killed_leaves_nothing_in_the_workspace(
    store: ArtifactStore, pushed: Pushed, workspace: Path, cache_dir: Path
) -> None:
    target = workspace / "image.raw"
    with subprocess.Popen(
        [sys.executable, "-c", PULL_AND_WAIT, pushed.uri, pushed.checksum, target, cache_dir],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as worker:
        assert worker.stdout
        assert worker.stdout.readline()
        worker.kill()
    assert names_in(workspace) == []
    pull(store, pushed, target)
    assert target.read_bytes() == IMAGE


@pytest.mark.parametrize("lacking", ["O_TMPFILE", "/proc"])
def test_where_no_file_can_be_without_a_name_it_is_copied_afterwards(
    store: ArtifactStore,
    pushed: Pushed,
    workspace: Path,
    monkeypatch: pytest.MonkeyPatch,
    lacking: str,
) -> None:
    opened = os.open

    def refusing(path: Any, flags: int, *args: Any, **kwargs: Any) -> int:
        is_lacking = (
            flags & os.O_TMPFILE == os.O_TMPFILE
            if lacking == "O_TMPFILE"
            else str(path).startswith("/proc/")
        )
        if is_lacking:
            raise OSError(95, "Operation not supported")
        return opened(path, flags, *args, **kwargs)

    monkeypatch.setattr(os, "open", refusing)
    pull(store, pushed, workspace / "image.raw")
    assert (workspace / "image.raw").read_bytes() == IMAGE
    assert names_in(workspace) == ["image.raw"]


def test_the_workspace_may_be_on_another_file_system(
    store: ArtifactStore, pushed: Pushed, tmp_path: Path
) -> None:
    with nfs_like(tmp_path / "mounted") as mounted:
        pull(store, pushed, mounted / "image.raw")
        assert (mounted / "image.raw").read_bytes() == IMAGE
