"""Push, check and pull artifacts, whatever storage they are in."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Final

from buildstate_core.credentials import refuse_credentials
from buildstate_core.errors import ArtifactLost, ArtifactUnreachable, Refused, Unreachable
from buildstate_core.vocabulary import Compression
from buildstate_worker.cache.cache import Cache
from buildstate_worker.files.sinks import Meter, Sink
from buildstate_worker.storage.base import Storage
from buildstate_worker.storage.failures import bad_source, corrupt, reason_of, unreachable
from buildstate_worker.storage.registry import storage_for, transferable
from buildstate_worker.storage.uris import storage_type_of
from buildstate_worker.transfer.archive.compression import Compressor, pays
from buildstate_worker.transfer.digests import canonical
from buildstate_worker.transfer.download import fetched
from buildstate_worker.transfer.overwrite_check import check_replaceable
from buildstate_worker.transfer.parts import uploading
from buildstate_worker.transfer.place import Place, size_in_place
from buildstate_worker.transfer.ranges import read_ranges
from buildstate_worker.transfer.sources import blocks_of, expected_bytes, is_folder

_TURNS: Final = 3
"""How often a pull looks into the cache: others may take a file out of it at any time."""

OnProgress = Callable[[int], None]
"""Told how many bytes are done, from the thread that called; often, so that it must be quick."""


@dataclass(frozen=True)
class Packed:
    """How an artifact is stored if it is compressed: as a zstd stream.

    Attributes:
        checksum: Of what is stored, in its canonical form.
        size_bytes: Of what is stored.
    """

    checksum: str
    size_bytes: int


@dataclass(frozen=True)
class Pushed:
    """What was stored, for its record.

    Attributes:
        uri: As it was given.
        checksum: `sha256:` and 64 lower-case hexadecimal digits, of the artifact's own bytes.
        size_bytes: Of the artifact's own bytes.
        format: `tar` for a folder.
        folder: Whether a folder was pushed, as `pull` has to be told.
        packed: What was stored in their place, if they were compressed.
    """

    uri: str
    checksum: str
    size_bytes: int
    format: str | None
    folder: bool
    packed: Packed | None = None


@dataclass(frozen=True)
class Pulled:
    """What was put into the workspace.

    Attributes:
        checksum: Of the artifact's bytes; for a folder, of its archive.
        size_bytes: Of the artifact's bytes.
        downloaded_bytes: 0 when they were in the cache, or already in their place.
        was_there: Whether they were already in place, so that nothing was changed.
    """

    checksum: str
    size_bytes: int
    downloaded_bytes: int
    was_there: bool = False


class ArtifactStore:
    """Moves artifacts' bytes between workspaces and storages, through a cache on this worker.

    Threads may share one. Credentials are the worker's own, from its environment.

    Args:
        cache_dir: Where pulled bytes are kept by digest.
        cache_max_bytes: What they may take up there. `None`: a tenth of the disk.
    """

    def __init__(self, *, cache_dir: Path, cache_max_bytes: int | None = None) -> None:
        self._cache = Cache(cache_dir.absolute(), max_bytes=cache_max_bytes)
        self._storages: dict[str, Storage] = {}
        self._lock = Lock()

    def push(
        self,
        source: Path,
        uri: str,
        *,
        compression: Compression = Compression.NONE,
        on_progress: OnProgress | None = None,
    ) -> Pushed:
        """Store a file, or a folder as a tar archive, hashing it on the way.

        Until it is stored whole, nothing can be seen at the URI. The caller makes the URI
        unique to the attempt.

        Args:
            source: What is pushed.
            uri: Where it goes.
            compression: How it is stored. With `AUTO` it is not compressed where the storage keeps
                holes by itself.
            on_progress: Told how many of the source's bytes have been read.

        Raises:
            InvalidInput: The source is missing, unreadable, or holds what cannot be archived; or
                there is no transfer for the URI.
            Conflict: There is something at the URI already.
            Unreachable: The storage failed.
        """
        storage = self.storage(uri)
        folder = is_folder(source)
        is_packed = _is_packed(source, storage, compression)
        with uploading(storage, uri, expected_bytes=expected_bytes(source)) as upload:
            stored = Meter(upload)
            packer = Compressor(stored) if is_packed else None
            meter = stored if packer is None else Meter(packer)
            with closing(blocks_of(source)) as blocks:
                for block in blocks:
                    meter.write(block)
                    if on_progress is not None:
                        on_progress(meter.size_bytes)
            if packer is not None:
                packer.finish()
        packed = Packed(stored.checksum, stored.size_bytes) if is_packed else None
        archive = "tar" if folder else None
        return Pushed(uri, meter.checksum, meter.size_bytes, archive, folder, packed)

    def check(self, uri: str, *, size_bytes: int | None, root: str | None = None) -> None:
        """Check that an artifact exists with its recorded size, without reading it.

        Does nothing for a URI without a transfer, since it cannot be looked at from here.

        Args:
            uri: As recorded.
            size_bytes: Of what is stored, as recorded. `None`: any size will do.
            root: The URI or path that the project's storage begins at, to tell a missing mount
                from a missing file.

        Raises:
            ArtifactLost: It is gone, or has another size.
            ArtifactUnreachable: Credentials, network, bucket, mount: nobody can tell.
        """
        if transferable(uri):
            self._size_of(uri, size_bytes=size_bytes, root=root)

    def pull(
        self,
        uri: str,
        target: Path,
        *,
        checksum: str | None,
        size_bytes: int | None,
        root: str | None = None,
        folder: bool = False,
        packed: Packed | None = None,
        on_progress: OnProgress | None = None,
    ) -> Pulled:
        """Put a private copy of an artifact at `target`, in place of the file or folder there.

        Nothing is moved if the target's digest is right already. Bytes are verified when they
        come in and whenever they are taken from the cache. A download that is interrupted stays,
        and the next pull continues it. On any error the target is left unchanged.

        Args:
            uri: As recorded.
            target: Where it goes; its folder is made if need be.
            checksum: As recorded. `None`: unverified; always downloaded.
            size_bytes: As recorded, or `None`.
            root: As in `check`.
            folder: Unpack it: it was pushed as a folder.
            packed: How it is stored, if compressed.
            on_progress: Told how many bytes of what is stored are here.

        Raises:
            InvalidInput: There is no transfer for the URI, or the checksum is not a sha256.
            ArtifactLost: It is gone, or not what was recorded.
            ArtifactUnreachable: It cannot be read.
            Refused: What is at the target has to stay, or this worker's disk failed.
        """
        self.storage(uri)
        target = target.absolute()
        check_replaceable(target, folder=folder)
        wanted = canonical(checksum) if checksum is not None else None
        if wanted is not None:
            size = size_in_place(target, wanted, folder=folder, size_bytes=size_bytes)
            if size is not None:
                return Pulled(wanted, size, 0, was_there=True)
        place = Place(uri, target, wanted, size_bytes, folder=folder, is_packed=packed is not None)
        stored = packed.checksum if packed is not None else wanted
        stored_bytes = packed.size_bytes if packed is not None else size_bytes
        if stored is not None:
            size = place.fill(self._cache, stored)
            if size is not None:
                return Pulled(place.known(stored), size, 0)
        for _ in range(_TURNS):
            with (
                place.tee() as tee,
                fetched(
                    self._cache,
                    self.storage(uri),
                    uri,
                    checksum=stored,
                    size_bytes=self._size_of(uri, size_bytes=stored_bytes, root=root),
                    root=root,
                    tee=tee,
                    on_progress=on_progress,
                ) as found,
            ):
                size = place.fill(
                    self._cache,
                    found.checksum,
                    is_verified=found.is_verified,
                    tee=tee if found.downloaded_bytes else None,
                )
                if size is not None:
                    return Pulled(place.known(found.checksum), size, found.downloaded_bytes)
        raise Refused(
            f"The artifact {uri} was downloaded, but this worker's cache lost or damaged it.",
            code="disk-trouble",
            hint="Check this worker's disk, and what else empties its cache folder.",
        )

    def verify(
        self,
        uri: str,
        *,
        checksum: str | None,
        size_bytes: int | None,
        root: str | None = None,
        packed: Packed | None = None,
        on_progress: OnProgress | None = None,
    ) -> Pulled:
        """Read an artifact in its storage to the end and hash it; nothing is kept here.

        Args:
            uri: As recorded.
            checksum: As recorded. `None`: whatever it is.
            size_bytes: As recorded, or `None`.
            root: As in `check`.
            packed: How it is stored, if compressed.
            on_progress: Told how many bytes have been read.

        Raises:
            InvalidInput: As in `pull`.
            ArtifactLost: It is gone, or not what was recorded.
            ArtifactUnreachable: It cannot be read.
        """
        wanted = packed.checksum if packed is not None else checksum
        wanted = canonical(wanted) if wanted is not None else None
        stored_bytes = packed.size_bytes if packed is not None else size_bytes
        size = self._size_of(uri, size_bytes=stored_bytes, root=root)
        meter = self._hashed(uri, size, root=root, on_progress=on_progress)
        if wanted not in {None, meter.checksum}:
            # Once may be a bit that was flipped on the way.
            meter = self._hashed(uri, size, root=root, on_progress=on_progress)
        if wanted not in {None, meter.checksum}:
            raise corrupt(uri, f"it was recorded as {wanted} and is {meter.checksum}")
        return Pulled(meter.checksum, meter.size_bytes, meter.size_bytes)

    def copied_within(self, source: str, target: str, *, size_bytes: int | None) -> bool:
        """Copy an artifact within its storage, if that can be done and its size is as recorded."""
        if storage_type_of(source) != storage_type_of(target):
            return False
        try:
            self.check(source, size_bytes=size_bytes)
            self.storage(source).copy(source, target)
        except (ArtifactLost, ArtifactUnreachable, Unreachable):
            return False
        return True

    def copy(
        self,
        source: str,
        target: str,
        *,
        checksum: str | None,
        size_bytes: int | None,
        root: str | None = None,
        on_progress: OnProgress | None = None,
    ) -> None:
        """Copy what is stored at one URI to another, verified, whole or not at all.

        Args:
            source: Where it is.
            target: Where it goes, in whatever storage.
            checksum: Of what is stored, as recorded. `None`: whatever it is.
            size_bytes: Of what is stored, as recorded, or `None`.
            root: As in `check`.
            on_progress: Told how many bytes have been read.

        Raises:
            InvalidInput: There is no transfer for one of them.
            Conflict: There is something at the target already.
            ArtifactLost: The source is gone, or not what was recorded.
            ArtifactUnreachable: It cannot be read.
            Unreachable: The target's storage failed.
        """
        wanted = canonical(checksum) if checksum is not None else None
        size = self._size_of(source, size_bytes=size_bytes, root=root)
        with uploading(self.storage(target), target, expected_bytes=size) as upload:
            found = self._hashed(source, size, root=root, on_progress=on_progress, into=upload)
            if wanted not in {None, found.checksum}:
                self.verify(source, checksum=wanted, size_bytes=size, root=root)
                raise unreachable(
                    source, "its bytes were changed on the way", hint="Copy it again."
                )

    def discard(self, uri: str) -> None:
        """Remove an upload that will not be committed.

        It is no error if there is nothing. Other failures are, since bytes then stay behind; a
        caller that is raising another error should log this one.

        Raises:
            InvalidInput: There is no transfer for the URI.
            Unreachable: The storage failed; it may still be there.
        """
        self.storage(uri).remove(uri)

    def storage(self, uri: str) -> Storage:
        """Return the adapter for a URI; there is one for each storage type.

        Raises:
            InvalidInput: There is no transfer for the URI, or it holds a credential.
            ArtifactUnreachable: Its library is not installed on this worker.
        """
        refuse_credentials(uri)
        kind = storage_type_of(uri)
        with self._lock:
            if kind not in self._storages:
                self._storages[kind] = storage_for(uri)
            return self._storages[kind]

    def _hashed(
        self,
        uri: str,
        size: int,
        *,
        root: str | None,
        on_progress: OnProgress | None,
        into: Sink | None = None,
    ) -> Meter:
        meter = Meter(into)
        blocks = read_ranges(self.storage(uri), uri, start=0, size_bytes=size, root=root)
        with closing(blocks):
            for block in blocks:
                meter.write(block)
                if on_progress is not None:
                    on_progress(meter.size_bytes)
        return meter

    def _size_of(self, uri: str, *, size_bytes: int | None, root: str | None) -> int:
        found = self.storage(uri).size_of(uri, root=root)
        if found is None:
            raise corrupt(uri, "it is a folder")
        if size_bytes not in {None, found}:
            raise corrupt(uri, f"it was recorded with {size_bytes} bytes and has {found} bytes")
        return found


def _is_packed(source: Path, storage: Storage, compression: Compression) -> bool:
    if compression is not Compression.AUTO:
        return compression is Compression.ZSTD
    try:
        return not storage.keeps_holes and pays(source)
    except OSError as error:
        raise bad_source(source, reason_of(error)) from error
