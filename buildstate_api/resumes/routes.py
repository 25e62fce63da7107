"""`/v1/resume-requests`, and asking for one."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from sqlalchemy.ext.asyncio import AsyncSession

from buildstate_api.rest.deps import PagingDep, Reading, WritingDep
from buildstate_api.rest.params import BuildPath
from buildstate_api.resumes import service
from buildstate_core.models import Page, ResumeCreate, ResumeRequest
from buildstate_core.vocabulary import ResumeStatus

router = APIRouter(prefix="/v1", tags=["resume requests"])


@router.post(
    "/builds/{build}/resume",
    status_code=201,
    response_model=ResumeRequest,
    responses={
        200: {"model": ResumeRequest, "description": "One is under way already."},
        409: {"description": "It is being worked on, or nothing could be started again."},
    },
)
async def resume_build(build: BuildPath, body: ResumeCreate, writing: WritingDep) -> JSONResponse:
    """Ask a build's orchestrator to go on, whatever the project's policy is."""
    is_new = True

    async def resume(session: AsyncSession) -> ResumeRequest:
        nonlocal is_new
        request, is_new = await service.resume(session, build, body, api_key_id=writing.api_key_id)
        return request

    return await writing.once(resume, status_code=lambda: 201 if is_new else 200)


@router.get("/resume-requests")
async def list_resume_requests(
    session: Reading,
    paging: PagingDep,
    build: Annotated[
        str | None, Query(max_length=64, description="Only of this one: its number or id.")
    ] = None,
    status: ResumeStatus | None = None,
) -> Page[ResumeRequest]:
    """List requests to resume, newest first."""
    return await service.list_requests(session, paging, build=build, status=status)
