"""`/v1/artifacts`."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path
from fastapi.responses import JSONResponse

from buildstate_api.artifacts import service
from buildstate_api.deps import Reading, WritingDep
from buildstate_core.models import Artifact, ArtifactVerified, Quarantine

router = APIRouter(prefix="/v1/artifacts", tags=["artifacts"])

ArtifactPath = Annotated[UUID, Path(description="The artifact's id.")]


@router.get("/{artifact}")
async def get_artifact(artifact: ArtifactPath, session: Reading) -> Artifact:
    """Get an artifact."""
    return await service.get_artifact(session, artifact)


@router.patch("/{artifact}", response_model=Artifact)
async def verify(
    artifact: ArtifactPath, body: ArtifactVerified, writing: WritingDep
) -> JSONResponse:
    """Record the digest of an artifact that had none. A recorded digest never changes."""
    return await writing.once(lambda session: service.verify(session, artifact, body))


@router.post("/{artifact}/quarantine", response_model=Artifact)
async def quarantine(artifact: ArtifactPath, body: Quarantine, writing: WritingDep) -> JSONResponse:
    """Take an artifact out of use because a worker found it gone or corrupt."""
    return await writing.once(lambda session: service.quarantine(session, artifact, body))
