"""Rows as clients see them."""

from collections.abc import Mapping

from buildstate_api.tables import (
    ArtifactRow,
    AttemptRow,
    BuildRow,
    CatalogRow,
    EventRow,
    InterventionRow,
    KeyRow,
    ProjectRow,
)
from buildstate_core import models
from buildstate_core.rules.fingerprints import step_digest_of


def project_view(row: ProjectRow) -> models.Project:
    """Show a project."""
    return models.Project(
        id=row.id,
        name=row.name,
        description=row.description,
        storage_url=row.storage_url,
        catalog_version=row.catalog_version,
        auto_resume=row.auto_resume,
        max_auto_resumes=row.max_auto_resumes,
        compression=row.compression,
        deduplicate=row.deduplicate,
        trace=row.trace,
        allowed_places=row.allowed_places,
        retention=(
            None if row.retention is None else models.Retention.model_validate(row.retention)
        ),
        created_at=row.created_at,
    )


def storage_rules(row: ProjectRow) -> models.StorageRules:
    """Show what a worker has to know of a project before it stores something."""
    return models.StorageRules(
        project=row.name,
        url=row.storage_url,
        compression=row.compression,
        deduplicate=row.deduplicate,
        allowed_places=row.allowed_places,
    )


def catalog_view(project: str, row: CatalogRow) -> models.Catalog:
    """Show one version of a catalogue, its states loaded."""
    return models.Catalog(
        project=project,
        version=row.version,
        created_at=row.created_at,
        states=tuple(
            models.CatalogState(
                code=each.code,
                name=each.name,
                description=each.description,
                color=each.color,
                requires=tuple(each.requires),
                required=each.required,
                expected_seconds=each.expected_seconds,
            )
            for each in row.states
        ),
    )


def build_view(row: BuildRow) -> models.Build:
    """Show a build, its project and catalogue loaded."""
    return models.Build(
        id=row.id,
        number=row.number,
        project=row.project.name,
        key=row.key,
        version=row.version,
        platform=row.platform,
        os=row.os,
        image_type=row.image_type,
        labels=row.labels,
        status=row.status,
        current_state=row.current_state,
        current_state_name=(
            None if row.current_state is None else state_names(row).get(row.current_state)
        ),
        progress=row.frontier,
        frontier=row.frontier,
        peak=row.peak,
        active=tuple(row.active),
        resume_from=row.resume_from,
        lanes=tuple(models.Lane.model_validate(each) for each in row.lanes),
        derived_from=None if row.parent is None else row.parent.number,
        derived_state=row.derived_state,
        derived_lane=row.derived_lane,
        catalog_version=row.catalog_version,
        trace=row.project.trace,
        failure=None if row.failure is None else models.Failure.model_validate(row.failure),
        created_at=row.created_at,
        started_at=row.started_at,
        updated_at=row.updated_at,
        finished_at=row.finished_at,
    )


def state_names(row: BuildRow) -> Mapping[int, str]:
    """Return the names of the states of the catalogue that a build is pinned to."""
    return {each.code: each.name for each in row.catalog.states}


def maker_number(build: BuildRow, row: AttemptRow) -> int:
    """Return the number of the build that an attempt was made in: this one, or one before it."""
    return build.number if row.build_id == build.id else row.build_number


def attempt_view(build: BuildRow, row: AttemptRow) -> models.Attempt:
    """Show an attempt of a build, or one that it inherited; its artifacts loaded."""
    ended = row.ended_at
    number = maker_number(build, row)
    return models.Attempt(
        id=row.id,
        build=number,
        state=row.state,
        state_name=state_names(build).get(row.state),
        lane=row.lane,
        attempt=row.number,
        status=row.status,
        kind=row.kind,
        reason=row.reason,
        message=row.message,
        worker=row.worker,
        started_at=row.started_at,
        finished_at=ended,
        duration_seconds=(
            (ended - row.started_at).total_seconds() if ended and row.started_at else None
        ),
        fingerprint=row.fingerprint,
        artifacts=tuple(artifact_view(number, row, each) for each in row.artifacts),
        compared_with=row.compared_with,
        orchestrator=(
            None if row.orchestrator is None else models.RunBy.model_validate(row.orchestrator)
        ),
        transfer=(
            models.TransferSeen.model_validate(row.transfer | {"at": row.heartbeat_at})
            if row.transfer is not None and ended is None
            else None
        ),
        step_digest=(
            None
            if row.lease_until is None
            else step_digest_of(str(row.id), row.fingerprint, row.identity)
        ),
    )


def artifact_view(build_number: int, attempt: AttemptRow, row: ArtifactRow) -> models.Artifact:
    """Show an artifact of an attempt."""
    return models.Artifact(
        id=row.id,
        build=build_number,
        state=attempt.state,
        lane=attempt.lane,
        name=row.name,
        kind=row.kind,
        storage_type=row.storage_type,
        uri=row.uri,
        size_bytes=row.size_bytes,
        checksum=row.checksum,
        format=row.format,
        compression=row.compression,
        metadata=row.metadata_,
        status=row.status,
        created_at=row.created_at,
        expires_at=row.expires_at,
        attempt=row.attempt_id,
        packed=None if row.packed is None else models.Packed.model_validate(row.packed),
        sensitivity=row.sensitivity,
        hold=None if row.hold is None else models.Hold.model_validate(row.hold),
        removal=_removal(row),
        identity=row.identity,
        status_reason=row.status_reason,
    )


def _removal(row: ArtifactRow) -> models.Removal | None:
    if row.marked_at is None or row.marked_because is None or row.removable_at is None:
        return None
    return models.Removal(
        reason=row.marked_because,
        at=row.marked_at,
        due_at=row.removable_at,
        begun_at=row.removing_at,
        done_at=row.removed_at,
    )


def key_view(row: KeyRow) -> models.Key:
    """Show a key without its secret."""
    return models.Key(
        id=row.id,
        name=row.name,
        prefix=row.prefix,
        created_at=row.created_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
    )


def event_view(build_number: int | None, row: EventRow) -> models.Event:
    """Show an event."""
    return models.Event(id=row.id, build=build_number, type=row.type, at=row.at, data=row.data)


def intervention_view(build_number: int, row: InterventionRow) -> models.Intervention:
    """Show what a person decided, its key loaded."""
    return models.Intervention(
        id=row.id,
        build=build_number,
        kind=row.kind,
        state=row.state,
        lane=row.lane,
        artifact=row.artifact_id,
        reason=row.reason,
        actor=row.api_key.name,
        at=row.at,
    )
