"""The options that describe an artifact, and the record that they make."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import unquote

from buildstate_cli.validation import checked
from buildstate_core.errors import InvalidInput
from buildstate_core.models import ArtifactRecord
from buildstate_core.vocabulary import ArtifactKind
from buildstate_worker.blobs import name_of

FLAGS: Final[Mapping[str, str]] = {
    "storage_type": "--storage-type",
    "uri": "--storage-path",
    "storage_path": "--storage-path",
    "size_bytes": "--artifact-size",
    "checksum": "--checksum",
    "name": "--artifact-name",
    "format": "--format",
}
"""The option for each field."""

_TYPE_OF_SCHEME: Final = {
    "s3a": "s3",
    "gs": "gcs",
    "az": "azure",
    "abfs": "azure",
    "abfss": "azure",
    "adl": "azure",
    "ssh": "sftp",
}
_BYTES: Final = frozenset({"file", "nfs", "smb", "s3", "gcs", "azure", "sftp", "http", "https"})
"""Storages of bytes: a path there is a URI or absolute. In any other it may be an id."""

_ENCODED: Final = frozenset({"file", "http", "https"})
"""What stands in a URI of these is percent-encoded. In any other it is taken letter by letter."""

_AZURE_RESOURCE: Final = "/subscriptions/"


@dataclass(frozen=True, kw_only=True)
class ArtifactFlags:
    """What was given about an artifact; `None` where nothing was."""

    storage_type: str | None = None
    storage_path: str | None = None
    size_bytes: int | None = None
    checksum: str | None = None
    name: str | None = None
    format: str | None = None

    def record(self, status: str) -> ArtifactRecord | None:
        """Return the record, or `None` if no artifact was described.

        Args:
            status: What the report says; only what is completed leaves an artifact.

        Raises:
            InvalidInput: Options are missing, do not fit together, or have a wrong value.
        """
        given = [FLAGS[name] for name, value in asdict(self).items() if value is not None]
        if not given:
            return None
        if status != "completed":
            raise InvalidInput(
                f"{given[0]} is given with --status {status}; only a completed state leaves an"
                " artifact.",
                field=given[0],
                hint="Leave it out, or report the state as completed.",
            )
        if self.storage_path is None:
            raise InvalidInput(
                f"{given[0]} is given without --storage-path; say where the artifact is.",
                field="--storage-path",
            )
        flag = FLAGS["uri"]
        storage_type = self.storage_type or inferred_type(self.storage_path, flag=flag)
        values = {
            "name": self.name or file_name(self.storage_path),
            "kind": artifact_kind(storage_type, self.storage_path, flag=flag),
            "storage_type": storage_type,
            "uri": self.storage_path,
            "size_bytes": self.size_bytes,
            "checksum": self.checksum,
            "format": self.format,
        }
        return checked(ArtifactRecord, values, flags=FLAGS)


def inferred_type(path: str, *, flag: str) -> str:
    """Return the type of the storage that a path is in.

    >>> inferred_type("gs://images/a.qcow2", flag="--uri"), inferred_type("/mnt/a", flag="--uri")
    ('gcs', 'file')

    Args:
        path: As typed.
        flag: The option that it was typed for.

    Raises:
        InvalidInput: The path does not tell it.
    """
    scheme, has_scheme, _ = path.partition("://")
    if has_scheme and scheme:
        return _TYPE_OF_SCHEME.get(scheme.lower(), scheme.lower())
    if path.startswith("/"):
        return "file"
    raise InvalidInput(
        f'--storage-type is missing, and {flag} "{path}" does not tell it.',
        field="--storage-type",
        hint="Of an id, say what it is the id of: --storage-type ami (ebs-snapshot, ceph, …). Of"
        " bytes, give a URI or an absolute path.",
    )


def artifact_kind(storage_type: str, path: str, *, flag: str) -> ArtifactKind:
    """Return whether a path is that of bytes or the id of something else.

    >>> artifact_kind("ebs", "snap-0abc", flag="--uri"), artifact_kind("ceph", "/a", flag="--uri")
    (<ArtifactKind.HANDLE: 'handle'>, <ArtifactKind.BLOB: 'blob'>)

    Args:
        storage_type: What was typed or inferred.
        path: As typed.
        flag: The option that it was typed for.

    Raises:
        InvalidInput: The storage is one of bytes, and the path is neither a URI nor absolute.
    """
    if path.startswith(_AZURE_RESOURCE):
        return ArtifactKind.HANDLE
    if "://" in path or path.startswith("/"):
        return ArtifactKind.BLOB
    if storage_type in _BYTES:
        raise InvalidInput(
            f'{flag} is "{path}"; in storage of type {storage_type} use a URI'
            f" (s3://bucket/image.qcow2) or an absolute path (/mnt/builds/image.qcow2).",
            field=flag,
        )
    return ArtifactKind.HANDLE


def file_name(uri: str) -> str:
    """Return the name that the last part of a URI, path or id gives an artifact.

    >>> file_name("https://host/a%20b.raw?v=1"), file_name("s3://b/a#1.raw"), file_name("ami-0abc")
    ('a-b.raw', 'a-1.raw', 'ami-0abc')
    """
    if uri.startswith("/"):
        return name_of(PurePosixPath(uri))
    scheme, mark, rest = uri.partition("://")
    path = rest.partition("/")[2] if mark else uri.rpartition(":")[2]
    if scheme.lower() in _ENCODED:
        path = unquote(re.split(r"[?#]", path, maxsplit=1)[0])
    return name_of(PurePosixPath(path))
