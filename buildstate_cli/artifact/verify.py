"""`bldst artifact verify`: whether artifacts are still there, whole and unchanged."""

from collections.abc import Iterator, Sequence
from typing import Final
from uuid import UUID

import typer

from buildstate_cli.artifact import verify_view as results
from buildstate_cli.artifact.verify_view import Verification
from buildstate_cli.connection import connect
from buildstate_cli.exit_codes import FAILED, UNREACHABLE
from buildstate_cli.options import Format
from buildstate_cli.output import formats
from buildstate_cli.output.messages import notice
from buildstate_cli.output.progress import meter
from buildstate_cli.output.show import show
from buildstate_cli.session import Session
from buildstate_cli.validation import build_reference
from buildstate_core.errors import ArtifactLost, ArtifactUnreachable, InvalidInput, NotFound
from buildstate_core.models import Artifact
from buildstate_core.vocabulary import ArtifactKind, ArtifactStatus
from buildstate_worker.artifacts import Artifacts, is_pullable
from buildstate_worker.client import STEADY, Client
from buildstate_worker.handles import ref_of, variable_for

_RESULTS: Final = {"artifact_gone": "gone", "artifact_corrupt": "corrupt"}


def verify(session: Session, output: Format, wanted: str, *, state: int | None) -> None:
    """Read blobs in their storage to the end, probe handles, and print the result for each.

    Raises:
        typer.Exit: One is lost, or could not be read.
    """
    reference = build_reference(wanted)
    with connect(session, retries=STEADY) as client, meter(session.environ) as progress:
        mover = Artifacts.of_worker(client, session.settings, on_transfer=progress)
        found = [
            _verify(mover, each, root=root)
            for each, root in _wanted(client, mover, reference, state=state)
        ]
    show(found, output, results.listing)
    came_out = {each.result for each in found}
    if came_out & {"gone", "corrupt"}:
        raise typer.Exit(FAILED)
    if "unreachable" in came_out:
        raise typer.Exit(UNREACHABLE)


def _wanted(
    client: Client, mover: Artifacts, reference: str | int, *, state: int | None
) -> Iterator[tuple[Artifact, str | None]]:
    """Yield the artifacts to verify, each with where its project's storage begins."""
    artifact = _artifact(client, reference) if state is None else None
    build = client.get_build(reference if artifact is None else artifact.build)
    root = client.get_project(build.project).storage_url
    if artifact is not None:
        found = [artifact]
    else:
        recorded = client.list_artifacts(reference, state=state)
        found = [each for each in recorded if each.status is ArtifactStatus.AVAILABLE]
    handles = [each for each in found if each.kind is ArtifactKind.HANDLE]
    unknown = [each for each in handles if not mover.probes.knows(ref_of(each))]
    _warn_of_unknown(unknown)
    others = [each for each in found if each not in handles and not is_pullable(each)]
    if others:
        left_out = formats.count(len(others), "artifact")
        notice(f"bldst: {left_out} left out, which are not bytes that can be read from here.")
    for each in found:
        if each not in unknown and each not in others:
            yield each, root


def _warn_of_unknown(handles: Sequence[Artifact]) -> None:
    for kind in sorted({each.storage_type for each in handles}):
        count = formats.count(sum(each.storage_type == kind for each in handles), "handle")
        notice(
            f"bldst: {count} of kind {kind} left out, since nothing here looks at that kind. To"
            f" have it looked at, set {variable_for(kind)} to a command that does: see"
            " docs/how-to/handles.md."
        )


def _artifact(client: Client, reference: str | int) -> Artifact | None:
    """Return the artifact with an id; `None` if it is a build's."""
    if isinstance(reference, int):
        return None
    try:
        return client.get_artifact(UUID(reference))
    except NotFound:
        return None


def _verify(mover: Artifacts, artifact: Artifact, *, root: str | None) -> Verification:
    checksum, size_bytes, result, message = artifact.checksum, artifact.size_bytes, "ok", None
    try:
        if artifact.kind is ArtifactKind.HANDLE:
            message = _compared(artifact, mover.probe(artifact))
        else:
            seen = mover.verify(artifact, root=root)
            if checksum is None:
                checksum, size_bytes = seen.checksum, seen.size_bytes
                message = "had no checksum; it is recorded now"
    except ArtifactLost as error:
        result, message = _RESULTS[error.reason], error.message
    except (ArtifactUnreachable, InvalidInput) as error:
        # What is recorded may also be something that nobody can verify.
        result, message = "unreachable", str(error)
    return Verification(
        artifact=artifact.id,
        build=artifact.build,
        state=artifact.state,
        lane=artifact.lane,
        name=artifact.name,
        uri=artifact.uri,
        result=result,
        checksum=checksum,
        size_bytes=size_bytes,
        identity=artifact.identity,
        message=message,
    )


def _compared(handle: Artifact, now: str | None) -> str:
    """Return how much is known of a handle that is there."""
    if now is None or handle.identity is None:
        return "it is there; whether it is the same is not known"
    return f"it is there, and the same: {now}"
