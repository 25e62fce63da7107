"""Blobs that a milestone made: where each belongs, and what is recorded of it."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path, PurePath, PurePosixPath
from unicodedata import combining, normalize

from buildstate_core.credentials import refuse_credentials
from buildstate_core.errors import InvalidInput
from buildstate_core.locations import is_allowed, uri_of
from buildstate_core.models import Artifact, ArtifactRecord, Project, StorageRules
from buildstate_worker.formats import UNKNOWN, format_of
from buildstate_worker.storage_options import StorageOptions
from buildstate_worker.transfer import Pushed, storage_type_of, transferable


@dataclass(frozen=True, kw_only=True)
class Blob(StorageOptions):
    """A file or folder that a milestone made, with how it is to be stored.

    Attributes:
        name: The artifact's name, unique in the attempt.
        path: Where it is now.
        place: Where it belongs in a workspace, relative, so that a restore puts it back there.
        metadata: What else is to be recorded of it.
        expires_at: When it is no longer needed.
    """

    name: str
    path: Path
    place: PurePosixPath | None = None
    metadata: Mapping[str, object] = field(default_factory=dict)
    expires_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Spot:
    """What an artifact belongs to.

    Attributes:
        build: The build's number.
        attempt: The attempt's id, or something else that nothing else is called.
    """

    build: int
    state: int
    lane: str
    attempt: str


def name_of(path: PurePath) -> str:
    """Return the name of an artifact that is named after its file.

    Letters lose their accents; what no name can have becomes a dash.

    >>> name_of(PurePosixPath("out/my image#1.raw")), name_of(PurePosixPath("out/ü.img"))
    ('my-image-1.raw', 'u.img')
    >>> name_of(PurePosixPath("образ.qcow2")), name_of(PurePosixPath(".cache"))
    ('artifact.qcow2', 'cache')
    """
    letters = "".join(each for each in normalize("NFKD", path.name) if not combining(each))
    plain = PurePosixPath(re.sub(r"[^A-Za-z0-9._-]+", "-", letters))
    has_word = re.search(r"[A-Za-z0-9]", plain.stem)
    return (plain.name.lstrip("._-") if has_word else f"artifact{plain.suffix}")[:128]


def rules_of(project: Project) -> StorageRules:
    """Return what a worker has to know of a project before it stores something."""
    return StorageRules(
        project=project.name,
        url=project.storage_url,
        compression=project.compression,
        deduplicate=project.deduplicate,
        allowed_places=project.allowed_places,
    )


def uri_for(blob: Blob, spot: Spot, rules: StorageRules | None, *, own: str) -> str:
    """Return the URI that a blob is stored at.

    Args:
        blob: What is put there.
        spot: What it belongs to.
        rules: What the project says; `None` for nothing.
        own: The worker's own storage, where neither blob nor project name one.

    Raises:
        InvalidInput: There is no transfer for it, it holds a credential, or its label may not be
            stored there.
    """
    location = blob.storage or (rules.url if rules else None) or own
    uri = uri_of(
        location,
        project=rules.project if rules else "",
        build=spot.build,
        state=spot.state,
        lane=spot.lane,
        attempt=spot.attempt,
        name=blob.name,
    )
    refuse_credentials(uri)
    if not transferable(uri):
        raise InvalidInput(
            f"Artifacts cannot be stored at {location}: nothing here moves bytes to it.",
            code="storage-not-supported",
            field="storage_url",
            hint="Give the project a storage_url such as s3://bucket/prefix or file:///folder.",
        )
    check_label(blob, uri, rules)
    return uri


def check_label(labelled: Blob | Artifact, uri: str, rules: StorageRules | None) -> None:
    """Check that the project allows an artifact's sensitivity at a URI.

    Raises:
        InvalidInput: It does not.
    """
    allowed = rules.allowed_places.get(labelled.sensitivity) if rules else None
    if allowed is not None and not is_allowed(uri, allowed):
        raise InvalidInput(
            f"{labelled.name} is {labelled.sensitivity}, and may not be stored at {uri}.",
            code="place-not-allowed",
            field="sensitivity",
            hint=f"The project allows for it: {', '.join(allowed) or 'no place at all'}.",
        )


def record_of(blob: Blob, pushed: Pushed) -> ArtifactRecord:
    """Return the record of a blob that was stored, with the format that its bytes show."""
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
            "storage_type": storage_type_of(pushed.uri),
            "uri": pushed.uri,
            "size_bytes": pushed.size_bytes,
            "checksum": pushed.checksum,
            "format": pushed.format or found.name,
            "compression": found.compression,
            "packed": pushed.packed and asdict(pushed.packed),
            "metadata": metadata,
            "sensitivity": blob.sensitivity,
            "expires_at": blob.expires_at,
        }
    )
