"""What people decide: at the build, or the artifact, that it is about."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from buildstate_api.interventions import service
from buildstate_api.interventions.revoking import revoke
from buildstate_api.rest.deps import PagingDep, ReadingBuild, WritingDep
from buildstate_api.rest.params import ArtifactPath, BuildPath
from buildstate_core.models import (
    Adopt,
    Attempt,
    Build,
    Cancel,
    Force,
    Intervention,
    Page,
    Plan,
    Revocation,
    Revoke,
    Waive,
)

router = APIRouter(prefix="/v1", tags=["interventions"])


@router.get("/builds/{build}/interventions")
async def list_interventions(
    build: BuildPath, session: ReadingBuild, paging: PagingDep
) -> Page[Intervention]:
    """List what people decided about a build, oldest first."""
    return await service.list_interventions(session, build, paging)


@router.post("/builds/{build}/waive", status_code=201, response_model=Attempt)
async def waive(build: BuildPath, body: Waive, writing: WritingDep) -> JSONResponse:
    """Waive a milestone: it is not needed. Refused while a worker has it."""
    return await writing.once(
        lambda session: service.waive(session, build, body, writing.api_key_id), status_code=201
    )


@router.post("/builds/{build}/adopt", status_code=201, response_model=Attempt)
async def adopt(build: BuildPath, body: Adopt, writing: WritingDep) -> JSONResponse:
    """Make something that exists already what a state left. Refused while a worker has it."""
    return await writing.once(
        lambda session: service.adopt(session, build, body, writing.api_key_id), status_code=201
    )


@router.post("/builds/{build}/force", response_model=Plan)
async def force(build: BuildPath, body: Force, writing: WritingDep) -> JSONResponse:
    """Have everything from a state on run again; gives what a rerun then does."""
    return await writing.once(
        lambda session: service.force(session, build, body, writing.api_key_id)
    )


@router.post("/builds/{build}/cancel", response_model=Build)
async def cancel(build: BuildPath, body: Cancel, writing: WritingDep) -> JSONResponse:
    """Give a build up. Whoever works on it is told by its next heartbeat."""
    return await writing.once(
        lambda session: service.cancel(session, build, body, writing.api_key_id)
    )


@router.post("/artifacts/{artifact}/revoke", response_model=Revocation)
async def revoke_artifact(
    artifact: ArtifactPath, body: Revoke, writing: WritingDep
) -> JSONResponse:
    """Take an artifact, and what was made from it, out of use for good; in derived builds too."""
    return await writing.once(lambda session: revoke(session, artifact, body, writing.api_key_id))
