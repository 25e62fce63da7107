"""`/v1/builds/{build}/events`."""

from fastapi import APIRouter

from buildstate_api.events import service
from buildstate_api.rest.deps import PagingDep, ReadingBuild
from buildstate_api.rest.params import BuildPath
from buildstate_core.models import Event, Page

router = APIRouter(prefix="/v1/builds", tags=["builds"])


@router.get("/{build}/events")
async def get_events(build: BuildPath, session: ReadingBuild, paging: PagingDep) -> Page[Event]:
    """List what happened to a build, oldest first."""
    return await service.list_events(session, build, paging)
