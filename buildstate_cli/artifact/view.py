"""Artifacts, for people."""

import json
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from buildstate_cli.output import formats
from buildstate_cli.output.page import Fields, Page, Table
from buildstate_core.models import Artifact
from buildstate_core.rules.reasons import describe
from buildstate_core.vocabulary import ArtifactKind

_COLUMNS = ("STATE", "LANE", "NAME", "KIND", "STORAGE", "SIZE", "STATUS", "ID", "URI")
_FREE_TEXT: Final = frozenset({"URI"})


class Copied(BaseModel):
    """What was copied.

    Attributes:
        checksum, size_bytes: Of what is stored there, as far as they are known.
    """

    model_config = ConfigDict(frozen=True)

    artifact: UUID
    uri: str
    checksum: str | None
    size_bytes: int | None


def listing(artifacts: Sequence[Artifact]) -> Page:
    """Return a table of artifacts of one build."""
    return [_table(_COLUMNS, [_cells(each) for each in artifacts])]


def pushed(artifacts: Sequence[Artifact]) -> Page:
    """Return what was stored; where has been printed already."""
    rows = [
        (
            str(each.state),
            each.lane,
            each.name,
            formats.size(each.size_bytes),
            each.format or "",
            str(each.id),
        )
        for each in artifacts
    ]
    return [Table(columns=("STATE", "LANE", "NAME", "SIZE", "FORMAT", "ID"), rows=rows)]


def listing_of_all(artifacts: Sequence[Artifact]) -> Page:
    """Return a table of artifacts of several builds."""
    rows = [(f"#{each.build}", *_cells(each)) for each in artifacts]
    return [_table(("BUILD", *_COLUMNS), rows)]


def one(artifact: Artifact) -> Page:
    """Return the fields of one artifact by their JSON names."""
    size = artifact.size_bytes
    fields = [
        ("id", str(artifact.id)),
        ("build", f"#{artifact.build}"),
        ("state", str(artifact.state)),
        ("lane", artifact.lane),
        ("name", artifact.name),
        ("kind", artifact.kind),
        ("storage_type", artifact.storage_type),
        ("uri", artifact.uri or ""),
        ("identity", artifact.identity or ""),
        ("size_bytes", "" if size is None else f"{size} ({formats.size(size)})"),
        ("checksum", artifact.checksum or "none: unverified until the first pull"),
        ("format", artifact.format or ""),
        ("compression", artifact.compression or ""),
        ("packed", _packed(artifact)),
        ("virtual_size", _virtual_size(artifact)),
        ("metadata", json.dumps(artifact.metadata) if artifact.metadata else ""),
        ("sensitivity", artifact.sensitivity),
        ("status", artifact.status),
        ("status_reason", _why(artifact.status_reason)),
        ("hold", _hold(artifact)),
        ("removal", _removal(artifact)),
        ("created_at", formats.time(artifact.created_at)),
        ("expires_at", formats.time(artifact.expires_at)),
    ]
    return [Fields([(name, value) for name, value in fields if value])]


def hold_changed(artifact: Artifact) -> Page:
    """Return a sentence that says whether an artifact is held now."""
    if artifact.hold is None:
        return [f"{_named(artifact)} is not held: the project's policy decides about it."]
    return [f"{_named(artifact)} is held, whatever the policy says: {artifact.hold.reason}"]


def deleted(artifact: Artifact) -> Page:
    """Return that an artifact is not used again, and when its bytes may be removed."""
    sentence = f"{_named(artifact)} is not used again."
    if artifact.kind is not ArtifactKind.BLOB or artifact.removal is None:
        return [sentence]
    due = formats.time(artifact.removal.due_at)
    return [
        f"{sentence} Its bytes may be removed from {due} on, by: bldst artifact gc",
        f"Until then it can be kept: bldst artifact hold {artifact.id} --reason TEXT",
    ]


def copied(copy: Copied) -> Page:
    """Return what was copied, and where to."""
    size = copy.size_bytes
    fields = [
        ("artifact", str(copy.artifact)),
        ("uri", copy.uri),
        ("checksum", copy.checksum or ""),
        ("size_bytes", "" if size is None else f"{size} ({formats.size(size)})"),
    ]
    return [Fields([(name, value) for name, value in fields if value])]


def _named(artifact: Artifact) -> str:
    lane = formats.lane(artifact.lane)
    return f"{artifact.name} of state {artifact.state} of build #{artifact.build}{lane}"


def _cells(artifact: Artifact) -> tuple[str, ...]:
    return (
        str(artifact.state),
        artifact.lane,
        artifact.name,
        artifact.kind,
        artifact.storage_type,
        formats.size(artifact.size_bytes),
        _status(artifact),
        str(artifact.id),
        artifact.uri or "",
    )


def _table(columns: tuple[str, ...], rows: Sequence[Sequence[str]]) -> Table:
    return Table(columns=columns, rows=rows, free_text=_FREE_TEXT, empty="No artifacts.")


def _status(artifact: Artifact) -> str:
    return f"{artifact.status}, held" if artifact.hold is not None else artifact.status


def _why(reason: str | None) -> str:
    if reason is None:
        return ""
    text = describe(reason)
    return reason if text == reason else f"{reason}: {text}"


def _packed(artifact: Artifact) -> str:
    packed = artifact.packed
    if packed is None:
        return ""
    size = f"{packed.size_bytes} ({formats.size(packed.size_bytes)})"
    return f"{packed.compression}, {size}, {packed.checksum}"


def _hold(artifact: Artifact) -> str:
    hold = artifact.hold
    return "" if hold is None else f"by {hold.actor}, {formats.time(hold.at)}: {hold.reason}"


def _removal(artifact: Artifact) -> str:
    removal = artifact.removal
    if removal is None:
        return ""
    if removal.done_at is not None:
        when = f"its bytes are gone since {formats.time(removal.done_at)}"
    elif removal.begun_at is not None:
        when = f"begun {formats.time(removal.begun_at)}"
    else:
        when = f"its bytes may be removed from {formats.time(removal.due_at)} on"
    return f"{removal.reason}; {when}"


def _virtual_size(artifact: Artifact) -> str:
    size = artifact.metadata.get("virtual_size")
    return f"{size} ({formats.size(size)})" if isinstance(size, int) else ""
