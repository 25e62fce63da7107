"""Artifacts as a worker meets them: a record in the service, and bytes in a storage.

The service knows where they are and what they should be; only the worker can look. What it finds
lost is taken out of use at once, so that nobody relies on it again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Self

from buildstate_core.client import Client
from buildstate_core.errors import ArtifactLost, ArtifactUnreachable, InvalidInput
from buildstate_core.formats import UNKNOWN, format_of
from buildstate_core.models import Artifact, ArtifactRecord, ArtifactVerified, Quarantine
from buildstate_core.settings import Settings
from buildstate_core.transfer import ArtifactStore, Pulled, storage_type_of, transferable
from buildstate_core.vocabulary import ArtifactKind


@dataclass(frozen=True, kw_only=True)
class Blob:
    """A file or folder that a milestone made.

    Attributes:
        name: The artifact's name, unique in the attempt.
        path: Where it is now.
        place: Where it belongs in a workspace, relative, so that a restore puts it back there.
        metadata: What else is to be recorded of it.
    """

    name: str
    path: Path
    place: PurePosixPath | None = None
    metadata: Mapping[str, object] = field(default_factory=dict)


class Artifacts:
    """Looks at, pulls and pushes the artifacts of one worker.

    Args:
        client: The service.
        store: What moves the bytes.
        storage_url: Where this worker puts artifacts when the project does not say.
    """

    def __init__(self, client: Client, store: ArtifactStore, *, storage_url: str) -> None:
        self._client = client
        self._store = store
        self._storage_url = storage_url

    @classmethod
    def of_worker(cls, client: Client, settings: Settings) -> Self:
        """Give those of a worker with these settings."""
        store = ArtifactStore(
            cache_dir=settings.cache_dir, cache_max_bytes=settings.cache_max_bytes
        )
        return cls(client, store, storage_url=settings.storage_url)

    def check(self, artifact: Artifact, *, root: str | None) -> None:
        """Make sure that an artifact is where it should be, as far as a look can tell.

        Args:
            artifact: Any artifact; those without a transfer are taken as they are.
            root: The project's storage.

        Raises:
            ArtifactLost: It is not, and has been taken out of use.
            ArtifactUnreachable: Nobody can tell from here.
        """
        if not is_pullable(artifact):
            return
        assert artifact.uri is not None  # noqa: S101 - as `is_pullable` has seen
        try:
            self._store.check(
                artifact.uri, size_bytes=artifact.size_bytes, root=root or self._storage_url
            )
        except ArtifactLost as error:
            raise self._lost(artifact, error) from error
        except ArtifactUnreachable as error:
            raise _unreachable(artifact, error) from error

    def pull(self, artifact: Artifact, target: Path, *, root: str | None) -> Pulled:
        """Put a private, verified copy of a blob at `target`; nothing moves if it is there already.

        The digest of one that was recorded without is recorded now.

        Raises:
            ArtifactLost: It is gone or corrupt, and has been taken out of use.
            ArtifactUnreachable: It cannot be read from here.
        """
        assert artifact.uri is not None  # noqa: S101 - a blob has one
        try:
            pulled = self._store.pull(
                artifact.uri,
                target,
                checksum=artifact.checksum,
                size_bytes=artifact.size_bytes,
                root=root or self._storage_url,
                folder=artifact.metadata.get("folder") is True,
            )
        except ArtifactLost as error:
            raise self._lost(artifact, error) from error
        except ArtifactUnreachable as error:
            raise _unreachable(artifact, error) from error
        if artifact.checksum is None:
            self._client.verify_artifact(
                artifact.id,
                ArtifactVerified(checksum=pulled.checksum, size_bytes=pulled.size_bytes),
            )
        return pulled

    def check_location(self, location: str) -> None:
        """Make sure that blobs can be moved to a location at all, before work is put into them.

        Raises:
            InvalidInput: There is no transfer for it.
        """
        if not transferable(location):
            raise InvalidInput(
                f"Artifacts cannot be stored at {location}: nothing here moves bytes to it.",
                code="storage-not-supported",
                field="storage_url",
                hint="Give the project a storage_url that begins with file:/// or s3://.",
            )

    def push(self, blob: Blob, location: str) -> ArtifactRecord:
        """Store a blob under a location that is the attempt's own, and give its record.

        Nothing refers to it until the record is part of a completion. Of a file, the record also
        says what its bytes show: format, compression and, of a disk image, `virtual_size`.
        """
        uri = f"{location}/{blob.name}"
        pushed = self._store.push(blob.path, uri)
        found = UNKNOWN if pushed.folder else format_of(blob.path)
        metadata: dict[str, object] = {}
        if found.virtual_size is not None:
            metadata["virtual_size"] = found.virtual_size
        metadata |= blob.metadata
        if blob.place is not None:
            metadata["path"] = str(blob.place)
        if pushed.folder:
            metadata["folder"] = True
        return ArtifactRecord.model_validate(
            {
                "name": blob.name,
                "storage_type": storage_type_of(uri),
                "uri": pushed.uri,
                "size_bytes": pushed.size_bytes,
                "checksum": pushed.checksum,
                "format": pushed.format or found.name,
                "compression": found.compression,
                "metadata": metadata,
            }
        )

    def discard(self, record: ArtifactRecord) -> None:
        """Remove an upload that no completion will refer to."""
        if record.uri is not None:
            self._store.discard(record.uri)

    def root(self, storage_url: str | None) -> str:
        """Give the storage to use: the project's, or this worker's own."""
        return (storage_url or self._storage_url).rstrip("/")

    def _lost(self, artifact: Artifact, error: ArtifactLost) -> ArtifactLost:
        self._client.quarantine(
            artifact.id, Quarantine(reason=error.reason, message=str(error)[:10_000])
        )
        return ArtifactLost(
            f"{_named(artifact)}: {error.message}",
            reason=error.reason,
            state=artifact.state,
            hint=f"It is quarantined. Run the pipeline again: state {artifact.state} is made anew,"
            " from the checkpoint before it.",
        )


def is_pullable(artifact: Artifact) -> bool:
    """Whether an artifact is bytes that this release can move."""
    return (
        artifact.kind is ArtifactKind.BLOB
        and artifact.uri is not None
        and transferable(artifact.uri)
    )


def place_of(artifact: Artifact) -> PurePosixPath:
    """Give the relative path in a workspace that an artifact is restored to.

    It is where the artifact was made, if that was recorded and does not lead out of the workspace;
    otherwise its name.
    """
    recorded = artifact.metadata.get("path")
    if isinstance(recorded, str) and recorded:
        place = PurePosixPath(recorded)
        if place.parts and not place.is_absolute() and ".." not in place.parts:
            return place
    return PurePosixPath(artifact.name)


def _named(artifact: Artifact) -> str:
    return f"The artifact {artifact.name} of state {artifact.state}, build {artifact.build}"


def _unreachable(artifact: Artifact, error: ArtifactUnreachable) -> ArtifactUnreachable:
    return ArtifactUnreachable(
        f"{_named(artifact)} cannot be looked at: {error.message}",
        code=error.code,
        field=error.field,
        hint=f"{error.hint or ''} Nothing was run: it may well be there.".strip(),
    )
