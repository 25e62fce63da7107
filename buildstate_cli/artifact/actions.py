"""List, show, copy, hold and delete artifacts."""

from collections.abc import Iterator
from typing import Final, TypedDict, Unpack

from buildstate_cli.artifact import view as artifacts
from buildstate_cli.connection import connect, storage_reached
from buildstate_cli.options import Format
from buildstate_cli.output.messages import warn
from buildstate_cli.output.progress import meter
from buildstate_cli.output.show import show
from buildstate_cli.session import Session
from buildstate_cli.validation import artifact_id, build_reference, checked, checked_value
from buildstate_core.errors import InvalidInput, Refused
from buildstate_core.models import Artifact, ArtifactDelete, HoldCreate
from buildstate_core.models.base import Checksum
from buildstate_worker.artifacts import Artifacts, is_pullable
from buildstate_worker.blobs import rules_of
from buildstate_worker.client import STEADY, Client

_FLAGS: Final = {"reason": "--reason"}


class Filters(TypedDict):
    """Which artifacts; `None` for any."""

    project: str | None
    status: str | None
    checksum: str | None
    removable: bool | None


def list_some(
    session: Session,
    output: Format,
    build: str | None,
    state: int | None,
    **filters: Unpack[Filters],
) -> None:
    """Print artifacts: those of a build, or of all."""
    reference = None if build is None else build_reference(build)
    if filters["checksum"] is not None:
        checked_value(Checksum, filters["checksum"], flag="--checksum")
    with connect(session) as client:
        found = [
            each
            for each in _found(client, reference, state, filters)
            if state in {None, each.state}
        ]
    show(found, output, artifacts.listing if build is not None else artifacts.listing_of_all)


def show_one(session: Session, output: Format, artifact: str) -> None:
    """Print one artifact."""
    wanted = artifact_id(artifact)
    with connect(session) as client:
        show(client.get_artifact(wanted), output, artifacts.one)


def copy(session: Session, output: Format, artifact: str, uri: str) -> None:
    """Copy what is stored of an artifact to another URI, verified, and print what was copied.

    Raises:
        InvalidInput: There is no transfer for it, or the project does not allow it there.
    """
    wanted = artifact_id(artifact)
    with connect(session, retries=STEADY) as client, meter(session.environ) as progress:
        found = client.get_artifact(wanted)
        if not is_pullable(found):
            raise InvalidInput(
                f"{found.name} is not bytes that can be copied from here: it is a {found.kind} of"
                f" type {found.storage_type}.",
                field="ARTIFACT",
            )
        target = f"{uri}{found.name}" if uri.endswith("/") else uri
        project = client.get_project(client.get_build(found.build).project)
        mover = Artifacts.of_worker(client, session.settings, on_transfer=progress)
        with storage_reached():
            mover.copy(found, target, rules_of(project))
    stored = found.packed or found
    if found.packed is not None:
        warn(
            f"{found.name} is stored compressed, and is copied as it is stored:"
            f" {found.packed.compression}."
        )
    copied = artifacts.Copied(
        artifact=found.id, uri=target, checksum=stored.checksum, size_bytes=stored.size_bytes
    )
    show(copied, output, artifacts.copied)


def hold(
    session: Session, output: Format, artifact: str, *, reason: str | None, is_release: bool
) -> None:
    """Hold an artifact, or release it, and print it.

    Raises:
        InvalidInput: Not exactly one of the two was asked for.
    """
    wanted = artifact_id(artifact)
    if (reason is not None) == is_release:
        raise InvalidInput(
            "--reason and --release are both given; use one of the two."
            if is_release
            else "--reason is missing; say why it is held, for whoever wonders later.",
            field="--reason",
            hint="To end a hold: --release",
        )
    with connect(session) as client:
        if is_release:
            changed = client.release_artifact(wanted)
        else:
            changed = client.hold_artifact(
                wanted, checked(HoldCreate, {"reason": reason}, flags=_FLAGS)
            )
        show(changed, output, artifacts.hold_changed)


def delete(session: Session, output: Format, artifact: str, *, reason: str) -> None:
    """Mark an artifact for removal, and print it.

    Raises:
        Refused: A build may need it, or it is held.
    """
    wanted = artifact_id(artifact)
    request = checked(ArtifactDelete, {"reason": reason}, flags=_FLAGS)
    with connect(session) as client:
        show(client.delete_artifact(wanted, request), output, artifacts.deleted)


def _found(
    client: Client, reference: str | int | None, state: int | None, filters: Filters
) -> Iterator[Artifact]:
    if reference is None:
        return client.find_artifacts(**filters)
    if all(value is None for value in filters.values()):
        return client.list_artifacts(reference, state=state)
    build = client.get_build(reference)
    if filters["project"] not in {None, build.project}:
        raise Refused(
            f"Build {build.number} is of project {build.project}, not {filters['project']}.",
            code="other-project",
            field="--project",
            hint="Leave one of the two out.",
        )
    filters["project"] = build.project
    of_project = client.find_artifacts(**filters)
    return (each for each in of_project if each.build == build.number)
