"""Artifacts as a worker meets them: a record in the service, and bytes in a storage or a handle.

The service knows where they are and what they should be; only the worker can look. An artifact
that it finds lost is taken out of use at once, so that nobody relies on it again.
"""

from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Self

from buildstate_core.credentials import refuse_credentials
from buildstate_core.errors import (
    ArtifactLost,
    ArtifactUnreachable,
    Refused,
)
from buildstate_core.locations import root_of
from buildstate_core.models import (
    Artifact,
    ArtifactRecord,
    ArtifactVerified,
    StorageRules,
    Transfer,
)
from buildstate_core.places import control_folder
from buildstate_core.vocabulary import (
    Activity,
    ArtifactKind,
    ArtifactStatus,
    Compression,
)
from buildstate_worker.blobs import Blob, Spot, check_label, record_of, uri_for
from buildstate_worker.client import Client
from buildstate_worker.handles import Probes, ref_of
from buildstate_worker.quarantine import judging
from buildstate_worker.settings import Settings
from buildstate_worker.transfer import (
    ArtifactStore,
    Packed,
    Pulled,
    Pushed,
    digest_of,
    storage_type_of,
    transferable,
)
from buildstate_worker.transfer.sources import expected_bytes
from buildstate_worker.transfer_progress import Moving, OnTransfer


class Artifacts:
    """Looks at, pulls and pushes the artifacts of one worker.

    Args:
        client: The service.
        store: What moves the bytes.
        storage_url: Where this worker puts artifacts when the project does not say.
        on_transfer: Told how far each transfer is.
        probes: What looks at handles.
    """

    def __init__(
        self,
        client: Client,
        store: ArtifactStore,
        *,
        storage_url: str,
        on_transfer: OnTransfer | None = None,
        probes: Probes | None = None,
    ) -> None:
        self.probes = probes or Probes()
        self._client = client
        self._store = store
        self._storage_url = storage_url
        self._on_transfer = on_transfer

    @classmethod
    def of_worker(
        cls, client: Client, settings: Settings, *, on_transfer: OnTransfer | None = None
    ) -> Self:
        """Return the artifacts of a worker with these settings."""
        store = ArtifactStore(
            cache_dir=settings.cache_dir, cache_max_bytes=settings.cache_max_bytes
        )
        return cls(
            client,
            store,
            storage_url=settings.storage_url,
            on_transfer=on_transfer,
            probes=Probes(settings.probes),
        )

    def check(self, artifact: Artifact, *, root: str | None) -> None:
        """Check that an artifact is still there, without reading its bytes.

        Args:
            artifact: Any artifact; one without a transfer or a probe is taken to be there.
            root: The project's storage.

        Raises:
            ArtifactLost: It is not, and has been taken out of use.
            ArtifactUnreachable: Nobody can tell from here.
        """
        if artifact.kind is ArtifactKind.HANDLE:
            self.probe(artifact)
        if not is_pullable(artifact):
            return
        assert artifact.uri is not None  # noqa: S101 - as `is_pullable` has seen
        with judging(self._client, artifact):
            self._store.check(artifact.uri, size_bytes=artifact.stored_bytes, root=_root(root))

    def probe(self, artifact: Artifact) -> str | None:
        """Look at a handle, and return its identity now; `None` if that is not known.

        Raises:
            ArtifactLost: It is gone or another thing, and has been taken out of use.
            ArtifactUnreachable: Nobody can tell from here.
        """
        with judging(self._client, artifact):
            return self.probes.check(ref_of(artifact))

    def pull(
        self,
        artifact: Artifact,
        target: Path,
        *,
        root: str | None,
        on_transfer: OnTransfer | None = None,
    ) -> Pulled:
        """Put a private, verified copy of a blob at `target`, unless it is there already.

        The digest of one that was recorded without is recorded now.

        Args:
            artifact: A blob.
            target: Where it goes.
            root: The project's storage.
            on_transfer: Told how far this transfer is, in addition to the one for all.

        Raises:
            ArtifactLost: It is gone or corrupt, and has been taken out of use.
            ArtifactUnreachable: It cannot be read from here.
        """
        assert artifact.uri is not None  # noqa: S101 - a blob has one
        with judging(self._client, artifact):
            pulled = self._store.pull(
                artifact.uri,
                target,
                checksum=artifact.checksum,
                size_bytes=artifact.size_bytes,
                root=_root(root),
                folder=is_folder(artifact),
                packed=_packed(artifact),
                on_progress=self._moving(
                    Activity.DOWNLOADING, artifact.name, artifact.stored_bytes, on_transfer
                ),
            )
        self._note_digest(artifact, pulled)
        return pulled

    def verify(self, artifact: Artifact, *, root: str | None) -> Pulled:
        """Read a blob in its storage to the end and hash it; nothing is kept here.

        The digest of one that was recorded without is recorded now.

        Raises:
            ArtifactLost: It is gone or corrupt, and has been taken out of use.
            ArtifactUnreachable: It cannot be read from here.
        """
        assert artifact.uri is not None  # noqa: S101 - a blob has one
        with judging(self._client, artifact):
            seen = self._store.verify(
                artifact.uri,
                checksum=artifact.checksum,
                size_bytes=artifact.size_bytes,
                root=_root(root),
                packed=_packed(artifact),
                on_progress=self._moving(
                    Activity.DOWNLOADING, artifact.name, artifact.stored_bytes, None
                ),
            )
        self._note_digest(artifact, seen)
        return seen

    def copy(self, artifact: Artifact, uri: str, rules: StorageRules) -> None:
        """Copy what is stored of a blob to another URI, verified, whole or not at all.

        Args:
            artifact: A blob.
            uri: Where the copy goes.
            rules: What the project says.

        Raises:
            InvalidInput: Its label may not be stored there, or there is no transfer for it.
            Conflict: There is something at that URI.
            ArtifactLost: It is gone or corrupt, and has been taken out of use.
            ArtifactUnreachable: It cannot be read from here.
            Unreachable: The other storage failed.
        """
        assert artifact.uri is not None  # noqa: S101 - a blob has one
        refuse_credentials(uri)
        check_label(artifact, uri, rules)
        packed = _packed(artifact)
        with judging(self._client, artifact):
            self._store.copy(
                artifact.uri,
                uri,
                checksum=artifact.checksum if packed is None else packed.checksum,
                size_bytes=artifact.stored_bytes,
                root=_root(rules.url),
                on_progress=self._moving(
                    Activity.UPLOADING, artifact.name, artifact.stored_bytes, None
                ),
            )

    def check_places(self, blobs: Iterable[Blob], spot: Spot, rules: StorageRules | None) -> None:
        """Check that blobs can be put where they belong, before work is put into them.

        Raises:
            InvalidInput: There is no transfer for it, or its label may not be stored there.
        """
        for blob in blobs:
            uri_for(blob, spot, rules, own=self._storage_url)

    def push(
        self,
        blob: Blob,
        spot: Spot,
        rules: StorageRules | None,
        *,
        on_transfer: OnTransfer | None = None,
    ) -> ArtifactRecord:
        """Store a blob at a URI of its own, and return its record.

        Nothing refers to it until the record is part of a completion. Of a file, the record also
        says what its bytes show: format, compression and, of a disk image, `virtual_size`.

        Args:
            blob: What is stored.
            spot: What it belongs to.
            rules: What the project says; `None` for nothing.
            on_transfer: Told how far this transfer is, in addition to the one for all.

        Raises:
            InvalidInput: It cannot become an artifact, or not there.
            Conflict: There is something in its place.
            Unreachable: The storage failed.
        """
        uri = uri_for(blob, spot, rules, own=self._storage_url)
        compression = blob.compression or (rules.compression if rules else Compression.AUTO)
        pushed = self._copied(blob.path, uri, rules, compression)
        if pushed is None:
            total = expected_bytes(blob.path)
            pushed = self._store.push(
                blob.path,
                uri,
                compression=compression,
                on_progress=self._moving(Activity.UPLOADING, blob.name, total, on_transfer),
            )
        return record_of(blob, pushed)

    def discard(self, record: ArtifactRecord) -> None:
        """Remove an upload that no completion will refer to."""
        if record.uri is not None:
            self._store.discard(record.uri)

    def _copied(
        self, source: Path, uri: str, rules: StorageRules | None, compression: Compression
    ) -> Pushed | None:
        """Copy what the project has already within its storage, if it wants that and has it."""
        if rules is None or not rules.deduplicate:
            return None
        checksum = digest_of(source)
        folder = source.is_dir()
        same_bytes = self._client.find_artifacts(
            project=rules.project, status=ArtifactStatus.AVAILABLE, checksum=checksum
        )
        for each in same_bytes:
            is_copyable = (
                is_pullable(each)
                and each.uri is not None
                and each.size_bytes is not None
                and is_folder(each) == folder
                and compression in {Compression.AUTO, _stored_as(each)}
            )
            if (
                is_copyable
                and self._is_whole(each, rules)
                and self._store.copied_within(str(each.uri), uri, size_bytes=each.stored_bytes)
            ):
                archive = "tar" if folder else None
                return Pushed(uri, checksum, each.size_bytes or 0, archive, folder, _packed(each))
        return None

    def _is_whole(self, source: Artifact, rules: StorageRules) -> bool:
        """Return whether an artifact is intact: a copy of a damaged file would be as damaged.

        Only a file is read and hashed. The bytes in an object storage would have to be downloaded
        for that, and such a storage checks them itself.
        """
        uri = str(source.uri)
        if storage_type_of(uri) != "file":
            return True
        try:
            # Not judged: what is not on this disk may be on that of another worker.
            self._store.check(uri, size_bytes=source.stored_bytes)
            with judging(self._client, source):
                self._store.verify(
                    uri,
                    checksum=source.checksum,
                    size_bytes=source.size_bytes,
                    root=_root(rules.url),
                    packed=_packed(source),
                )
        except (ArtifactLost, ArtifactUnreachable):
            return False
        return True

    def _moving(
        self,
        activity: Activity,
        name: str,
        total_bytes: int | None,
        on_transfer: OnTransfer | None,
    ) -> Moving | None:
        listeners = [each for each in (self._on_transfer, on_transfer) if each is not None]
        if not listeners:
            return None

        def tell(transfer: Transfer) -> None:
            for each in listeners:
                each(transfer)

        return Moving(activity, name, total_bytes=total_bytes, tell=tell)

    def _note_digest(self, artifact: Artifact, seen: Pulled) -> None:
        if artifact.checksum is None:
            self._client.verify_artifact(
                artifact.id, ArtifactVerified(checksum=seen.checksum, size_bytes=seen.size_bytes)
            )


def is_pullable(artifact: Artifact) -> bool:
    """Return whether an artifact is a blob whose bytes this worker can move."""
    return (
        artifact.kind is ArtifactKind.BLOB
        and artifact.uri is not None
        and transferable(artifact.uri)
    )


def is_folder(artifact: Artifact) -> bool:
    """Return whether an artifact is a folder, stored as an archive of it."""
    return artifact.metadata.get("folder") is True


def place_of(artifact: Artifact) -> PurePosixPath:
    """Return the relative path in a workspace that an artifact is restored to.

    It is where the artifact was made, if that was recorded and does not lead out of the workspace;
    otherwise its name.

    Raises:
        Refused: It leads into a folder whose files some tool obeys.
    """
    recorded = artifact.metadata.get("path")
    if isinstance(recorded, str) and recorded:
        folder = control_folder(recorded)
        if folder is not None:
            raise Refused(
                f"Artifact {artifact.name} of state {artifact.state} of build {artifact.build} is"
                f" recorded at {recorded}: nothing is ever put into {folder}.",
                code="unsafe-place",
                field="metadata.path",
                hint="Whoever recorded it may have meant harm. Find out who:"
                f" bldst build history {artifact.build} --state {artifact.state}",
            )
        place = PurePosixPath(recorded)
        if place.parts and not place.is_absolute() and ".." not in place.parts:
            return place
    return PurePosixPath(artifact.name)


def _packed(artifact: Artifact) -> Packed | None:
    packed = artifact.packed
    return None if packed is None else Packed(packed.checksum, packed.size_bytes)


def _stored_as(artifact: Artifact) -> Compression:
    return Compression.NONE if artifact.packed is None else Compression.ZSTD


def _root(storage_url: str | None) -> str | None:
    """Return the folder that the project's storage begins with, or `None`.

    Not the worker's own, if it has none: what another worker put on its own disk is not gone.
    """
    return None if storage_url is None else root_of(storage_url)
