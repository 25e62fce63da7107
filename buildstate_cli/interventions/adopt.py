"""`bldst adopt`: something that exists already becomes what a state left."""

import os
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from pydantic import ValidationError

from buildstate_cli.artifact.storage_flags import file_name, inferred_type
from buildstate_cli.checking import build_reference, checked
from buildstate_cli.connection import connect
from buildstate_cli.interventions import view as decisions
from buildstate_cli.options import Format
from buildstate_cli.output.messages import notice
from buildstate_cli.output.progress import meter
from buildstate_cli.output.show import show
from buildstate_cli.session import Session
from buildstate_core.errors import BuildStateError, InvalidInput, NotAllowed, Unreachable
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
    stand_in = source if isinstance(source, ArtifactRecord) else _stand_in(source)
    request = checked(Adopt, {**values, "artifacts": (stand_in,)})
    with connect(session, retries=STEADY) as client:
        if isinstance(source, ArtifactRecord):
            seen = Probes(session.settings.probes).identified(source)
            adopted = client.adopt(reference, request.model_copy(update={"artifacts": (seen,)}))
        else:
            adopted = _uploaded(session, client, reference, source, request)
    show(adopted, output, decisions.adopted)


def _source(found: Found) -> Blob | ArtifactRecord:
    """Tell a file here from a URI and from the id of something else.

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
                f"{flag} is given, but {what} is a path, which is read: both are measured then.",
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
    """Take a file or folder as it is; a restore puts it back where it is in the workspace."""
    folder = Path.cwd()
    full = Path(os.path.normpath(folder / path))
    if not full.exists():
        raise InvalidInput(
            f'{_ARGUMENT} is "{path}", which is not there.',
            field=_ARGUMENT,
            hint="Name an existing file or folder, a URI (s3://bucket/image.qcow2), or with"
            " --handle an id.",
        )
    is_inside = full != folder and full.is_relative_to(folder)
    place = PurePosixPath(full.relative_to(folder)) if is_inside else None
    return Blob(name=name or name_of(full), path=full, place=place)


def _stand_in(blob: Blob) -> ArtifactRecord:
    return ArtifactRecord(name=blob.name, storage_type="file", uri="/")


def _uploaded(
    session: Session, client: Client, build: str | int, blob: Blob, request: Adopt
) -> Attempt:
    """Upload a file or folder to a place of its own, then record it; undone if that is refused."""
    told = meter(session.environ)
    mover = Artifacts.of_worker(client, session.settings, on_transfer=told)
    found = client.get_build(build)
    attempt = upload_of(found.id, "adopted")
    spot = Spot(build=found.number, state=request.state, lane=request.lane, attempt=attempt)
    with told:
        record = mover.push(blob, spot, rules_of(client.get_project(found.project)))
    try:
        return client.adopt(found.number, request.model_copy(update={"artifacts": (record,)}))
    except (Unreachable, NotAllowed):
        # It may have been recorded all the same, by a try whose answer was lost, so that the
        # upload must stay.
        notice(f"bldst: {record.uri} was uploaded, and is left there: it may be recorded.")
        raise
    except (BuildStateError, ValidationError):
        mover.discard(record)
        raise
