"""`/v1/projects`."""

from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Response
from fastapi.responses import JSONResponse
from sqlalchemy.ext.asyncio import AsyncSession

from buildstate_api.projects import service
from buildstate_api.rest.deps import PagingDep, Reading, WritingDep
from buildstate_api.rest.params import ProjectPath
from buildstate_core.models import (
    Catalog,
    CatalogSet,
    CatalogState,
    Page,
    Project,
    ProjectCreate,
    ProjectUpdate,
)

router = APIRouter(prefix="/v1/projects", tags=["projects"])

IfMatch = Annotated[
    str | None,
    Header(
        pattern=r'^(\*|(W/)?"?[0-9]{1,9}"?)$',
        description="Only if it is still at this ETag.",
        examples=['"1"'],
    ),
]

ApplyToOpen = Annotated[
    bool,
    Query(description="Also for the builds that still take work; else they keep theirs."),
]


@router.post("", status_code=201, response_model=Project)
async def create_project(body: ProjectCreate, writing: WritingDep) -> JSONResponse:
    """Create a project. Without `states` it begins with the default catalogue."""
    return await writing.once(
        lambda session: service.create_project(session, body), status_code=201
    )


@router.get("")
async def list_projects(session: Reading, paging: PagingDep) -> Page[Project]:
    """List the projects by name."""
    return await service.list_projects(session, paging)


@router.get("/{project}")
async def get_project(project: ProjectPath, session: Reading, response: Response) -> Project:
    """Get a project; its ETag is for `If-Match`."""
    found, revision = await service.get_project(session, project)
    response.headers["ETag"] = f'"{revision}"'
    return found


@router.patch("/{project}", response_model=Project)
async def update_project(
    project: ProjectPath, body: ProjectUpdate, writing: WritingDep, if_match: IfMatch = None
) -> JSONResponse:
    """Change what is said of a project; what is left out stays. Its ETag is for `If-Match`."""
    wanted, revision = _version(if_match), None

    async def update(session: AsyncSession) -> Project:
        nonlocal revision
        found, revision = await service.update_project(session, project, body, if_revision=wanted)
        return found

    answer = await writing.once(update)
    if revision is not None:  # else it was answered before, and may have been changed since
        answer.headers["ETag"] = f'"{revision}"'
    return answer


@router.get("/{project}/catalog")
async def get_catalog(project: ProjectPath, session: Reading, response: Response) -> Catalog:
    """Get the newest version of a project's catalogue; its ETag is for `If-Match`."""
    catalog = await service.get_catalog(session, project)
    response.headers["ETag"] = f'"{catalog.version}"'
    return catalog


@router.get("/{project}/catalog/versions")
async def list_catalogs(project: ProjectPath, session: Reading, paging: PagingDep) -> Page[Catalog]:
    """List every version of a project's catalogue, newest first."""
    return await service.list_catalogs(session, project, paging)


@router.get("/{project}/catalog/versions/{version}")
async def get_catalog_version(
    project: ProjectPath, version: Annotated[int, Path(ge=1)], session: Reading
) -> Catalog:
    """Get one version of a project's catalogue."""
    return await service.get_catalog(session, project, version)


@router.put("/{project}/catalog", response_model=Catalog)
async def set_catalog(
    project: ProjectPath,
    body: CatalogSet,
    writing: WritingDep,
    *,
    apply_to_open: ApplyToOpen = False,
    if_match: IfMatch = None,
) -> JSONResponse:
    """Give a project a new version of its catalogue. Builds keep the one they began with."""
    version = _version(if_match)
    return await writing.once(
        lambda session: service.set_catalog(
            session, project, body.states, if_version=version, apply_to_open=apply_to_open
        )
    )


@router.post("/{project}/catalog/states", status_code=201, response_model=Catalog)
async def insert_state(
    project: ProjectPath,
    body: CatalogState,
    writing: WritingDep,
    *,
    apply_to_open: ApplyToOpen = False,
    if_match: IfMatch = None,
) -> JSONResponse:
    """Insert a state, as a new version of the catalogue. No existing number changes meaning."""
    version = _version(if_match)
    return await writing.once(
        lambda session: service.insert_state(
            session, project, body, if_version=version, apply_to_open=apply_to_open
        ),
        status_code=201,
    )


def _version(if_match: str | None) -> int | None:
    if if_match is None or if_match == "*":
        return None
    return int(if_match.removeprefix("W/").strip('"'))
