"""Which adapter moves the bytes of which URI.

What ships with BuildState is named here. Another package adds a storage by an entry point in the
group `buildstate.storages`: its name is the URI's scheme, and it loads a callable without arguments
that returns a `Storage`. All other storages that fsspec knows go through `generic`.
"""

import importlib
from functools import cache
from importlib.metadata import EntryPoints, entry_points
from typing import Final, cast

from buildstate_core.errors import ArtifactUnreachable, InvalidInput
from buildstate_worker.storage.base import Storage
from buildstate_worker.storage.failures import no_transfer
from buildstate_worker.storage.uris import storage_type_of

ENTRY_POINTS: Final = "buildstate.storages"

_ADAPTERS: Final = {
    "file": ("local", "LocalStorage", None),
    "s3": ("s3.storage", "S3Storage", "s3"),
    "az": ("azure.storage", "AzureStorage", "azure"),
    "gs": ("gcs.storage", "GcsStorage", "gcs"),
    "sftp": ("sftp.storage", "SftpStorage", "sftp"),
}
"""Scheme to module, class, and the extra that installs what it needs."""


def storage_for(uri: str) -> Storage:
    """Return a new adapter for the storage that a URI means.

    Raises:
        InvalidInput: There is no transfer for such URIs.
        ArtifactUnreachable: Its library is not installed on this worker.
    """
    scheme = storage_type_of(uri)
    for each in _added(scheme):
        return cast("Storage", each.load()())
    if scheme in _ADAPTERS:
        return _own(uri, *_ADAPTERS[scheme])
    return _generic(uri, scheme)


def transferable(uri: str) -> bool:
    """Return whether bytes can be moved to and from a URI where its library is installed."""
    scheme = storage_type_of(uri)
    return scheme in _ADAPTERS or bool(_added(scheme)) or ("://" in uri and _knows_fsspec(scheme))


def _own(uri: str, module: str, name: str, extra: str | None) -> Storage:
    try:
        # Late, since a cloud's library takes a second and most commands move no bytes.
        found = importlib.import_module(f"buildstate_worker.storage.{module}")
    except ImportError as error:
        raise ArtifactUnreachable(
            f"{uri} cannot be reached: the library for {storage_type_of(uri)}:// is not installed"
            " here.",
            hint=f"Install it on this worker: pip install 'buildstate[{extra}]'.",
        ) from error
    return cast("Storage", getattr(found, name)())


def _generic(uri: str, scheme: str) -> Storage:
    if not transferable(uri):
        raise no_transfer(uri)
    from buildstate_worker.storage.generic import GenericStorage  # noqa: PLC0415 - as above

    try:
        return cast("Storage", GenericStorage(scheme))
    except ImportError as error:
        raise ArtifactUnreachable(
            f"{uri} cannot be reached: {error}.",
            hint=f"Install what fsspec needs for {scheme}:// on this worker.",
        ) from error
    except ValueError as error:
        raise InvalidInput(str(error), field="uri", code="bad-uri") from error


@cache
def _added(scheme: str) -> EntryPoints:
    return entry_points(group=ENTRY_POINTS, name=scheme)


def _knows_fsspec(scheme: str) -> bool:
    from buildstate_worker.storage.generic import accepts  # noqa: PLC0415 - as above

    return accepts(scheme)
