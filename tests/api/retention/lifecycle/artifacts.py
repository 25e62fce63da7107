"""An artifact's way, step by step."""

from typing import Any
from uuid import UUID

from support import Service, image

from buildstate_core.models import (
    Artifact,
    ArtifactCreate,
    ArtifactDelete,
    ArtifactRecord,
    Build,
    Cancel,
    HoldCreate,
)
from buildstate_core.vocabulary import ArtifactKind

VALUE = ArtifactRecord(
    name="facts", kind=ArtifactKind.VALUE, storage_type="value", metadata={"value": 1}
)
HANDLE = ArtifactRecord(name="ami", kind=ArtifactKind.HANDLE, storage_type="ami", uri="ami-0abc")


def made(service: Service, build: Build, state: int, *artifacts: ArtifactRecord) -> list[Artifact]:
    content = f"{build.number}/{state}"
    left = artifacts or (image(content=content),)
    return list(service.complete(service.claim(build, state), *left).artifacts)


def create(service: Service, build: Build, state: int, **fields: Any) -> Artifact:
    record = image(**fields.pop("image", {"content": f"{build.number}"})).model_dump()
    return service.client.create_artifact(
        build.number, ArtifactCreate.model_validate(record | {"state": state} | fields)
    )


def hold(service: Service, artifact: Artifact, reason: str = "a customer asks") -> Artifact:
    return service.client.hold_artifact(artifact.id, HoldCreate(reason=reason))


def delete(service: Service, artifact: Artifact) -> Artifact:
    return service.client.delete_artifact(artifact.id, ArtifactDelete(reason="not needed"))


def given_up(service: Service, build: Build) -> Artifact:
    """An artifact that nobody needs, marked and due."""
    [artifact] = made(service, build, 25)
    return give_up(service, build, artifact)


def give_up(service: Service, build: Build, artifact: Artifact) -> Artifact:
    """End a build, and have what it left marked and due."""
    service.client.cancel_build(build.number, Cancel(reason="called off"))
    delete(service, artifact)
    return due(service, artifact)


def due(service: Service, artifact: Artifact) -> Artifact:
    service.query(
        "UPDATE artifacts SET removable_at = clock_timestamp() - interval '1 second' WHERE id = %s",
        artifact.id,
    )
    return service.client.get_artifact(artifact.id)


def events(service: Service, build: Build) -> list[str]:
    page = service.request("GET", f"/v1/builds/{build.number}/events?limit=200").json
    return [each["type"] for each in page["items"] if each["type"].startswith("artifact.")]


def removable(service: Service, project: str) -> list[UUID]:
    return [each.id for each in service.client.find_artifacts(project=project, removable=True)]
