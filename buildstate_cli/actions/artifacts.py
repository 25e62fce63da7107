"""Artifacts: list, show, pull."""

from collections.abc import Sequence
from pathlib import Path

from buildstate_cli.actions.checking import artifact_id, build_reference
from buildstate_cli.actions.connection import connect
from buildstate_cli.complaints import notice, warn
from buildstate_cli.options import Format
from buildstate_cli.printing import show
from buildstate_cli.session import Session
from buildstate_cli.views import artifacts
from buildstate_core.artifacts import Artifacts, is_pullable, place_of
from buildstate_core.errors import InvalidInput, NotFound
from buildstate_core.models import Artifact
from buildstate_core.vocabulary import ArtifactStatus


def list_some(session: Session, output: Format, build: str, state: int | None) -> None:
    """Print a build's artifacts, all or those of one state."""
    reference = build_reference(build)
    with connect(session) as client:
        found = list(client.list_artifacts(reference, state=state))
        show(found, output, artifacts.listing)


def show_one(session: Session, output: Format, artifact: str) -> None:
    """Print one artifact."""
    wanted = artifact_id(artifact)
    with connect(session) as client:
        show(client.get_artifact(wanted), output, artifacts.one)


def pull(
    session: Session,
    output: Format,
    build: str,
    *,
    state: int,
    lane: str,
    name: str | None,
    to: str | None,
) -> None:
    """Put what a state left into its place, verified, and print what it was."""
    reference = build_reference(build)
    with connect(session) as client:
        mover = Artifacts.of_worker(client, session.settings)
        project = client.get_project(client.get_build(reference).project)
        found = _newest(list(client.list_artifacts(reference, state=state)), lane, name)
        if not found:
            raise NotFound(
                f"State {state} of build {build} has no artifact that can be used.",
                code="artifact-not-found",
                field="--state",
                hint=f"To see what there is: bldst artifact list {build}",
            )
        if to is not None and len(found) > 1:
            raise InvalidInput(
                f"State {state} has {len(found)} artifacts, which cannot all be {to}.",
                field="--to",
                hint=f"Name one with --name: {', '.join(each.name for each in found)}",
            )
        for each in found:
            _pull_one(mover, each, Path(to or place_of(each)), root=project.storage_url)
        show(found, output, artifacts.listing)


def _newest(found: Sequence[Artifact], lane: str, name: str | None) -> list[Artifact]:
    """Give the usable artifacts of a lane, the newest of each name."""
    usable = [
        each
        for each in found
        if each.status is ArtifactStatus.AVAILABLE
        and each.lane == lane
        and name in {None, each.name}
    ]
    return list({each.name: each for each in usable}.values())


def _pull_one(mover: Artifacts, artifact: Artifact, path: Path, *, root: str | None) -> None:
    if not is_pullable(artifact):
        warn(
            f"{artifact.name} is not bytes that can be moved from here:"
            f" {artifact.kind} {artifact.uri or artifact.metadata.get('value')}"
        )
        return
    pulled = mover.pull(artifact, path, root=root)
    if artifact.checksum is None:
        warn(f"{artifact.name} had no recorded checksum, so it is unverified; it has one now.")
    notice(f"{path}: {pulled.size_bytes} bytes, {pulled.checksum}")
