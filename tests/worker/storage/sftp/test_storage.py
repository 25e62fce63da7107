"""What is SFTP's alone: who may log in, which server is believed, and how names are given."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import asyncssh
import pytest
from support.faults import Proxy, proxied
from support.ports import free_port
from support.sftp import READER, Sftp, sftp_server

from buildstate_core.errors import (
    ArtifactLost,
    ArtifactUnreachable,
    Conflict,
    Unreachable,
)
from buildstate_worker.storage.base import Storage
from buildstate_worker.storage.registry import storage_for
from buildstate_worker.transfer.parts import uploading
from buildstate_worker.transfer.ranges import read_ranges

DATA = os.urandom(10 * 2**20 + 17)
GRAIN = 64 * 1024


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Sftp]]:
    folder = tmp_path_factory.mktemp("sftp")
    with sftp_server(folder / "full") as full, sftp_server(folder / "plain", is_plain=True) as bare:
        yield {"openssh": full, "plain": bare}


@pytest.fixture(params=["openssh", "plain"])
def server(
    request: pytest.FixtureRequest, servers: dict[str, Sftp], monkeypatch: pytest.MonkeyPatch
) -> Sftp:
    """A server with OpenSSH's extensions, and one without, and the worker's home."""
    found = servers[request.param]
    monkeypatch.setenv("HOME", str(found.home))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return found


only_openssh = pytest.mark.parametrize("server", ["openssh"], indirect=True)


@pytest.fixture
def storage() -> Storage:
    return storage_for("sftp://host/")


@pytest.fixture
def folder(server: Sftp) -> str:
    """A folder that is there, and this test's alone."""
    name = uuid4().hex
    (server.files / name).mkdir()
    return name


@pytest.fixture
def proxy(server: Sftp) -> Iterator[Proxy]:
    with proxied(server.port) as proxy:
        yield proxy


def upload(storage: Storage, uri: str, data: bytes = DATA) -> None:
    with uploading(storage, uri, expected_bytes=len(data)) as sink:
        for start in range(0, len(data), 2**20):
            sink.write(data[start : start + 2**20])


def download(storage: Storage, uri: str, size: int = len(DATA)) -> bytes:
    return b"".join(read_ranges(storage, uri, start=0, size_bytes=size))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_an_upload_comes_back_and_folders_are_made(
    server: Sftp, storage: Storage, folder: str
) -> None:
    uri = server.uri(f"{folder}/new/deeper/größe und %20.raw")
    upload(storage, uri)
    assert (server.files / folder / "new/deeper/größe und %20.raw").read_bytes() == DATA
    assert storage.size_of(uri) == len(DATA)
    assert storage.read(uri, len(DATA) - 5, 100) == DATA[-5:]
    assert download(storage, uri) == DATA
    assert list(storage.unfinished(server.uri(f"{folder}/"))) == []


def test_holes_take_up_no_room_also_at_the_end(server: Sftp, storage: Storage, folder: str) -> None:
    data = bytes(3 * 2**20) + os.urandom(GRAIN) + bytes(6 * 2**20 + 5)
    upload(storage, server.uri(f"{folder}/sparse.raw"), data)
    stored = server.files / folder / "sparse.raw"
    assert stored.read_bytes() == data
    assert stored.stat().st_blocks * 512 < 2 * GRAIN


def test_a_file_that_appears_during_an_upload_is_not_overwritten(
    server: Sftp, storage: Storage, folder: str
) -> None:
    target = server.files / folder / "image.raw"

    def upload_while_another_does() -> None:
        with storage.create(server.uri(f"{folder}/image.raw"), expected_bytes=4) as upload:
            upload.put(0, b"ours")
            target.write_bytes(b"theirs")

    for _ in range(2):
        with pytest.raises(Conflict, match="never overwritten"):
            upload_while_another_does()
    assert target.read_bytes() == b"theirs"
    assert list(target.parent.iterdir()) == [target]


def test_a_copy_stays_on_the_server_or_says_that_it_cannot(
    server: Sftp, storage: Storage, folder: str, request: pytest.FixtureRequest
) -> None:
    source, target = server.uri(f"{folder}/a.raw"), server.uri(f"{folder}/b/c.raw")
    upload(storage, source)
    if "plain" in request.node.name:
        with pytest.raises(Unreachable, match="does not copy files by itself"):
            storage.copy(source, target)
        assert list((server.files / folder).rglob("*.part")) == []
        return
    storage.copy(source, target)
    assert (server.files / folder / "b/c.raw").read_bytes() == DATA
    with pytest.raises(Conflict):
        storage.copy(source, target)
    with pytest.raises(ArtifactLost):
        storage.copy(server.uri(f"{folder}/nothing"), server.uri(f"{folder}/d.raw"))
    with pytest.raises(Unreachable, match="another server"):
        storage.copy(source, "sftp://builder@elsewhere/d.raw")
    assert names(server.files / folder) == ["a.raw", "b"]


def test_listings_tell_files_from_drafts_and_drafts_can_be_abandoned(
    server: Sftp, storage: Storage, folder: str
) -> None:
    at = server.files / folder
    (at / "deep").mkdir()
    (at / "deep" / "a.raw").write_bytes(b"an image")
    (at / "b.raw").write_bytes(b"")
    (at / "link").symlink_to("b.raw")
    upload = at / "deep" / f".buildstate-{uuid4().hex}.part"
    upload.write_bytes(b"half")
    prefix = server.uri(f"{folder}/")
    assert {(each.uri, each.size_bytes) for each in storage.listing(prefix)} == {
        (f"{prefix}deep/a.raw", 8),
        (f"{prefix}b.raw", 0),
    }
    assert [each.uri for each in storage.listing(f"{prefix}b")] == [f"{prefix}b.raw"]
    (found,) = storage.unfinished(prefix)
    assert found.started_at.timestamp() == int(upload.stat().st_mtime)
    storage.abandon(found)
    storage.abandon(found)
    assert not upload.exists()
    with pytest.raises(Unreachable):
        list(storage.listing(server.uri(f"{folder}/nothing/")))


@only_openssh
def test_gone_is_told_from_a_folder_that_is_missing_or_not_mounted(
    server: Sftp, storage: Storage, folder: str
) -> None:
    root = server.uri(folder)
    with pytest.raises(ArtifactUnreachable, match="is empty, as if it were not mounted") as caught:
        storage.size_of(f"{root}/a.raw", root=root)
    assert "put any file into" in (caught.value.hint or "")
    (server.files / folder / "1" / "state-05").mkdir(parents=True)
    for gone in ("a.raw", "1/state-05/a.raw", "1/state-10/a.raw"):
        with pytest.raises(ArtifactLost, match="is gone"):
            storage.read(f"{root}/{gone}", 0, 1, root=root)
    with pytest.raises(ArtifactUnreachable, match="/2 does not exist"):
        storage.size_of(f"{root}/2/state-05/a.raw", root=root)
    with pytest.raises(ArtifactUnreachable, match="/1/state-10 does not exist"):
        storage.size_of(f"{root}/1/state-10/a.raw", root=server.uri("other"))
    assert storage.size_of(root) is None
    storage.remove(f"{root}/a.raw")


@only_openssh
def test_a_user_who_may_only_read_is_told_so(server: Sftp, storage: Storage, folder: str) -> None:
    (server.files / folder / "a.raw").write_bytes(b"an image")
    uri = server.uri(f"{folder}/a.raw", user=READER)
    assert storage.read(uri, 0, 8) == b"an image"
    with pytest.raises(Unreachable, match="ermission denied") as caught:
        storage.remove(uri)
    assert caught.value.hint == "Check what this user may do there on the server."
    with pytest.raises(Unreachable, match="ermission denied"):
        upload(storage, server.uri(f"{folder}/b.raw", user=READER))


@only_openssh
def test_only_a_server_that_is_known_is_talked_to(
    server: Sftp, storage: Storage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, proxy: Proxy
) -> None:
    uri = server.uri("a.raw", port=proxy.port)
    # Not even when the config asks for that.
    config = server.home / ".ssh" / "config"
    ours = config.read_text()
    config.write_text("UserKnownHostsFile none\nStrictHostKeyChecking no\n" + ours)
    known_hosts = server.known_hosts_file.read_text()
    try:
        server.known_hosts_file.write_text("")
        with pytest.raises(ArtifactUnreachable, match="is not known here") as caught:
            storage.size_of(uri)
        assert f"ssh-keyscan -p {proxy.port} 127.0.0.1" in (caught.value.hint or "")
        server.change_host_key()
        with pytest.raises(ArtifactUnreachable, match="may not be the server") as caught:
            storage.size_of(uri)
        assert f"[127.0.0.1]:{proxy.port}" in (caught.value.hint or "")
        (tmp_path / "known_hosts").write_text(known_hosts)
        monkeypatch.setenv("BLDST_SFTP_KNOWN_HOSTS", str(tmp_path / "known_hosts"))
        with pytest.raises(ArtifactLost):
            storage.size_of(uri)
    finally:
        config.write_text(ours)
        server.restore_host_key()


@only_openssh
def test_a_key_that_the_server_does_not_know_is_told_from_one_that_is_not_there(
    server: Sftp, storage: Storage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, proxy: Proxy
) -> None:
    uri = server.uri("a.raw", port=proxy.port)
    other = tmp_path / "key"
    monkeypatch.setenv("BLDST_SFTP_KEY", str(other))
    with pytest.raises(ArtifactUnreachable, match=rf"SSH files are wrong.*{other}"):
        storage.size_of(uri)
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(
        other, "pkcs8-pem", passphrase="secret"
    )
    with pytest.raises(ArtifactUnreachable, match=r"[Pp]assphrase"):
        storage.size_of(uri)
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(other)
    with pytest.raises(ArtifactUnreachable, match="does not let builder in") as caught:
        storage.size_of(uri)
    assert "authorized_keys" in (caught.value.hint or "")
    monkeypatch.setenv("BLDST_SFTP_KEY", str(server.key_file))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("BLDST_SFTP_KNOWN_HOSTS", str(server.known_hosts_file))
    with pytest.raises(ArtifactLost):
        storage.size_of(uri)


@only_openssh
def test_a_server_that_is_not_there_is_unreachable(
    server: Sftp, storage: Storage, proxy: Proxy
) -> None:
    with pytest.raises(ArtifactUnreachable, match="Connection refused") as caught:
        storage.size_of(server.uri("a.raw", port=free_port()))
    assert "port" in (caught.value.hint or "")
    with pytest.raises(ArtifactUnreachable, match=r"no-such-host\.invalid"):
        storage.size_of("sftp://builder@no-such-host.invalid/a.raw")
    proxy.refuse()
    with pytest.raises(Unreachable, match="cannot be connected to"):
        storage.remove(server.uri("a.raw", port=proxy.port))


@only_openssh
def test_transfers_go_on_over_a_new_connection(
    server: Sftp, storage: Storage, folder: str, proxy: Proxy
) -> None:
    uri = server.uri(f"{folder}/image.raw", port=proxy.port)
    proxy.upload.cut(after=5 * 2**20)
    upload(storage, uri)
    proxy.download.cut(after=5 * 2**20)
    assert download(storage, uri) == DATA
    # And after a bit that was flipped on the way, which SSH notices.
    proxy.download.flip_bit(after=2**20)
    assert download(storage, uri) == DATA
    assert proxy.connections == 4
    assert names(server.files / folder) == ["image.raw"]


def test_a_commit_whose_answer_is_lost_is_a_commit(
    server: Sftp, storage: Storage, folder: str, proxy: Proxy
) -> None:
    target = server.files / folder / "image.raw"
    seen = threading.Event()

    def cut_when_it_is_named() -> None:
        while not target.exists():
            assert not seen.wait(0.001)
        proxy.drop()
        proxy.download.heal()

    watcher = threading.Thread(target=cut_when_it_is_named)
    with storage.create(
        server.uri(f"{folder}/image.raw", port=proxy.port), expected_bytes=4
    ) as upload:
        upload.put(0, b"ours")
        watcher.start()
        # So slow that an answer is on its way when the watcher sees what it answers.
        proxy.download.limit(200)
    watcher.join()
    assert target.read_bytes() == b"ours"
    assert names(target.parent) == ["image.raw"]


@only_openssh
def test_an_upload_waits_for_a_network_that_comes_back(
    server: Sftp, storage: Storage, folder: str, proxy: Proxy
) -> None:
    with storage.create(
        server.uri(f"{folder}/image.raw", port=proxy.port), expected_bytes=4
    ) as upload:
        proxy.refuse()
        returns = threading.Timer(0.5, proxy.heal)
        returns.start()
        upload.put(0, b"ours")
        returns.join()
    assert (server.files / folder / "image.raw").read_bytes() == b"ours"


@only_openssh
def test_an_alias_of_the_ssh_config_names_a_server(
    server: Sftp, storage: Storage, folder: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.copytree(server.home / ".ssh", tmp_path / ".ssh")
    config = tmp_path / ".ssh" / "config"
    alias = f"Host nas\n  HostName 127.0.0.1\n  Port {server.port}\n  Ciphers aes256-ctr\n"
    config.write_text(alias + config.read_text())
    monkeypatch.setenv("HOME", str(tmp_path))
    upload(storage, f"sftp://nas/{folder}/image.raw")
    assert (server.files / folder / "image.raw").read_bytes() == DATA


@only_openssh
def test_a_forked_worker_makes_a_connection_of_its_own(
    server: Sftp, storage: Storage, folder: str
) -> None:
    uri = server.uri(f"{folder}/image.raw")
    upload(storage, uri)
    program = (
        "import os, sys\n"
        "from buildstate_worker.storage.registry import storage_for\n"
        "storage = storage_for(sys.argv[1])\n"
        "assert storage.size_of(sys.argv[1])\n"
        "child = os.fork()\n"
        "found = storage.read(sys.argv[1], 0, 8)\n"
        "if child == 0: os._exit(found == b'')\n"
        "sys.exit(os.waitpid(child, 0)[1] or found == b'')\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, uri], check=False, capture_output=True
    )
    assert (done.returncode, done.stderr) == (0, b"")
