"""References to handles: kind and id, and what else is known of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from buildstate_core.models import Artifact, ArtifactRecord


@dataclass(frozen=True)
class HandleRef:
    """A reference to something outside BuildState, by its id.

    Attributes:
        kind: What it is: `ami`, `ebs-snapshot`, `rbd`.
        id: Its id, as its own tools take it.
        attributes: What else was recorded of it.
        identity: What a probe saw it to be when it was recorded; `None` if that is not known.
    """

    kind: str
    id: str
    attributes: Mapping[str, object] = field(default_factory=dict)
    identity: str | None = None

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


def ref_of(artifact: Artifact | ArtifactRecord) -> HandleRef:
    """Return the handle of an artifact that is one."""
    return HandleRef(
        artifact.storage_type, artifact.uri or "", artifact.metadata, artifact.identity
    )
