"""`bldst artifact push`: upload files and folders, and record each as an artifact."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Final

from buildstate_cli import times
from buildstate_cli.artifact import view as artifacts
from buildstate_cli.artifact.create import Target, request
from buildstate_cli.artifact.upload import (
    existing_path,
    place_in_workspace,
    recorded,
    stand_in,
)
from buildstate_cli.connection import connect
from buildstate_cli.options import Format
from buildstate_cli.output import formats
from buildstate_cli.output.messages import notice
from buildstate_cli.output.progress import meter
from buildstate_cli.output.show import show
from buildstate_cli.session import Session
from buildstate_cli.validation import build_reference, checked_value
from buildstate_core.errors import InvalidInput
from buildstate_core.locations import upload_of
from buildstate_core.models import Artifact, ArtifactRecord, Build
from buildstate_core.models.projects import StorageUrl
from buildstate_worker.artifacts import Artifacts
from buildstate_worker.blobs import Blob, Spot, name_of, rules_of
from buildstate_worker.client import STEADY, Client
from buildstate_worker.storage_options import StorageOptions

_PATH: Final = "PATH"


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
        request(target, stand_in(blob.name))
    with connect(session, retries=STEADY) as client, meter(session.environ) as progress:
        mover = Artifacts.of_worker(client, session.settings, on_transfer=progress)
        build = client.get_build(reference)
        rules = rules_of(client.get_project(build.project))
        spot = _spot(client, build, target)
        mover.check_places(blobs, spot, rules)

        def send(record: ArtifactRecord) -> Artifact:
            return client.create_artifact(build.number, request(target, record))

        pushed = []
        for blob in blobs:
            record = mover.push(blob, spot, rules)
            pushed.append(recorded(mover, record, send))
            size, digest = formats.size(record.size_bytes), record.checksum
            notice(f"{blob.path.name}: {size}, {digest}, stored at {record.uri}")
    show(pushed, output, artifacts.pushed)


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
            f"--expires is {expires}, which is in the past; use a time in the future.",
            field="--expires",
        )
    found: dict[str, Blob] = {}
    for path in paths:
        full = existing_path(
            path,
            argument=_PATH,
            hint="Name an existing file or folder. To record what is somewhere already: bldst"
            " artifact create BUILD STATE --uri URI",
        )
        blob = Blob(
            name=name or name_of(full),
            path=full,
            place=place_in_workspace(full),
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


def _spot(client: Client, build: Build, target: Target) -> Spot:
    """Return the place of a live claim's attempt, or one that nothing else has."""
    attempt = upload_of(build.id, "pushed")
    if target.token is not None:
        live = (
            str(each.id)
            for each in client.history(build.number)
            if each.status.is_live and (each.state, each.lane) == (target.state, target.lane)
        )
        attempt = next(live, attempt)
    return Spot(build=build.number, state=target.state, lane=target.lane, attempt=attempt)
