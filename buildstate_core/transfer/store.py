"""Push, check and pull artifacts, whatever storage they are in."""

import tarfile
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from buildstate_core.errors import Refused
from buildstate_core.transfer.cache import Cache
from buildstate_core.transfer.digests import canonical
from buildstate_core.transfer.failures import corrupt, on_this_disk, reason_of
from buildstate_core.transfer.placing import Damaged, place_file, place_folder, size_in_place
from buildstate_core.transfer.sinks import Meter
from buildstate_core.transfer.sources import expected_bytes, feed, is_folder
from buildstate_core.transfer.storage import Storage, storage_for
from buildstate_core.transfer.uris import storage_type_of, transferable

_TURNS: Final = 3
"""How often a pull looks into the cache: others may take a file out of it at any time."""


@dataclass(frozen=True)
class Pushed:
    """What was stored, as it is to be recorded.

    Attributes:
        uri: As it was given.
        checksum: `sha256:` and 64 lower-case hexadecimal digits, of the bytes that were stored.
        format: `tar` for a folder.
        folder: Whether a folder was pushed; `pull` wants to know.
    """

    uri: str
    checksum: str
    size_bytes: int
    format: str | None
    folder: bool


@dataclass(frozen=True)
class Pulled:
    """What was put into the workspace.

    Attributes:
        checksum: Of the artifact's bytes; for a folder, of its archive.
        size_bytes: Of the artifact's bytes.
        downloaded_bytes: 0 when they were in the cache, or already in their place.
        was_there: Whether they were already in their place, so that nothing was changed.
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

    def push(self, source: Path, uri: str) -> Pushed:
        """Store a file, or a folder as a tar archive, hashing it on the way.

        Until it is stored whole, nothing can be seen at the URI. The caller makes the URI
        unique to the attempt.

        Raises:
            InvalidInput: The source is missing, unreadable, or holds what cannot be archived; or
                there is no transfer for the URI.
            Conflict: There is something at the URI already.
            Unreachable: The storage failed.
        """
        storage = self._storage(uri)
        folder = is_folder(source)
        with storage.create(uri, expected_bytes=expected_bytes(source)) as upload:
            meter = Meter(upload)
            feed(source, meter)
        return Pushed(uri, meter.checksum, meter.size_bytes, "tar" if folder else None, folder)

    def check(self, uri: str, *, size_bytes: int | None, root: str | None = None) -> None:
        """Make sure that an artifact exists with its recorded size, without reading it.

        Does nothing for URIs without a transfer: nobody here can tell.

        Args:
            uri: As recorded.
            size_bytes: As recorded. `None`: any size will do.
            root: The URI or path that the project's storage begins at. Tells a mount that is
                missing from a file that is.

        Raises:
            ArtifactLost: It is gone, or has another size.
            ArtifactUnreachable: Credentials, network, bucket, mount: nobody can tell.
        """
        if not transferable(uri):
            return
        found = self._storage(uri).size_of(uri, root=root)
        if size_bytes is not None and found != size_bytes:
            seen = "is a folder" if found is None else f"has {found} bytes"
            raise corrupt(uri, f"it was recorded with {size_bytes} bytes and {seen}")

    def pull(
        self,
        uri: str,
        target: Path,
        *,
        checksum: str | None,
        size_bytes: int | None,
        root: str | None = None,
        folder: bool = False,
    ) -> Pulled:
        """Put a private copy of an artifact at `target`, in place of whatever is there.

        Nothing is moved if the target's digest is right already. Bytes are verified when they
        come in and whenever they are taken from the cache. On any error the target is as it was.

        Args:
            uri: As recorded.
            target: Where it goes; its folder is made if need be.
            checksum: As recorded. `None`: unverified; always downloaded.
            size_bytes: As recorded, or `None`.
            root: As in `check`.
            folder: Unpack it: it was pushed as a folder.

        Raises:
            InvalidInput: There is no transfer for the URI, or the checksum is not a sha256.
            ArtifactLost: It is gone, or not what was recorded.
            ArtifactUnreachable: It cannot be read.
            Refused: This worker's disk failed.
        """
        self._storage(uri)
        target = target.absolute()
        wanted = canonical(checksum) if checksum is not None else None
        if wanted is not None:
            size = size_in_place(target, wanted, folder=folder)
            if size is not None:
                return Pulled(wanted, size, 0, was_there=True)
        downloaded_bytes = 0
        for turn in range(_TURNS):
            with ExitStack() as in_use:
                if wanted is None or turn > 0:
                    self.check(uri, size_bytes=size_bytes, root=root)
                    blocks = in_use.enter_context(closing(self._storage(uri).read(uri, root=root)))
                    added = in_use.enter_context(
                        self._cache.adding(blocks, uri=uri, checksum=wanted, size_bytes=size_bytes)
                    )
                    wanted = added.checksum
                    downloaded_bytes += added.size_bytes
                placed = self._place(uri, target, checksum=wanted, folder=folder)
                if placed is not None:
                    return Pulled(wanted, placed, downloaded_bytes)
        raise Refused(
            f"The artifact {uri} was downloaded, but this worker's cache lost or damaged it.",
            code="disk-trouble",
            hint="Check this worker's disk, and what else empties its cache folder.",
        )

    def discard(self, uri: str) -> None:
        """Remove an upload that will not be committed.

        One that is not there is no error. Anything else is, since bytes then stay behind: a
        caller that has a better error to raise logs this one.

        Raises:
            InvalidInput: There is no transfer for the URI.
            Unreachable: The storage failed; it may still be there.
        """
        self._storage(uri).remove(uri)

    def _storage(self, uri: str) -> Storage:
        kind = storage_type_of(uri)
        if kind not in self._storages:
            self._storages[kind] = storage_for(uri)
        return self._storages[kind]

    def _place(self, uri: str, target: Path, *, checksum: str, folder: bool) -> int | None:
        """Put a private copy from the cache in its place, and give the artifact's size.

        `None`: the cache does not have it, or it was damaged and has been removed.
        """
        place = place_folder if folder else place_file
        with self._cache.using(checksum) as cached, on_this_disk(target):
            if cached is None:
                return None
            try:
                size_bytes = cached.stat().st_size
                place(cached, target, checksum=checksum)
            except FileNotFoundError:
                return None
            except Damaged:
                self._cache.remove(checksum)
                return None
            except tarfile.TarError as error:
                raise corrupt(uri, f"it cannot be unpacked: {reason_of(error)}") from error
        return size_bytes
