"""What a push records of a file's format."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from buildstate_worker.artifacts import Artifacts
from buildstate_worker.blobs import Blob, Spot
from buildstate_worker.client import Client
from buildstate_worker.formats import Format
from buildstate_worker.transfer import ArtifactStore

from .samples import FILES, qcow2

SPOT = Spot(build=1, state=10, lane="", attempt="0198")


@pytest.fixture
def artifacts(tmp_path: Path) -> Iterator[Artifacts]:
    with Client("http://127.0.0.1:9", None) as client:
        yield Artifacts(
            client, ArtifactStore(cache_dir=tmp_path / "cache"), storage_url=tmp_path.as_uri()
        )


@pytest.mark.parametrize(("content", "expected"), FILES)
def test_a_push_records_what_the_bytes_show(
    artifacts: Artifacts, tmp_path: Path, content: bytes, expected: Format
) -> None:
    (tmp_path / "image").write_bytes(content)
    record = artifacts.push(Blob(name="image", path=tmp_path / "image"), SPOT, None)
    assert (record.format, record.compression) == (expected.name, expected.compression)
    assert record.metadata.get("virtual_size") == expected.virtual_size


def test_a_push_records_nothing_that_it_does_not_know(artifacts: Artifacts, tmp_path: Path) -> None:
    (tmp_path / "notes.qcow2").write_text("no image")
    record = artifacts.push(Blob(name="notes.qcow2", path=tmp_path / "notes.qcow2"), SPOT, None)
    assert (record.format, record.compression, record.metadata) == (None, None, {})


def test_what_the_caller_says_counts_more(artifacts: Artifacts, tmp_path: Path) -> None:
    (tmp_path / "image").write_bytes(qcow2())
    blob = Blob(name="image", path=tmp_path / "image", metadata={"virtual_size": 7, "x": 1})
    record = artifacts.push(blob, SPOT, None)
    assert (record.format, record.metadata) == ("qcow2", {"virtual_size": 7, "x": 1})


def test_a_folder_is_a_tar_whatever_is_in_it(artifacts: Artifacts, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "image.ovf").write_text("<Envelope/>")
    record = artifacts.push(Blob(name="out", path=tmp_path / "out"), SPOT, None)
    assert (record.format, record.metadata) == ("tar", {"folder": True})
