"""Artifacts: what milestones produced."""

from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field, JsonValue, StringConstraints, model_validator

from buildstate_core.models.base import (
    ArtifactName,
    Checksum,
    Metadata,
    Request,
    Resource,
    Size,
    Text,
    Time,
    Uri,
    Word,
)
from buildstate_core.vocabulary import ArtifactKind, ArtifactStatus


class ArtifactRecord(Request):
    """What a milestone produced, as its maker records it.

    A blob and a handle have a `uri`; a value has its JSON in `metadata.value`.
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
    metadata: Metadata = Field(default_factory=dict)

    @model_validator(mode="after")
    def _points_at_something(self) -> "ArtifactRecord":
        if self.kind is ArtifactKind.VALUE:
            if "value" not in self.metadata:
                raise ValueError("a value artifact needs its JSON value in metadata.value")
        elif self.uri is None:
            raise ValueError(f"a {self.kind} artifact needs a uri: where it is")
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


class Artifact(Resource):
    """What a milestone produced, and whether it may still be used."""

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
