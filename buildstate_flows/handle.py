"""Results that are not bytes to us: an AMI, a snapshot, a volume."""

from typing import Any
from uuid import UUID  # noqa: TC003 - as everywhere

from pydantic import ValidationError

from buildstate_core.errors import InvalidInput
from buildstate_core.models import Artifact as RecordedArtifact
from buildstate_core.models import ArtifactRecord
from buildstate_core.models.refusals import refusal
from buildstate_core.vocabulary import ArtifactKind


class Handle:
    """The id of something outside, with what is worth knowing about it.

    A milestone that returns one records it; a rerun gets it back and makes nothing anew. Before
    that it is looked at: one that is gone, or another thing now, is made again. Where nothing looks
    at its kind it is taken as it is; docs/how-to/handles.md says how to add what does.

    Args:
        kind: What it is, in lower case: `ami`, `ebs-snapshot`, `rbd`.
        id: Its id, as its own tools take it.
        attributes: Anything that JSON can say. `region` is where an AMI or a snapshot is looked
            for; without it, where the worker's environment says.

    >>> Handle("ami", "ami-0abc", region="eu-west-1")
    Handle('ami', 'ami-0abc', region='eu-west-1')
    """

    # Prefect walks dataclasses, lists and dicts that tasks return; an ordinary object it leaves be.

    def __init__(self, kind: str, id: str, /, **attributes: Any) -> None:  # noqa: A002 - as it reads
        self.kind = kind
        self.id = id
        self.attributes: dict[str, Any] = attributes
        self.record: RecordedArtifact | None = None
        self.session_id: UUID | None = None

    @classmethod
    def recorded(cls, record: RecordedArtifact) -> "Handle":
        """Return the handle that was recorded."""
        handle = cls(record.storage_type, record.uri or "")
        handle.bind(record)
        return handle

    def bind(self, record: RecordedArtifact) -> None:
        """Become what was recorded: it was made anew."""
        self.kind = record.storage_type
        self.id = record.uri or ""
        self.attributes = dict(record.metadata)
        self.record = record

    def to_record(self, name: str) -> ArtifactRecord:
        """Return it as it is to be recorded.

        Raises:
            InvalidInput: Its kind, id or attributes cannot be recorded.
        """
        try:
            return ArtifactRecord(
                name=name,
                kind=ArtifactKind.HANDLE,
                storage_type=self.kind,
                uri=self.id,
                metadata=self.attributes,
            )
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(map(str, first["loc"]))
            raise InvalidInput(
                f"{self!r} cannot be recorded: {refusal(first, field).message}",
                field=field,
                hint="A kind is lower case, as in ami; attributes are what JSON can say.",
            ) from error

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Handle):
            return NotImplemented
        mine = (self.kind, self.id, self.attributes)
        return mine == (other.kind, other.id, other.attributes)

    __hash__ = None  # type: ignore[assignment] # it can be made anew, and then has another id

    def __repr__(self) -> str:
        said = "".join(f", {name}={value!r}" for name, value in self.attributes.items())
        return f"Handle({self.kind!r}, {self.id!r}{said})"
