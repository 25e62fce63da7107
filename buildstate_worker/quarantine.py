"""Artifacts that a worker finds lost: out of use at once, so that nobody relies on them again."""

from collections.abc import Iterator
from contextlib import contextmanager

from buildstate_core.errors import ArtifactLost, ArtifactUnreachable
from buildstate_core.models import Artifact, Quarantine
from buildstate_worker.client import Client


@contextmanager
def judging(client: Client, artifact: Artifact) -> Iterator[None]:
    """Take an artifact that turns out lost out of use; name it in the error in either case.

    Raises:
        ArtifactLost: It is lost, and has been quarantined.
        ArtifactUnreachable: Nobody can tell from here.
    """
    try:
        yield
    except ArtifactLost as error:
        raise _lost(client, artifact, error) from error
    except ArtifactUnreachable as error:
        raise _unreachable(artifact, error) from error


def _lost(client: Client, artifact: Artifact, error: ArtifactLost) -> ArtifactLost:
    client.quarantine(artifact.id, Quarantine(reason=error.reason, message=str(error)[:10_000]))
    return ArtifactLost(
        f"{_named(artifact)}: {error.message}",
        reason=error.reason,
        state=artifact.state,
        hint=f"It is quarantined. Run the pipeline again: state {artifact.state} is made anew,"
        " from the checkpoint before it.",
    )


def _unreachable(artifact: Artifact, error: ArtifactUnreachable) -> ArtifactUnreachable:
    return ArtifactUnreachable(
        f"{_named(artifact)} cannot be looked at: {error.message}",
        code=error.code,
        field=error.field,
        hint=f"{error.hint or ''} Nothing is run in its place: it may well be there.".strip(),
    )


def _named(artifact: Artifact) -> str:
    return f"The artifact {artifact.name} of state {artifact.state}, build {artifact.build}"
