"""`/v1/artifacts`."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query
from fastapi.responses import JSONResponse
from pydantic import AfterValidator

from buildstate_api.artifacts import service
from buildstate_api.rest.deps import Changing, KeyDep, PagingDep, Reading, WritingDep
from buildstate_api.retention import hold as holding
from buildstate_api.retention import removal
from buildstate_core.models import (
    Artifact,
    ArtifactDelete,
    ArtifactVerified,
    HoldCreate,
    LookedUp,
    Lookup,
    Page,
    Quarantine,
)
from buildstate_core.models.base import Checksum, storable
from buildstate_core.vocabulary import ArtifactStatus

router = APIRouter(prefix="/v1/artifacts", tags=["artifacts"])

ArtifactPath = Annotated[UUID, Path(description="The artifact's id.")]


@router.get("", responses={404: {"description": "There is no such project."}})
async def find_artifacts(  # noqa: PLR0917 - query parameters have names
    session: Reading,
    paging: PagingDep,
    project: Annotated[
        Annotated[str, AfterValidator(storable)] | None,
        Query(max_length=64, description="Only those of this project."),
    ] = None,
    status: Annotated[
        ArtifactStatus | None, Query(description="Only those in this status.")
    ] = None,
    checksum: Annotated[
        Checksum | None, Query(description="Only those with these bytes of their own.")
    ] = None,
    removable: Annotated[
        bool | None,
        Query(description="Only those whose bytes a worker may remove now, or only the others."),
    ] = None,
) -> Page[Artifact]:
    """List artifacts of whatever build, oldest first."""
    return await service.find_artifacts(
        session, paging, project=project, status=status, checksum=checksum, removable=removable
    )


@router.post("/lookup")
async def look_up(body: Lookup, session: Reading) -> LookedUp:
    """Say which objects of a storage anybody needs: what is `unknown` may be removed."""
    return await removal.look_up(session, body)


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


@router.post("/{artifact}/hold", response_model=Artifact)
async def hold(artifact: ArtifactPath, body: HoldCreate, writing: WritingDep) -> JSONResponse:
    """Keep an artifact, whatever the policy; one that was given up is taken back."""
    return await writing.once(
        lambda session: holding.hold(session, artifact, body, writing.api_key_id)
    )


@router.delete("/{artifact}/hold")
async def release(artifact: ArtifactPath, session: Changing, key: KeyDep) -> Artifact:
    """End a hold; there need not be one."""
    return await holding.release(session, artifact, key)


@router.post("/{artifact}/delete", response_model=Artifact)
async def delete(artifact: ArtifactPath, body: ArtifactDelete, writing: WritingDep) -> JSONResponse:
    """Give an artifact up. Refused while it is held, or an open build could resume from it."""
    return await writing.once(
        lambda session: holding.delete(session, artifact, body, writing.api_key_id)
    )


@router.post("/{artifact}/removal", responses={409: {"description": "It may not be removed."}})
async def begin_removal(artifact: ArtifactPath, session: Changing) -> Artifact:
    """Say that its bytes are about to be removed. Refused if they may not be, or not yet."""
    return await removal.begin_removal(session, artifact)


@router.post("/{artifact}/removed", responses={409: {"description": "That was not begun."}})
async def end_removal(artifact: ArtifactPath, session: Changing) -> Artifact:
    """Say that its bytes are gone."""
    return await removal.end_removal(session, artifact)
