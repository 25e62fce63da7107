"""What a storage has to do to keep artifacts, and which class does it for which URI.

A new storage is one file with a class of this shape, one line in `storage_for`, and its scheme
in `uris.TRANSFERABLE`. The tests of `tests/core/transfer/test_contract.py` then run against it.
"""

from collections.abc import Generator
from contextlib import AbstractContextManager
from typing import Protocol

from buildstate_core.errors import ArtifactUnreachable
from buildstate_core.transfer.failures import no_transfer
from buildstate_core.transfer.sinks import Sink
from buildstate_core.transfer.uris import storage_type_of


class Storage(Protocol):
    """Where artifacts' bytes are kept.

    Every method raises `InvalidInput` for a URI that this storage cannot have. `root` is the URI
    or path that the project's storage begins at, where it is known.
    """

    def size_of(self, uri: str, *, root: str | None = None) -> int | None:
        """Ask the storage itself, not a cached listing, for a size in bytes.

        `None`: there is something of that name which is not a file.

        Raises:
            ArtifactLost: It is gone.
            ArtifactUnreachable: Nobody can tell. Known within some 15 seconds.
        """

    def read(self, uri: str, *, root: str | None = None) -> Generator[bytes]:
        """Give the bytes in blocks of a few MiB. Close it when it is not read to its end.

        Raises:
            ArtifactLost: It is gone, also when it goes while it is read.
            ArtifactUnreachable: It cannot be read.
        """

    def create(self, uri: str, *, expected_bytes: int) -> AbstractContextManager[Sink]:
        """Open an upload. It becomes visible, whole, when the context ends without an error.

        Args:
            uri: Unique to the attempt, so that nobody else writes there.
            expected_bytes: About how much will come; not a promise.

        Raises:
            Conflict: There is something at that URI.
            Unreachable: The storage failed. Nothing is visible.
        """

    def remove(self, uri: str) -> None:
        """Remove an object; one that is not there is no error.

        Raises:
            Unreachable: The storage failed. It may still be there.
        """


def storage_for(uri: str) -> Storage:
    """Give a new adapter for the storage that a URI means.

    Raises:
        InvalidInput: There is no transfer for such URIs.
        ArtifactUnreachable: Its library is not installed on this worker.
    """
    match storage_type_of(uri):
        case "file":
            from buildstate_core.transfer.local import LocalStorage  # noqa: PLC0415 - as below

            return LocalStorage()
        case "s3":
            try:
                # Late, since it takes a second and most commands move no bytes.
                from buildstate_core.transfer.s3 import S3Storage  # noqa: PLC0415
            except ImportError as error:
                raise ArtifactUnreachable(
                    f"{uri} cannot be reached: the library for s3:// is not installed here.",
                    hint="Install it on this worker: pip install 'buildstate[s3]'.",
                ) from error
            return S3Storage()
        case _:
            raise no_transfer(uri)
