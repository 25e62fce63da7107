"""Pulls that are refused: unsafe archives, wrong checksums, a disk that refuses."""

import hashlib
import io
import tarfile
from pathlib import Path
from typing import Any

import pytest
import zstandard

from buildstate_core.errors import ArtifactLost, InvalidInput, Refused
from buildstate_worker.files.sinks import Meter
from buildstate_worker.transfer import ArtifactStore, Packed, Pushed
from buildstate_worker.transfer.archive.compression import decompress_into

from .pulls import files_in


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
