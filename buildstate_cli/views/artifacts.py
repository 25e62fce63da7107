"""Artifacts, one or many."""

import json
from collections.abc import Sequence

from buildstate_cli.page import Fields, Page, Table
from buildstate_cli.views import words
from buildstate_core.models import Artifact

_COLUMNS = ("STATE", "LANE", "NAME", "KIND", "STORAGE", "SIZE", "STATUS", "ID", "URI")


def listing(artifacts: Sequence[Artifact]) -> Page:
    """Write artifacts one below the other."""
    rows = [
        (
            str(each.state),
            each.lane,
            each.name,
            each.kind,
            each.storage_type,
            words.size(each.size_bytes),
            each.status,
            str(each.id),
            each.uri or "",
        )
        for each in artifacts
    ]
    return [Table(columns=_COLUMNS, rows=rows, free_text=frozenset({"URI"}), empty="No artifacts.")]


def one(artifact: Artifact) -> Page:
    """Write one artifact by its JSON names."""
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
        ("size_bytes", "" if size is None else f"{size} ({words.size(size)})"),
        ("checksum", artifact.checksum or "none: unverified until the first pull"),
        ("format", artifact.format or ""),
        ("compression", artifact.compression or ""),
        ("virtual_size", _virtual_size(artifact)),
        ("metadata", json.dumps(artifact.metadata) if artifact.metadata else ""),
        ("status", artifact.status),
        ("created_at", words.time(artifact.created_at)),
        ("expires_at", words.time(artifact.expires_at)),
    ]
    return [Fields([(name, value) for name, value in fields if value])]


def _virtual_size(artifact: Artifact) -> str:
    size = artifact.metadata.get("virtual_size")
    return f"{size} ({words.size(size)})" if isinstance(size, int) else ""
