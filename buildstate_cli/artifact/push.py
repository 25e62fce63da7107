"""Artifacts that are made: `push` moves bytes and records them, `create` only records."""

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Final

from buildstate_cli import times
from buildstate_cli.artifact import view as artifacts
from buildstate_cli.artifact.storage_flags import artifact_kind, file_name, inferred_type
from buildstate_cli.artifact.uploads import recorded
from buildstate_cli.checking import build_reference, checked, checked_value, pairs
from buildstate_cli.connection import connect
from buildstate_cli.options import Format
from buildstate_cli.output import formats
from buildstate_cli.output.messages import notice
from buildstate_cli.output.progress import meter
from buildstate_cli.output.show import show
from buildstate_cli.session import Session
from buildstate_core.errors import InvalidInput
from buildstate_core.locations import upload_of
from buildstate_core.models import Artifact, ArtifactCreate, ArtifactRecord, Build
from buildstate_core.models.projects import StorageUrl
from buildstate_core.vocabulary import ArtifactKind
from buildstate_worker.artifacts import Artifacts
from buildstate_worker.blobs import Blob, Spot, name_of, rules_of
from buildstate_worker.client import STEADY, Client
from buildstate_worker.handles import Probes
from buildstate_worker.storage_options import StorageOptions

_PATH: Final = "PATH"
_FLAGS: Final = {
    "uri": "--uri",
    "size_bytes": "--size",
    "state": "STATE",
    "metadata": "--metadata",
    "expires_at": "--expires",
}


@dataclass(frozen=True, kw_only=True)
class Target:
    """Which milestone an artifact is of.

    Attributes:
        build: As typed.
        token: That of a live claim on it.
    """

    build: str
    state: int
    lane: str
    token: str | None


def push(
    session: Session,
    output: Format,
    target: Target,
    paths: Sequence[str],
    *,
    name: str | None,
    options: StorageOptions,
    expires: str | None,
) -> None:
    """Upload files and folders, record each as an artifact, and print them."""
    reference = build_reference(target.build)
    blobs = _blobs(paths, name, options, expires)
    # Checked in full before anything is uploaded; a stand-in tells as much as the record will.
    for blob in blobs:
        _request(target, ArtifactRecord(name=blob.name, storage_type="file", uri="/"))
    with connect(session, retries=STEADY) as client, meter(session.environ) as told:
        mover = Artifacts.of_worker(client, session.settings, on_transfer=told)
        build = client.get_build(reference)
        rules = rules_of(client.get_project(build.project))
        spot = _spot(client, build, target)
        mover.check_places(blobs, spot, rules)
        pushed = []
        for blob in blobs:
            record = mover.push(blob, spot, rules)
            create = partial(_create, client, build, target, record)
            pushed.append(recorded(create, record, mover))
            size, digest = formats.size(record.size_bytes), record.checksum
            notice(f"{blob.path.name}: {size}, {digest}, stored at {record.uri}")
    show(pushed, output, artifacts.pushed)


def create(
    session: Session,
    output: Format,
    target: Target,
    *,
    uri: str | None,
    metadata: Sequence[str],
    expires: str | None,
    **values: object,
) -> None:
    """Record an artifact that is somewhere already, and print it."""
    reference = build_reference(target.build)
    facts = {
        **values,
        "uri": uri,
        "name": values["name"] or (file_name(uri) if uri else None),
        "metadata": pairs(metadata, flag="--metadata") or None,
        "expires_at": times.moment(expires, flag="--expires"),
    }
    facts |= _kind_of(uri, facts)
    request = Probes(session.settings.probes).identified(_request(target, facts))
    with connect(session) as client:
        show(client.create_artifact(reference, request), output, artifacts.one)


def _kind_of(uri: str | None, facts: dict[str, object]) -> dict[str, object]:
    """Tell what was not said of the kind and the storage from the URI.

    Raises:
        InvalidInput: It does not tell them.
    """
    if facts["kind"] == ArtifactKind.VALUE:
        return {"storage_type": facts["storage_type"] or "value"}
    if uri is None:
        raise InvalidInput(
            "--uri is missing; say where the artifact is.",
            field="--uri",
            hint="A small JSON value has none: --kind value --metadata value=…",
        )
    storage_type = str(facts["storage_type"] or inferred_type(uri, flag=_FLAGS["uri"]))
    return {
        "storage_type": storage_type,
        "kind": facts["kind"] or artifact_kind(storage_type, uri, flag=_FLAGS["uri"]),
    }


def _request(target: Target, record: ArtifactRecord | dict[str, object]) -> ArtifactCreate:
    facts = record.model_dump(exclude_unset=True) if isinstance(record, ArtifactRecord) else record
    where = {"state": target.state, "lane": target.lane, "token": target.token}
    return checked(ArtifactCreate, {**facts, **where}, flags=_FLAGS)


def _blobs(
    paths: Sequence[str], name: str | None, options: StorageOptions, expires: str | None
) -> list[Blob]:
    if name is not None and len(paths) > 1:
        raise InvalidInput(
            f'--name is "{name}", but {len(paths)} paths are given; an artifact has a name of its'
            " own.",
            field="--name",
            hint="Push them one by one, or leave it out: each is named as its file.",
        )
    if options.storage is not None:
        checked_value(StorageUrl, options.storage, flag="--storage")
    expires_at = times.moment(expires, flag="--expires")
    if expires_at is not None and expires_at <= datetime.now(UTC):
        raise InvalidInput(
            f"--expires is {expires}, which is over; give a time to come.",
            field="--expires",
        )
    found: dict[str, Blob] = {}
    for path in paths:
        full = Path(os.path.normpath(Path.cwd() / path))
        if not full.exists():
            raise InvalidInput(
                f'{_PATH} is "{path}", which is not there.',
                field=_PATH,
                hint="Name an existing file or folder. To record what is somewhere already: bldst"
                " artifact create BUILD STATE --uri URI",
            )
        blob = Blob(
            name=name or name_of(full),
            path=full,
            place=_place(full),
            expires_at=expires_at,
            **asdict(options),
        )
        if blob.name in found:
            raise InvalidInput(
                f'{_PATH} is "{path}", and another one is named {blob.name}, too; an artifact has'
                " a name of its own.",
                field=_PATH,
                hint="Push them one by one, each with a --name.",
            )
        found[blob.name] = blob
    return list(found.values())


def _place(full: Path) -> PurePosixPath | None:
    """Give where a restore puts it: where it is in the working directory, if it is in there."""
    folder = Path.cwd()
    is_inside = full != folder and full.is_relative_to(folder)
    return PurePosixPath(full.relative_to(folder)) if is_inside else None


def _spot(client: Client, build: Build, target: Target) -> Spot:
    """Give the place of a live claim's attempt, or one that nothing else has."""
    attempt = upload_of(build.id, "pushed")
    if target.token is not None:
        live = (
            str(each.id)
            for each in client.history(build.number)
            if each.status.is_live and (each.state, each.lane) == (target.state, target.lane)
        )
        attempt = next(live, attempt)
    return Spot(build=build.number, state=target.state, lane=target.lane, attempt=attempt)


def _create(client: Client, build: Build, target: Target, record: ArtifactRecord) -> Artifact:
    return client.create_artifact(build.number, _request(target, record))
