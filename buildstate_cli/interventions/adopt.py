"""`bldst adopt`: record something that exists already as what a state left."""

import re
from dataclasses import dataclass
from typing import Final

from buildstate_cli.artifact.storage_flags import file_name, inferred_type
from buildstate_cli.artifact.upload import (
    existing_path,
    place_in_workspace,
    recorded,
    stand_in,
)
from buildstate_cli.connection import connect
from buildstate_cli.interventions import view as interventions
from buildstate_cli.options import Format
from buildstate_cli.output.progress import meter
from buildstate_cli.output.show import show
from buildstate_cli.session import Session
from buildstate_cli.validation import build_reference, checked
from buildstate_core.errors import InvalidInput
from buildstate_core.locations import ARTIFACT_NAME, upload_of
from buildstate_core.models import Adopt, ArtifactRecord, Attempt
from buildstate_core.vocabulary import ArtifactKind
from buildstate_worker.artifacts import Artifacts
from buildstate_worker.blobs import Blob, Spot, name_of, rules_of
from buildstate_worker.client import STEADY, Client
from buildstate_worker.handles import Probes

_ARGUMENT: Final = "PATH_OR_URI"
_NAMED: Final = re.compile(rf"(?:(?P<name>{ARTIFACT_NAME})=)?(?P<what>.+)", re.DOTALL)
_FLAGS: Final = {
    "uri": _ARGUMENT,
    "storage_type": "--handle",
    "size_bytes": "--size",
    "checksum": "--checksum",
}


@dataclass(frozen=True, kw_only=True)
class Found:
    """What was typed about the thing to adopt; `None` where nothing was."""

    text: str
    handle: str | None = None
    checksum: str | None = None
    size_bytes: int | None = None


def adopt(session: Session, output: Format, build: str, found: Found, **values: object) -> None:
    """Record something as what a milestone left, uploading it if it is here, and print that."""
    reference = build_reference(build)
    source = _source(found)
    # Checked in full before anything is uploaded; a stand-in tells as much as the record will.
    record = source if isinstance(source, ArtifactRecord) else stand_in(source.name)
    request = checked(Adopt, {**values, "artifacts": (record,)})
    with connect(session, retries=STEADY) as client:
        if isinstance(source, ArtifactRecord):
            seen = Probes(session.settings.probes).identified(source)
            adopted = client.adopt(reference, request.model_copy(update={"artifacts": (seen,)}))
        else:
            adopted = _uploaded(session, client, reference, source, request)
    show(adopted, output, interventions.adopted)


def _source(found: Found) -> Blob | ArtifactRecord:
    """Return what was typed: a file here to upload, or the record of a URI or an id.

    Raises:
        InvalidInput: It is none of these, or an option does not fit.
    """
    match = _NAMED.fullmatch(found.text)
    if match is None:
        raise InvalidInput(
            f'{_ARGUMENT} is "{found.text}"; name a file, a folder, a URI or an id.',
            field=_ARGUMENT,
        )
    name, what = match["name"], match["what"]
    if found.handle is not None:
        return _record(found, ArtifactKind.HANDLE, what, name, storage_type=found.handle)
    if "://" in what:
        return _record(
            found, ArtifactKind.BLOB, what, name, storage_type=inferred_type(what, flag=_ARGUMENT)
        )
    for flag, value in (("--checksum", found.checksum), ("--size", found.size_bytes)):
        if value is not None:
            raise InvalidInput(
                f"{flag} is given, but {what} is a path: its size and digest are measured.",
                field=flag,
                hint="Leave it out, or name where the artifact is by a URI: s3://bucket/image",
            )
    return _blob(what, name)


def _record(
    found: Found, kind: ArtifactKind, uri: str, name: str | None, *, storage_type: str
) -> ArtifactRecord:
    values = {
        "name": name or file_name(uri),
        "kind": kind,
        "storage_type": storage_type,
        "uri": uri,
        "size_bytes": found.size_bytes,
        "checksum": found.checksum,
    }
    return checked(ArtifactRecord, values, flags=_FLAGS)


def _blob(path: str, name: str | None) -> Blob:
    """Return a file or folder to upload; a restore puts it back where it is in the workspace."""
    full = existing_path(
        path,
        argument=_ARGUMENT,
        hint="Name an existing file or folder, a URI (s3://bucket/image.qcow2), or with --handle"
        " an id.",
    )
    return Blob(name=name or name_of(full), path=full, place=place_in_workspace(full))


def _uploaded(
    session: Session, client: Client, build: str | int, blob: Blob, request: Adopt
) -> Attempt:
    """Upload a file or folder to a place of its own, and record it."""
    progress = meter(session.environ)
    mover = Artifacts.of_worker(client, session.settings, on_transfer=progress)
    found = client.get_build(build)
    attempt = upload_of(found.id, "adopted")
    spot = Spot(build=found.number, state=request.state, lane=request.lane, attempt=attempt)
    with progress:
        record = mover.push(blob, spot, rules_of(client.get_project(found.project)))

    def send(record: ArtifactRecord) -> Attempt:
        return client.adopt(found.number, request.model_copy(update={"artifacts": (record,)}))

    return recorded(mover, record, send)
