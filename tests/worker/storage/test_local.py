"""What is the local disk's alone: missing mounts, and what URIs mean."""

import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from buildstate_core.errors import (
    ArtifactLost,
    ArtifactUnreachable,
    BuildStateError,
    Conflict,
    InvalidInput,
)
from buildstate_worker.storage.local import LocalStorage
from buildstate_worker.storage.registry import storage_for
from buildstate_worker.storage.uris import local_path
from buildstate_worker.transfer import ArtifactStore, digest_of, storage_type_of, transferable

ID = "0198a8c5-7d3e-7000-8000-000000000000"


@pytest.mark.parametrize(
    ("root", "folders", "expected"),
    [
        pytest.param("mnt", "mnt/123/state-05", ArtifactLost, id="build there: gone"),
        pytest.param("mnt", f"mnt/123/state-05/{ID}", ArtifactLost, id="folder there: gone"),
        pytest.param("mnt", "mnt", ArtifactUnreachable, id="empty root: not mounted"),
        pytest.param("mnt", "mnt/123", ArtifactUnreachable, id="empty build: not mounted"),
        pytest.param("mnt", "mnt/124/state-05", ArtifactUnreachable, id="only another build"),
        pytest.param("mnt", "", ArtifactUnreachable, id="root not there: not mounted"),
        pytest.param(None, f"mnt/123/state-05/{ID}", ArtifactLost, id="no root, folder there"),
        pytest.param(None, "mnt/123/state-05", ArtifactUnreachable, id="no root, folder not there"),
        pytest.param("other", f"mnt/123/state-05/{ID}", ArtifactLost, id="another root: gone"),
        pytest.param("other", "mnt/123", ArtifactUnreachable, id="another root does not count"),
        pytest.param("mn", "mn/123", ArtifactUnreachable, id="a root ends at a slash"),
    ],
)
@pytest.mark.parametrize("as_uri", [True, False], ids=["uri", "path"])
def test_a_missing_mount_is_not_a_missing_file(
    store: ArtifactStore,
    tmp_path: Path,
    root: str | None,
    folders: str,
    expected: type[BuildStateError],
    as_uri: bool,  # noqa: FBT001 - a parameter of the table
) -> None:
    (tmp_path / folders).mkdir(parents=True, exist_ok=True)

    def written(path: Path) -> str:
        return path.as_uri() if as_uri else str(path)

    uri = written(tmp_path / "mnt" / "123" / "state-05" / ID / "image.raw")
    with pytest.raises(expected):
        store.check(uri, size_bytes=None, root=written(tmp_path / root) if root else None)
    with pytest.raises(expected):
        store.pull(
            uri,
            tmp_path / "new",
            checksum=None,
            size_bytes=None,
            root=written(tmp_path / root) if root else None,
        )


@pytest.mark.parametrize("root", ["mnt", None, "other"])
def test_a_file_straight_in_a_folder_is_gone_if_there_is_another(
    store: ArtifactStore, tmp_path: Path, root: str | None
) -> None:
    folder = tmp_path / "mnt"
    folder.mkdir()

    def check() -> None:
        within = str(tmp_path / root) if root else None
        store.check(str(folder / "image.raw"), size_bytes=None, root=within)

    with pytest.raises(ArtifactUnreachable, match="is empty here, as if it were not") as caught:
        check()
    assert f"put any file into {folder}: then it counts as gone" in (caught.value.hint or "")
    (folder / "emptied").touch()
    with pytest.raises(ArtifactLost, match="is gone"):
        check()


def test_what_may_lie_on_another_machines_disk_is_not_taken_for_gone(
    store: ArtifactStore, tmp_path: Path
) -> None:
    uri = (tmp_path / "disk of another" / "image.raw").as_uri()
    with pytest.raises(ArtifactUnreachable, match="may lie on the disk of another") as caught:
        store.check(uri, size_bytes=None, root=(tmp_path / "ours").as_uri())
    assert "a storage that every worker reaches" in (caught.value.hint or "")


def test_a_folder_in_a_files_place_is_corrupt(store: ArtifactStore, tmp_path: Path) -> None:
    with pytest.raises(ArtifactLost, match="is a folder") as caught:
        store.check(str(tmp_path), size_bytes=8)
    assert caught.value.reason == "artifact_corrupt"


def test_a_path_through_a_file_is_unreachable(store: ArtifactStore, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ArtifactUnreachable, match="Not a directory"):
        store.check(str(tmp_path / "file" / "image.raw"), size_bytes=None)


def test_a_file_that_appears_during_an_upload_is_not_overwritten(folder: Any) -> None:
    def upload_while_another_does() -> None:
        with storage_for(folder.root).create(folder.uri("image.raw"), expected_bytes=4) as upload:
            upload.put(0, b"ours")
            folder.write("image.raw", b"theirs")

    with pytest.raises(Conflict):
        upload_while_another_does()
    assert folder.read("image.raw") == b"theirs"
    assert folder.unfinished() == 0


def test_stored_files_can_be_read_by_other_workers(store: ArtifactStore, tmp_path: Path) -> None:
    (tmp_path / "file").touch(mode=0o600)
    (tmp_path / "usual").touch()
    store.push(tmp_path / "file", str(tmp_path / "stored"))
    assert (tmp_path / "stored").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_a_socket_cannot_become_an_artifact(store: ArtifactStore, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        with pytest.raises(InvalidInput, match="neither a file nor a folder"):
            store.push(tmp_path / "s", str(tmp_path / "stored"))


@pytest.mark.parametrize(
    ("uri", "kind", "moves"),
    [
        ("file:///mnt/image.raw", "file", True),
        ("/mnt/image.raw", "file", True),
        ("/mnt/a:b", "file", True),
        ("s3://bucket/key", "s3", True),
        ("S3://bucket/key", "s3", True),
        ("ebs:snap-1", "ebs", False),
        ("rbd:pool/image@snap", "rbd", False),
        ("az://container/key", "az", True),
        ("gs://bucket/key", "gs", True),
        ("snap-0abc", "other", False),
        ("out/image.raw", "other", False),
        ("", "other", False),
    ],
)
def test_what_a_uri_means(store: ArtifactStore, uri: str, kind: str, moves: bool) -> None:  # noqa: FBT001
    assert storage_type_of(uri) == kind
    assert transferable(uri) is moves
    if not moves:
        store.check(uri, size_bytes=8)
        with pytest.raises(InvalidInput, match="cannot be copied"):
            store.pull(uri, Path("new"), checksum=None, size_bytes=None)


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("file:///a%20b/%C3%BC%25", "/a b/ü%"),
        ("file:///a b/ü", "/a b/ü"),
        ("file://localhost/a", "/a"),
        ("file:/a", "/a"),
        ("/a%20b", "/a%20b"),
    ],
)
def test_file_uris_are_decoded_and_paths_are_not(uri: str, path: str) -> None:
    assert local_path(uri) == Path(path)


@pytest.mark.parametrize("uri", ["file://nfs-server/a", "file:a", "file://", "file:///a%00b"])
def test_a_uri_of_no_local_file_is_refused(uri: str) -> None:
    with pytest.raises(InvalidInput):
        local_path(uri)


def test_digest_of_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="No such file") as caught:
        digest_of(tmp_path / "nothing")
    assert caught.value.field == "artifact"


def test_importing_the_transfer_loads_no_storage_library() -> None:
    program = (
        "import sys, buildstate_worker.transfer\n"
        "heavy = {'fsspec', 's3fs', 'boto3', 'botocore', 'aiohttp', 'asyncio', 'pydantic'}\n"
        "sys.exit(repr(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True)
    assert done.returncode == 0, done.stderr


def test_a_hole_is_read_as_zeros_and_ends_where_the_file_does(folder: Any) -> None:
    storage, uri = LocalStorage(), folder.uri("image.raw")
    size = storage.range_bytes
    with (folder.path / "image.raw").open("wb") as file:
        file.truncate(2 * size + 5)
        file.seek(size - 1)
        file.write(b"x")
    assert storage.read(uri, 0, size) == bytes(size - 1) + b"x"
    assert storage.read(uri, size + 5, size) == bytes(size)
    assert storage.read(uri, 2 * size, size) == bytes(5)
    assert storage.read(uri, 3 * size, size) == b""
