"""Uploads that no attempt records: recorded one by one, or undone."""

from collections.abc import Callable
from typing import TypeVar

from buildstate_cli.output.messages import notice
from buildstate_core.models import ArtifactRecord
from buildstate_worker.artifacts import Artifacts
from buildstate_worker.attempt import record_or_undo

Recorded = TypeVar("Recorded")


def recorded(
    record: Callable[[], Recorded], upload: ArtifactRecord, artifacts: Artifacts
) -> Recorded:
    """Record an upload; it is removed if that is refused for good.

    Args:
        record: Records it in the service.
        upload: What was uploaded.
        artifacts: What removes it.

    Raises:
        BuildStateError: What `record` raises.
        ValidationError: What `record` raises.
    """

    def leave() -> None:
        notice(f"bldst: {upload.uri} was uploaded, and is left there: it may be recorded.")

    return record_or_undo(record, undo=lambda _: artifacts.discard(upload), leave=leave)
