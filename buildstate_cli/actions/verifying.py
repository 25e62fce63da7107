"""`bldst artifact verify`: is what was recorded still there, whole?"""

from collections.abc import Iterator
from typing import Final
from uuid import UUID

import typer

from buildstate_cli.actions.checking import build_reference
from buildstate_cli.actions.connection import connect
from buildstate_cli.complaints import notice
from buildstate_cli.exit_codes import FAILED, UNREACHABLE
from buildstate_cli.meters import meter
from buildstate_cli.options import Format
from buildstate_cli.printing import show
from buildstate_cli.session import Session
from buildstate_cli.views import words
from buildstate_cli.views.verifying import Look, looks
from buildstate_core.artifacts import Artifacts, is_pullable
from buildstate_core.client import STEADY, Client
from buildstate_core.errors import ArtifactLost, ArtifactUnreachable, NotFound
from buildstate_core.models import Artifact
from buildstate_core.vocabulary import ArtifactStatus

_RESULTS: Final = {"artifact_gone": "gone", "artifact_corrupt": "corrupt"}


def verify(session: Session, output: Format, wanted: str, *, state: int | None) -> None:
    """Read blobs in their storage to the end, and print what came of each.

    Raises:
        typer.Exit: One is lost, or could not be read.
    """
    reference = build_reference(wanted)
    with connect(session, retries=STEADY) as client, meter(session.environ) as told:
        mover = Artifacts.of_worker(client, session.settings, on_transfer=told)
        found = [
            _look(mover, each, root=root) for each, root in _wanted(client, reference, state=state)
        ]
    show(found, output, looks)
    results = {each.result for each in found}
    if results & {"gone", "corrupt"}:
        raise typer.Exit(FAILED)
    if "unreachable" in results:
        raise typer.Exit(UNREACHABLE)


def _wanted(
    client: Client, reference: str | int, *, state: int | None
) -> Iterator[tuple[Artifact, str | None]]:
    """Give what is to be looked at, each with where its project's storage begins."""
    artifact = _artifact(client, reference) if state is None else None
    build = client.get_build(reference if artifact is None else artifact.build)
    root = client.get_project(build.project).storage_url
    if artifact is not None:
        found = [artifact]
    else:
        recorded = client.list_artifacts(reference, state=state)
        found = [each for each in recorded if each.status is ArtifactStatus.AVAILABLE]
    blobs = [each for each in found if is_pullable(each)]
    if len(blobs) < len(found):
        others = words.count(len(found) - len(blobs), "artifact")
        notice(f"bldst: {others} left out, which are not bytes that can be read from here.")
    for each in blobs:
        yield each, root


def _artifact(client: Client, reference: str | int) -> Artifact | None:
    """Give the artifact with an id, which may also be that of a build."""
    if isinstance(reference, int):
        return None
    try:
        return client.get_artifact(UUID(reference))
    except NotFound:
        return None


def _look(mover: Artifacts, artifact: Artifact, *, root: str | None) -> Look:
    checksum, size_bytes, result, message = artifact.checksum, artifact.size_bytes, "ok", None
    try:
        seen = mover.verify(artifact, root=root)
        if checksum is None:
            checksum, size_bytes = seen.checksum, seen.size_bytes
            message = "had no checksum; it is recorded now"
    except ArtifactLost as error:
        result, message = _RESULTS[error.reason], error.message
    except ArtifactUnreachable as error:
        result, message = "unreachable", f"{error.message} {error.hint or ''}".strip()
    return Look(
        artifact=artifact.id,
        build=artifact.build,
        state=artifact.state,
        lane=artifact.lane,
        name=artifact.name,
        uri=artifact.uri,
        result=result,
        checksum=checksum,
        size_bytes=size_bytes,
        message=message,
    )
