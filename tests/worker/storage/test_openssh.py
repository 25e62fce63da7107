"""SFTP as OpenSSH has it, and not a library's model of it. Skipped where that is not installed."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.disks import small_disk
from support.faults import proxied
from support.openssh import SSHD, WHY_NOT, OpenSsh, openssh_server
from support.ports import free_port

from buildstate_core.errors import ArtifactLost, ArtifactUnreachable, Conflict, Unreachable
from buildstate_worker.storage.base import Storage
from buildstate_worker.storage.registry import storage_for
from buildstate_worker.transfer import ArtifactStore
from buildstate_worker.transfer.parts import uploading

from .test_contract import UPLOAD_AND_WAIT

pytestmark = pytest.mark.skipif(not SSHD.exists(), reason=WHY_NOT)

DATA = os.urandom(2**20) * 10 + b"and an odd end"
GRAIN = 64 * 1024


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenSsh]:
    folder = tmp_path_factory.mktemp("openssh") / "server"
    with openssh_server(folder, port=free_port()) as server:
        yield server


@pytest.fixture
def server(running: OpenSsh, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenSsh]:
    monkeypatch.setenv("HOME", str(running.home))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    yield running
    for path in sorted(running.files.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()


@pytest.fixture
def storage(server: OpenSsh) -> Storage:
    return storage_for(server.uri(""))


def names(server: OpenSsh) -> list[str]:
    return sorted(path.name for path in server.files.iterdir())


def upload(storage: Storage, uri: str, data: bytes = DATA) -> None:
    with uploading(storage, uri, expected_bytes=len(data)) as sink:
        sink.write(data)


def test_an_artifact_comes_back_is_listed_and_is_never_overwritten(
    server: OpenSsh, storage: Storage, store: ArtifactStore, workspace: Path
) -> None:
    source = workspace / "image.raw"
    source.write_bytes(DATA)
    uri = server.uri("new/größe und %20.raw")
    pushed = store.push(source, uri)
    assert (server.files / "new/größe und %20.raw").read_bytes() == DATA
    # The hidden name, which was a hard link to it, is gone.
    assert (server.files / "new/größe und %20.raw").stat().st_nlink == 1
    store.pull(uri, workspace / "new", checksum=pushed.checksum, size_bytes=pushed.size_bytes)
    assert (workspace / "new").read_bytes() == DATA
    assert [each.uri for each in storage.listing(server.uri(""))] == [uri]
    assert list(storage.unfinished(server.uri(""))) == []
    with pytest.raises(Conflict, match="never overwritten"):
        store.push(source, uri)
    store.discard(uri)
    with pytest.raises(ArtifactLost):
        store.check(uri, size_bytes=None, root=server.uri(""))


def test_holes_take_up_no_room_also_at_the_end(server: OpenSsh, storage: Storage) -> None:
    data = bytes(3 * 2**20) + os.urandom(GRAIN) + bytes(6 * 2**20 + 5)
    upload(storage, server.uri("sparse.raw"), data)
    assert (server.files / "sparse.raw").read_bytes() == data
    assert (server.files / "sparse.raw").stat().st_blocks * 512 < 2 * GRAIN


def test_a_copy_is_made_by_the_server(server: OpenSsh, storage: Storage) -> None:
    upload(storage, server.uri("a.raw"))
    storage.copy(server.uri("a.raw"), server.uri("b.raw"))
    assert (server.files / "b.raw").read_bytes() == DATA
    with pytest.raises(Conflict):
        storage.copy(server.uri("a.raw"), server.uri("b.raw"))
    with pytest.raises(ArtifactLost, match=r"lost\.raw is gone"):
        storage.copy(server.uri("lost.raw"), server.uri("c.raw"))
    assert names(server) == ["a.raw", "b.raw"]


def test_a_killed_worker_leaves_what_is_found_and_removed(
    server: OpenSsh, storage: Storage
) -> None:
    uri = server.uri("image.raw")
    with subprocess.Popen(
        [sys.executable, "-c", UPLOAD_AND_WAIT, uri], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as worker:
        assert worker.stdout
        assert worker.stdout.readline() == b"uploading\n"
        worker.kill()
    with pytest.raises(ArtifactLost):
        storage.size_of(uri)
    assert list(storage.listing(server.uri(""))) == []
    (left,) = storage.unfinished(server.uri(""))
    storage.abandon(left)
    assert names(server) == []


def test_an_upload_goes_on_over_a_new_connection(server: OpenSsh, storage: Storage) -> None:
    with proxied(server.port) as proxy:
        uri = server.uri("image.raw", port=proxy.port)
        proxy.upload.cut(after=5 * 2**20)
        upload(storage, uri)
        proxy.download.cut(after=3 * 2**20)
        assert storage.read(uri, 0, len(DATA)) == DATA
        assert proxy.connections == 3
    assert names(server) == ["image.raw"]


def test_a_full_disk_is_named_though_openssh_only_says_that_it_failed(
    server: OpenSsh, storage: Storage, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk", 4 * 2**20) as disk:
        (server.files / "small").symlink_to(disk)
        with pytest.raises(Unreachable, match=r"no space is left .*Free space"):
            upload(storage, server.uri("small/image.raw"))
        assert list(disk.iterdir()) == []
        (server.files / "small").unlink()


def test_a_missing_folder_and_a_key_that_is_not_known_are_unreachable(
    server: OpenSsh, storage: Storage
) -> None:
    with pytest.raises(ArtifactUnreachable, match="/1 does not exist"):
        storage.size_of(server.uri("1/image.raw"))
    server.revoke_key()
    try:
        # By another way, since who is in stays in.
        with proxied(server.port) as proxy:
            uri = server.uri("image.raw", port=proxy.port)
            with pytest.raises(ArtifactUnreachable, match=r"does not let .* in.*authorized_keys"):
                storage.size_of(uri)
    finally:
        server.allow_key()
