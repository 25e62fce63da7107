"""`/v1/artifacts`, and the artifacts of a build."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import AfterValidator

from buildstate_api.artifacts import creating, service
from buildstate_api.rest.deps import PagingDep, Reading, ReadingBuild, WritingDep
from buildstate_api.rest.params import ArtifactPath, BuildPath, StateFilter
from buildstate_core.models import Artifact, ArtifactCreate, ArtifactVerified, Page, Quarantine
from buildstate_core.models.base import Checksum, storable
from buildstate_core.vocabulary import ArtifactStatus

of_build = APIRouter(prefix="/v1/builds", tags=["builds"])
router = APIRouter(prefix="/v1/artifacts", tags=["artifacts"])


@of_build.get("/{build}/artifacts")
async def list_artifacts(
    build: BuildPath,
    session: ReadingBuild,
    paging: PagingDep,
    state: StateFilter = None,
) -> Page[Artifact]:
    """List the artifacts of a build, oldest first."""
    return await service.list_artifacts(session, build, paging, state)


@of_build.post("/{build}/artifacts", status_code=201, response_model=Artifact)
async def create_artifact(
    build: BuildPath, body: ArtifactCreate, writing: WritingDep
) -> JSONResponse:
    """Record an artifact that is somewhere already. Refused while another worker has the state."""
    return await writing.once(
        lambda session: creating.create_artifact(session, build, body), status_code=201
    )


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
