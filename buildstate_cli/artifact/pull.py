"""`bldst artifact pull`: download all that a state left, or one artifact by its id."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from uuid import UUID

from buildstate_cli.artifact import view as artifacts
from buildstate_cli.artifact.destination import path_for
from buildstate_cli.connection import connect, storage_reached
from buildstate_cli.options import Format
from buildstate_cli.output.messages import notice, warn
from buildstate_cli.output.progress import meter
from buildstate_cli.output.show import show
from buildstate_cli.session import Session
from buildstate_cli.validation import artifact_id, build_reference
from buildstate_core.errors import InvalidInput, NotFound, Refused
from buildstate_core.models import Artifact, Attempt
from buildstate_core.vocabulary import ArtifactStatus, AttemptStatus
from buildstate_worker.artifacts import Artifacts, is_folder, is_pullable
from buildstate_worker.storage.failures import on_this_disk
from buildstate_worker.transfer.place import size_in_place


def pull(
    session: Session,
    output: Format,
    wanted: str,
    *,
    state: int | None,
    lane: str,
    name: str | None,
    to: str | None,
) -> None:
    """Download and verify what a state left, or one artifact, and print what it was."""
    one = _only_artifact(wanted, name) if state is None else None
    reference = build_reference(wanted) if one is None else None
    with connect(session) as client, meter(session.environ) as progress:
        mover = Artifacts.of_worker(client, session.settings, on_transfer=progress)
        if one is not None:
            found = [_usable(client.get_artifact(one))]
            build = client.get_build(found[0].build)
        else:
            assert reference is not None  # noqa: S101 - as read above
            build = client.get_build(reference)
            found = [
                each
                for each in _left(client.history(reference), state, lane)
                if name in {None, each.name}
            ]
        if not found:
            raise NotFound(
                f"State {state} of build {wanted} has no artifact that can be used.",
                code="artifact-not-found",
                field="--state",
                hint=f"To see what there is: bldst artifact list {wanted}",
            )
        files = _files(found)
        if to is not None and len(files) > 1:
            raise InvalidInput(
                f"State {state} has {len(files)} artifacts, which cannot all be {to}.",
                field="--to",
                hint=f"Name one with --name: {', '.join(each.name for each in files)}",
            )
        root = client.get_project(build.project).storage_url
        for each in files:
            path = Path(path_for(each, to, Path()))
            if to is None or not _is_there(each, path):
                _pull_one(mover, each, path, root=root)
        show(found, output, artifacts.listing)


def _only_artifact(wanted: str, name: str | None) -> UUID:
    """Return the artifact's id that has to be given where no state is.

    Raises:
        InvalidInput: It is not an id, or a name is given as well.
    """
    try:
        found = UUID(wanted)
    except ValueError:
        build_reference(wanted, name="BUILD")
        raise InvalidInput(
            f"STATE is missing; say which state of build {wanted}.",
            field="STATE",
            hint=f"To see what there is: bldst artifact list {wanted}",
        ) from None
    if name is not None:
        raise InvalidInput(
            f'--name is "{name}", but {wanted} is one artifact already.', field="--name"
        )
    return artifact_id(str(found))


def _usable(artifact: Artifact) -> Artifact:
    if artifact.status is not ArtifactStatus.AVAILABLE:
        raise Refused(
            f"The artifact {artifact.name} of state {artifact.state} of build {artifact.build} is"
            f" {artifact.status}.",
            code="artifact-not-usable",
            field="ARTIFACT",
            hint=f"To see why: bldst artifact show {artifact.id}",
        )
    return artifact


def _left(history: Iterable[Attempt], state: int | None, lane: str) -> list[Artifact]:
    """Return the available artifacts of the newest completed attempt: what a rerun restores.

    An artifact of another name that an older attempt left does not belong to this result.
    """
    completed = [
        each
        for each in history
        if (each.state, each.lane) == (state, lane) and each.status is AttemptStatus.COMPLETED
    ]
    return [
        each
        for attempt in completed[-1:]
        for each in attempt.artifacts
        if each.status is ArtifactStatus.AVAILABLE
    ]


def _files(found: Sequence[Artifact]) -> list[Artifact]:
    """Return the artifacts that are bytes, and warn of the others.

    Raises:
        InvalidInput: There is nothing to download.
    """
    files = [each for each in found if is_pullable(each)]
    others = [each for each in found if each not in files]
    if not files:
        kinds = ", ".join(
            f"{each.name} is a {each.kind} of type {each.storage_type}" for each in others
        )
        raise InvalidInput(
            f"There is nothing that can be downloaded from here: {kinds}.",
            code="no-transfer",
            field="ARTIFACT",
            hint=f"To see what is recorded: bldst artifact show {others[0].id}",
        )
    for each in others:
        warn(
            f"{each.name} is not bytes that can be moved from here:"
            f" {each.kind} {each.uri or each.metadata.get('value')}"
        )
    return files


def _is_there(artifact: Artifact, path: Path) -> bool:
    """Return whether a named folder is the artifact already. Nothing else may be in there.

    A folder may be replaced only at the path where the artifact was made.

    Raises:
        Refused: The folder holds something else.
    """
    with on_this_disk(path):
        is_full = path.is_dir() and any(path.iterdir())
    if not (is_full and is_folder(artifact)):
        return False
    checksum, size = artifact.checksum, artifact.size_bytes
    if not checksum or size_in_place(path, checksum, folder=True, size_bytes=size) is None:
        raise Refused(
            f"{path} is a folder that is not empty, and holds something else than {artifact.name}.",
            code="target-occupied",
            field="--to",
            hint=f"Move it away, or have the artifact put into it: --to {path}/",
        )
    notice(f"{path}: {size} bytes, {checksum}, was there already")
    return True


def _pull_one(mover: Artifacts, artifact: Artifact, path: Path, *, root: str | None) -> None:
    with storage_reached():
        pulled = mover.pull(artifact, path, root=root)
    if artifact.checksum is None:
        warn(f"{artifact.name} had no recorded checksum, so it is unverified; it has one now.")
    notice(f"{path}: {pulled.size_bytes} bytes, {pulled.checksum}")
