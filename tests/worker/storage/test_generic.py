"""What goes through fsspec: storages in memory, and a folder under a scheme of another's."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem
from fsspec.registry import _registry
from fsspec.spec import AbstractBufferedFile, AbstractFileSystem
from sybil import Sybil
from sybil.parsers.markdown import CodeBlockParser

from buildstate_core.errors import (
    ArtifactLost,
    ArtifactUnreachable,
    Conflict,
    InvalidInput,
    Unreachable,
)
from buildstate_worker.storage.base import Storage
from buildstate_worker.storage.registry import storage_for
from buildstate_worker.transfer import ArtifactStore, transferable

DATA = os.urandom(9 * 2**20 + 3)


class Nas(LocalFileSystem):
    """A file system that fsspec renames in, as it does over SMB or FTP."""

    protocol = "nas"

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return path.removeprefix("nas://server").rstrip("/") or "/"


class Bucket(AbstractFileSystem):
    """An object storage that shows nothing until it is committed, as fsspec's clouds do."""

    protocol = "bucket"
    kept: dict[str, bytes] = {}  # noqa: RUF012 - as a server's, it outlives its clients

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        path = self._strip_protocol(path)
        if path in self.kept:
            return {"name": path, "size": len(self.kept[path]), "type": "file"}
        if any(name.startswith(f"{path}/") for name in self.kept):
            return {"name": path, "size": 0, "type": "directory"}
        raise FileNotFoundError(path)

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:  # noqa: FBT001, FBT002
        assert detail
        return [self.info(name) for name in self.kept if self._parent(name) == path.rstrip("/")]

    def _rm(self, path: str) -> None:
        del self.kept[self._strip_protocol(path)]

    def _open(self, path: str, mode: str = "rb", **options: Any) -> AbstractBufferedFile:
        options.pop("cache_options", None)
        return Object(self, path, mode, **options)


class Object(AbstractBufferedFile):
    def _initiate_upload(self) -> None:
        self.parts = b""

    def _upload_chunk(self, final: bool = False) -> bool:  # noqa: FBT001, FBT002
        self.parts += self.buffer.getvalue()
        if final and self.autocommit:
            self.commit()
        return True

    def commit(self) -> None:
        self.fs.kept[self.path] = self.parts

    def discard(self) -> None:
        self.parts = b""

    def _fetch_range(self, start: int, end: int) -> bytes:
        return self.fs.kept[self.path][start:end]


@pytest.fixture(params=["memory", "nas", "bucket"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A folder in a storage that renames, one that copies, and one that holds uploads back."""
    fsspec.register_implementation("nas", Nas, clobber=True)
    fsspec.register_implementation("bucket", Bucket, clobber=True)
    if request.param == "nas":
        yield f"nas://server{tmp_path}"
    else:
        yield f"{request.param}://{uuid4().hex}"
        MemoryFileSystem.store.clear()
        Bucket.kept.clear()
    for scheme in ("nas", "bucket"):
        _registry.pop(scheme)


@pytest.fixture
def storage(root: str) -> Storage:
    return storage_for(root)


def names(storage: Storage, root: str) -> list[str]:
    """Everything there is below the root, hidden or not."""
    found = [each.uri for each in (*storage.listing(f"{root}/"), *storage.unfinished(f"{root}/"))]
    return sorted(uri.removeprefix(f"{root}/") for uri in found)


def test_an_artifact_comes_back_and_is_gone_when_it_is_removed(
    root: str, storage: Storage, tmp_path: Path
) -> None:
    store = ArtifactStore(cache_dir=tmp_path / "cache")
    source = tmp_path / "image.raw"
    for content in (DATA, b""):
        source.write_bytes(content)
        uri = f"{root}/new/{len(content)}/größe und so.raw"
        pushed = store.push(source, uri)
        store.check(uri, size_bytes=len(content), root=root)
        pulled = store.pull(
            uri, tmp_path / "back", checksum=pushed.checksum, size_bytes=len(content), root=root
        )
        assert (tmp_path / "back").read_bytes() == content
        assert pulled.downloaded_bytes == len(content)
    assert storage.read(uri.replace("/0/", f"/{len(DATA)}/"), 5, 7) == DATA[5:12]
    store.discard(uri)
    store.discard(uri)
    with pytest.raises(ArtifactLost, match="is gone"):
        store.check(uri, size_bytes=0, root=root)
    with pytest.raises(ArtifactLost, match="is gone"):
        storage.read(uri, 0, 1, root=root)


def test_nothing_is_visible_before_the_end_or_left_after_an_error(
    root: str, storage: Storage
) -> None:
    def upload(name: str, *, fails: bool) -> None:
        with storage.create(f"{root}/{name}", expected_bytes=0) as sink:
            sink.put(0, DATA[: sink.part_bytes])
            sink.put(1, DATA[sink.part_bytes :])
            assert list(storage.listing(f"{root}/{name}")) == []
            if fails:
                raise KeyError

    with pytest.raises(KeyError):
        upload("failed.raw", fails=True)
    upload("image.raw", fails=False)
    assert names(storage, root) == ["image.raw"]


def test_nothing_is_overwritten(root: str, storage: Storage) -> None:
    def upload(content: bytes, meanwhile: bytes | None = None) -> None:
        with storage.create(f"{root}/image.raw", expected_bytes=4) as sink:
            sink.put(0, content)
            if meanwhile is not None:
                upload(meanwhile)

    if root.startswith("bucket"):
        # Object storages have no way to say: only if there is nothing.
        upload(b"first")
    else:
        with pytest.raises(Conflict):
            upload(b"second", meanwhile=b"first")
    with pytest.raises(Conflict, match="never overwritten"):
        upload(b"third")
    assert storage.read(f"{root}/image.raw", 0, 9) == b"first"
    assert names(storage, root) == ["image.raw"]


def test_a_copy_is_made_by_the_storage_or_refused(root: str, storage: Storage) -> None:
    source, target = f"{root}/a.raw", f"{root}/b/c.raw"
    with storage.create(source, expected_bytes=0) as sink:
        sink.put(0, b"an image")
    if root.startswith("bucket"):
        with pytest.raises(Unreachable, match="bucket:// cannot do that"):
            storage.copy(source, target)
        return
    storage.copy(source, target)
    assert storage.read(target, 0, 100) == b"an image"
    with pytest.raises(Conflict):
        storage.copy(source, target)
    with pytest.raises(ArtifactLost):
        storage.copy(f"{root}/nothing", f"{root}/d.raw")
    assert names(storage, root) == ["a.raw", "b/c.raw"]


def test_what_a_killed_upload_left_is_found_and_can_be_abandoned(
    root: str, storage: Storage
) -> None:
    fs, path = fsspec.url_to_fs(root)
    fs.makedirs(path, exist_ok=True)
    with fs.open(f"{path}/.buildstate-{uuid4().hex}.part", "wb") as file:
        file.write(b"half")
    (found,) = storage.unfinished(f"{root}/")
    assert found.size_bytes == 4
    assert abs(datetime.now(UTC) - found.started_at) < timedelta(hours=1)
    assert list(storage.listing(f"{root}/")) == []
    storage.abandon(found)
    assert names(storage, root) == []


@pytest.mark.parametrize("root", ["memory", "nas"], indirect=True)
def test_a_missing_folder_is_not_a_missing_file(root: str, storage: Storage) -> None:
    with pytest.raises(ArtifactUnreachable, match="there is no") as caught:
        storage.size_of(f"{root}/nothing/image.raw", root="ftp://elsewhere/x")
    assert "credentials" in (caught.value.hint or "")
    assert storage.size_of(f"{root.rpartition('/')[0]}/") is None


@pytest.mark.parametrize("root", ["nas"], indirect=True)
def test_what_the_storage_says_is_passed_on(root: str, storage: Storage, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ArtifactUnreachable, match="Not a directory"):
        storage.size_of(f"{root}/file/image.raw")
    with pytest.raises(Unreachable, match="there is no folder"):
        list(storage.listing(f"{root}/nothing/"))
    with pytest.raises(ArtifactUnreachable, match="Is a directory"):
        storage.read(root, 0, 1)


@pytest.mark.parametrize(
    ("uri", "moves"),
    [
        ("memory://a/b", True),
        ("ftp://host/a", True),
        ("smb://host/share/a", True),
        ("https://host/a", True),
        ("ami:ami-0abc", False),
        ("memory:a", False),
        ("docker://registry/image", False),
        ("data://text,a", False),
        ("simplecache::s3://bucket/key", False),
        ("zip://a::s3://bucket/key", False),
        ("ssh://host/a", False),
        ("local:///a", False),
        ("reference://a", False),
    ],
)
def test_artifacts_are_kept_where_that_makes_sense(uri: str, moves: bool) -> None:  # noqa: FBT001
    assert transferable(uri) is moves
    if not moves:
        with pytest.raises(InvalidInput, match="cannot be copied"):
            storage_for(uri)


@pytest.mark.parametrize("uri", ["memory://a::s3://bucket/key", "memory:a"])
def test_a_chain_of_storages_is_refused(uri: str) -> None:
    with pytest.raises(InvalidInput, match="does not name a file"):
        storage_for("memory://").size_of(uri)


def test_a_password_in_a_uri_is_refused_and_not_repeated() -> None:
    with pytest.raises(InvalidInput, match="holds a password") as caught:
        storage_for("ftp://host/").size_of("ftp://me:tr0ub4dor@host/a")
    assert "tr0ub4dor" not in str(caught.value)


def test_what_fsspec_lacks_is_named() -> None:
    with pytest.raises(ArtifactUnreachable, match="smbprotocol") as caught:
        storage_for("smb://host/share/image.raw")
    assert "smb://" in (caught.value.hint or "")


def test_a_handle_is_told_from_a_file_without_loading_fsspec() -> None:
    program = (
        "import sys\n"
        "from buildstate_worker.transfer import transferable\n"
        "assert not transferable('ami:ami-0abc') and not transferable('ebs:snap-1')\n"
        "sys.exit('fsspec' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_the_snippet_of_the_page_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    page = Path(__file__).parents[3] / "docs/how-to/storage/other.md"
    parser = CodeBlockParser("python", lambda _: None)
    (block,) = Sybil(parsers=[parser]).parse(page).examples()
    exec(compile(block.parsed, str(page), "exec"), {})  # noqa: S102 - it is ours
    assert capsys.readouterr().out == "an image\n"
