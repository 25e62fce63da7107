"""What a worker takes out of use, in every storage: what is surely lost, and nothing else."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast
from uuid import UUID, uuid4

import pytest
from support.faults import Proxy, proxied
from support.places import Bucket, Folder
from support.s3 import S3

from buildstate_core.errors import ArtifactLost, ArtifactUnreachable
from buildstate_core.models import Artifact, Quarantine, StorageRules
from buildstate_core.vocabulary import ArtifactKind, ArtifactStatus
from buildstate_worker.artifacts import Artifacts
from buildstate_worker.transfer import ArtifactStore, Pushed, storage_type_of

if TYPE_CHECKING:
    from buildstate_worker.client import Client

CONTENT: Final = os.urandom(2**20) * 17 + b"and an odd end"
"""Several ranges, or two."""


@pytest.fixture
def pushed(store: ArtifactStore, place: Any, workspace: Path) -> Pushed:
    source = workspace / "image.raw"
    source.write_bytes(CONTENT)
    return store.push(source, place.uri("image.raw"))


class Recorder:
    """A service of which only one thing is asked: to take an artifact out of use."""

    def __init__(self) -> None:
        self.quarantined: list[tuple[UUID, Quarantine]] = []

    def quarantine(self, artifact: UUID, quarantine: Quarantine) -> None:
        self.quarantined.append((artifact, quarantine))


def recorded(pushed: Pushed) -> Artifact:
    return Artifact(
        id=uuid4(),
        build=123,
        state=25,
        lane="",
        name="image.raw",
        kind=ArtifactKind.BLOB,
        storage_type=storage_type_of(pushed.uri),
        uri=pushed.uri,
        size_bytes=pushed.size_bytes,
        checksum=pushed.checksum,
        format=None,
        compression=None,
        metadata={},
        expires_at=None,
        status=ArtifactStatus.AVAILABLE,
        created_at=datetime(2026, 11, 24, tzinfo=UTC),
    )


@pytest.mark.parametrize("at", [0, len(CONTENT) // 2, len(CONTENT) - 1])
def test_a_flipped_bit_is_found_named_and_quarantined(
    store: ArtifactStore, place: Any, pushed: Pushed, workspace: Path, cache_dir: Path, at: int
) -> None:
    flipped = CONTENT[:at] + bytes([CONTENT[at] ^ 1]) + CONTENT[at + 1 :]
    place.delete("image.raw")
    place.write("image.raw", flipped)
    target = workspace / "pulled.raw"
    target.write_bytes(b"half-changed")
    service = Recorder()
    artifact = recorded(pushed)
    artifacts = Artifacts(cast("Client", service), store, storage_url=place.root)
    artifacts.check(artifact, root=place.root)
    with pytest.raises(
        ArtifactLost, match=r"image\.raw of state 25, build 123: .* is corrupt"
    ) as caught:
        artifacts.pull(artifact, target, root=place.root)
    assert (caught.value.reason, caught.value.state) == ("artifact_corrupt", 25)
    [(which, told)] = service.quarantined
    assert (which, told.reason) == (artifact.id, "artifact_corrupt")
    for digest in (pushed.checksum, f"sha256:{hashlib.sha256(flipped).hexdigest()}"):
        assert digest in (told.message or "")
    assert target.read_bytes() == b"half-changed"
    assert [path for path in cache_dir.rglob("*") if path.is_file()] == []


@dataclass
class Unlucky:
    """A worker to which one bit is flipped on the way, in the middle of an artifact of S3's.

    Attributes:
        service: Whom it would tell that the artifact is lost.
        proxy: Where that happens.
    """

    artifacts: Artifacts
    artifact: Artifact
    root: str
    service: Recorder
    proxy: Proxy


@pytest.fixture
def unlucky(
    s3: S3, bucket: Bucket, workspace: Path, cache_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Unlucky]:
    source, service = workspace / "image.raw", Recorder()
    source.write_bytes(CONTENT)
    with proxied(s3.port) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        store = ArtifactStore(cache_dir=cache_dir)
        artifact = recorded(store.push(source, bucket.uri("image.raw")))
        artifacts = Artifacts(cast("Client", service), store, storage_url=bucket.root)
        proxy.download.flip_bit(after=len(CONTENT) // 2)
        yield Unlucky(artifacts, artifact, bucket.root, service, proxy)
    assert service.quarantined == []


def test_a_bit_that_is_flipped_on_the_way_costs_a_second_download(
    unlucky: Unlucky, workspace: Path
) -> None:
    before = unlucky.proxy.download.count
    unlucky.artifacts.pull(unlucky.artifact, workspace / "pulled.raw", root=unlucky.root)
    assert (workspace / "pulled.raw").read_bytes() == CONTENT
    assert unlucky.proxy.download.count - before > 2 * len(CONTENT)


def test_a_bit_that_is_flipped_on_the_way_does_not_refute_an_artifact(unlucky: Unlucky) -> None:
    found = unlucky.artifacts.verify(unlucky.artifact, root=unlucky.root)
    assert found.checksum == unlucky.artifact.checksum


def test_a_bit_that_is_flipped_on_the_way_is_not_copied(unlucky: Unlucky, folder: Folder) -> None:
    def copy() -> None:
        rules = StorageRules(project="rhel", url=unlucky.root)
        unlucky.artifacts.copy(unlucky.artifact, folder.uri("copy.raw"), rules)

    with pytest.raises(ArtifactUnreachable, match="changed on the way"):
        copy()
    assert folder.names() == []
    copy()
    assert folder.read("copy.raw") == CONTENT


def test_what_is_gone_is_quarantined_and_what_is_out_of_reach_is_not(
    store: ArtifactStore, place: Any, pushed: Pushed, tmp_path: Path
) -> None:
    service = Recorder()
    # Another worker's own storage may have the same path as this one's, on another disk.
    artifacts = Artifacts(cast("Client", service), store, storage_url=place.root)
    away = replace(pushed, uri=place.unreachable_uri())
    with pytest.raises(ArtifactUnreachable, match="it may well be there"):
        artifacts.check(recorded(away), root=None)
    with pytest.raises(ArtifactUnreachable):
        artifacts.pull(recorded(away), tmp_path / "new", root=None)
    assert service.quarantined == []
    place.delete("image.raw")
    with pytest.raises(ArtifactLost, match="is gone"):
        artifacts.check(recorded(pushed), root=place.root)
    [(_, told)] = service.quarantined
    assert told.reason == "artifact_gone"
