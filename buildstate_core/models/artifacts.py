"""Artifacts: what milestones produced."""

from typing import Annotated
from uuid import UUID

from pydantic import (
    AfterValidator,
    Field,
    JsonValue,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)

from buildstate_core.locations import check_object
from buildstate_core.models.base import (
    ArtifactName,
    Checksum,
    Identity,
    ListedUri,
    Metadata,
    Request,
    Resource,
    Size,
    State,
    Text,
    Time,
    Token,
    Uri,
    Why,
    Word,
)
from buildstate_core.models.names import LaneName
from buildstate_core.places import control_folder
from buildstate_core.vocabulary import (
    TRUNK,
    Activity,
    ArtifactKind,
    ArtifactStatus,
    Compression,
    Sensitivity,
)


def _packs(value: Compression) -> Compression:
    if value is not Compression.ZSTD:
        raise ValueError(f"{value} packs nothing; what is packed is a zstd stream")
    return value


class PackedRecord(Request):
    """What is stored in the place of a blob's own bytes: the same, compressed."""

    compression: Annotated[Compression, AfterValidator(_packs), Field(examples=["zstd"])] = (
        Compression.ZSTD
    )
    checksum: Checksum
    size_bytes: Size


class ArtifactRecord(Request):
    """What a milestone produced, as its maker records it.

    A blob and a handle have a `uri`; a value has its JSON in `metadata.value`. `checksum` and
    `size_bytes` are of a blob's own bytes, also where they are stored `packed`. `identity` is what
    a probe saw a handle to be.
    """

    name: ArtifactName = "artifact"
    kind: ArtifactKind = ArtifactKind.BLOB
    storage_type: Annotated[
        str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9+._-]{0,31}$"), Field(examples=["s3"])
    ]
    uri: Uri | None = None
    size_bytes: Size | None = None
    checksum: Checksum | None = None
    format: Word | None = None
    compression: Word | None = None
    packed: PackedRecord | None = None
    metadata: Metadata = Field(default_factory=dict)
    sensitivity: Sensitivity = Sensitivity.INTERNAL
    expires_at: Time | None = Field(
        default=None, description="When it is no longer needed; null for never."
    )
    identity: Identity | None = None

    @field_validator("uri")
    @classmethod
    def _names_bytes(cls, uri: str | None, info: ValidationInfo) -> str | None:
        if uri is not None and info.data.get("kind") is ArtifactKind.BLOB:
            check_object(uri)
        return uri

    @field_validator("packed")
    @classmethod
    def _can_be_unpacked(
        cls, packed: PackedRecord | None, info: ValidationInfo
    ) -> PackedRecord | None:
        if packed is None:
            return None
        if info.data.get("kind") in {ArtifactKind.HANDLE, ArtifactKind.VALUE}:
            raise ValueError(f"a {info.data['kind']} is not stored, so that nothing is packed")
        for name in ("checksum", "size_bytes"):
            # One that was wrong is not there, and has been named.
            if name in info.data and info.data[name] is None:
                raise ValueError(f"what is unpacked has to be known: {name} is missing beside it")
        return packed

    @model_validator(mode="after")
    def _points_at_something(self) -> "ArtifactRecord":
        if self.kind is ArtifactKind.VALUE:
            if "value" not in self.metadata:
                raise ValueError("a value artifact needs its JSON value in metadata.value")
        elif self.uri is None:
            raise ValueError(f"a {self.kind} artifact needs a uri: where it is")
        place = self.metadata.get("path")
        folder = control_folder(place) if isinstance(place, str) else None
        if folder is not None:
            raise ValueError(f"metadata.path leads into {folder}, where no artifact is ever put")
        if self.identity is not None and self.kind is not ArtifactKind.HANDLE:
            raise ValueError(f"a {self.kind} artifact has no identity; a handle has one")
        return self


def _unique_names(artifacts: tuple[ArtifactRecord, ...]) -> tuple[ArtifactRecord, ...]:
    names = [each.name for each in artifacts]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f'two artifacts are named "{twice[0]}"; give each a name of its own')
    return artifacts


ArtifactRecords = Annotated[
    tuple[ArtifactRecord, ...], Field(max_length=64), AfterValidator(_unique_names)
]


class ArtifactCreate(ArtifactRecord):
    """An artifact that a pipeline has put somewhere by itself.

    It is added to the state's newest attempt if that completed; else a completed attempt is
    reported for it. While a worker has the state, `token` has to be that of its claim.
    """

    state: State
    lane: LaneName = TRUNK
    token: Token | None = None


class Packed(Resource):
    """What is stored in the place of a blob's own bytes: the same, compressed."""

    compression: str
    checksum: str
    size_bytes: int


class Hold(Resource):
    """A person wants an artifact to be kept, whatever the project's policy."""

    reason: str
    actor: str
    at: Time


class Removal(Resource):
    """An artifact's bytes are to be removed from their storage, or have been.

    Attributes:
        at: When that was decided.
        due_at: From when on a worker may remove them.
        begun_at: When a worker last began to.
        done_at: When they were gone.
    """

    reason: str
    at: Time
    due_at: Time
    begun_at: Time | None = None
    done_at: Time | None = None


class Artifact(Resource):
    """What a milestone produced, and whether it may still be used.

    Attributes:
        identity: What a probe saw a handle to be when it was recorded.
        status_reason: A stable code for why it is not available any more: `artifact_corrupt`.
    """

    id: UUID
    build: int
    state: int
    lane: str
    name: str
    kind: ArtifactKind
    storage_type: str
    uri: str | None
    size_bytes: int | None
    checksum: str | None
    format: str | None
    compression: str | None
    metadata: dict[str, JsonValue]
    status: ArtifactStatus
    created_at: Time
    expires_at: Time | None
    attempt: UUID | None = None
    packed: Packed | None = None
    sensitivity: Sensitivity = Sensitivity.INTERNAL
    hold: Hold | None = None
    removal: Removal | None = None
    identity: str | None = None
    status_reason: str | None = None

    @property
    def stored_bytes(self) -> int | None:
        """What it takes up in its storage, if that is known."""
        return self.size_bytes if self.packed is None else self.packed.size_bytes


class ArtifactVerified(Request):
    """What a worker measured at the first pull of an artifact that had no checksum."""

    checksum: Checksum
    size_bytes: Size


class Quarantine(Request):
    """A worker found an artifact `gone` from its storage, or `corrupt`."""

    reason: Annotated[str, StringConstraints(pattern=r"^artifact_(gone|corrupt)$")] = Field(
        examples=["artifact_gone"]
    )
    message: Text = ""


class HoldCreate(Request):
    """Keep an artifact, whatever the project's policy says."""

    reason: Why


class ArtifactDelete(Request):
    """An artifact is not needed any more: it is not used again, and its bytes are removed."""

    reason: Why


class Lookup(Request):
    """Which of these objects in a storage does anybody need?"""

    uris: Annotated[tuple[ListedUri, ...], Field(min_length=1, max_length=1000)]


class Found(Resource):
    """What is known about one object in a storage.

    `committed`: `artifact` is stored there, in `status`. `under_way`: a worker that has a claim may
    be about to record it. `unknown`: nothing refers to it, and nothing will.
    """

    uri: str
    use: Annotated[str, Field(pattern=r"^(committed|under_way|unknown)$")]
    artifact: UUID | None = None
    status: ArtifactStatus | None = None


class LookedUp(Resource):
    """What is known about objects in a storage, in the order in which they were asked for."""

    items: tuple[Found, ...]


class Transfer(Request):
    """How far a worker is with an artifact's bytes."""

    activity: Activity
    name: ArtifactName
    done_bytes: Size
    total_bytes: Size | None = None
    seconds_left: Annotated[float, Field(ge=0, le=10**9)] | None = None


class TransferSeen(Resource):
    """How far a worker was with an artifact's bytes when it last said so."""

    activity: Activity
    name: str
    done_bytes: int
    total_bytes: int | None = None
    seconds_left: float | None = None
    at: Time
