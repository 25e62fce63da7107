"""`/v1/builds`."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import AfterValidator
from sqlalchemy.ext.asyncio import AsyncSession

from buildstate_api.builds import creation, explaining, planning, service
from buildstate_api.rest.deps import PagingDep, ReadingBuild, SettlingDep, Writing, WritingDep
from buildstate_api.rest.params import BuildPath
from buildstate_core.models import (
    Attempt,
    Build,
    BuildCreate,
    BuildDerive,
    Explanation,
    Page,
    Plan,
    Report,
)
from buildstate_core.models.base import storable
from buildstate_core.models.names import BuildKey, LaneName, Trait
from buildstate_core.vocabulary import MAX_STATE, MIN_STATE, TRUNK, BuildStatus

_MAX_NUMBER = 2**31 - 1

router = APIRouter(prefix="/v1/builds", tags=["builds"])

ParentFilter = Annotated[
    str | None, Query(description="The id or number of the build they derive from.", max_length=64)
]
Filter = Annotated[Annotated[str, AfterValidator(storable)] | None, Query(max_length=500)]


@router.post(
    "",
    status_code=201,
    response_model=Build,
    responses={
        200: {"model": Build, "description": "The build with this key existed already."},
        404: {"description": "There is no such project, or no such build to derive from."},
    },
)
async def create_build(body: BuildCreate, writing: WritingDep) -> JSONResponse:
    """Create a build, or get the one that its key means already (200)."""
    return await _created(writing, lambda session: creation.create_build(session, body))


@router.post(
    "/{build}/derive",
    status_code=201,
    response_model=Build,
    responses={200: {"model": Build, "description": "This derived build existed already."}},
)
async def derive_build(build: BuildPath, body: BuildDerive, writing: WritingDep) -> JSONResponse:
    """Start a build from a checkpoint of another; what is left out is as in that one."""
    return await _created(writing, lambda session: creation.derive_build(session, build, body))


@router.get("")
async def list_builds(  # noqa: PLR0917 - query parameters have names
    settling: SettlingDep,
    paging: PagingDep,
    project: Filter = None,
    platform: Trait | None = None,
    key: BuildKey | None = None,
    status: BuildStatus | None = None,
    derived_from: ParentFilter = None,
) -> Page[Build]:
    """List builds, newest first."""
    filters = {"project": project, "platform": platform, "key": key, "status": status}
    wanted = {name: value for name, value in filters.items() if value is not None}

    async def read() -> Page[Build]:
        return await service.list_builds(
            settling.session, paging, wanted, derived_from=derived_from
        )

    page = await read()
    while await settling.settle([each.id for each in page.items]):
        page = await read()
    return page


@router.get("/{build}")
async def get_build(build: BuildPath, session: ReadingBuild) -> Build:
    """Get a build."""
    return await service.get_build(session, build)


@router.get("/{build}/history")
async def get_history(
    build: BuildPath,
    session: ReadingBuild,
    paging: PagingDep,
    *,
    inherited: Annotated[
        bool, Query(description="Those that the build derives from, too; `build` says whose.")
    ] = False,
) -> Page[Attempt]:
    """List every attempt of a build, oldest first."""
    return await service.get_history(session, build, paging, with_inherited=inherited)


@router.get("/{build}/plan")
async def get_plan(build: BuildPath, session: ReadingBuild) -> Plan:
    """Return what a rerun of a build would do with each milestone, and why."""
    return await planning.get_plan(session, build)


@router.get("/{build}/explain")
async def explain(
    build: BuildPath,
    session: ReadingBuild,
    state: Annotated[int, Query(ge=MIN_STATE, le=MAX_STATE, description="The milestone's state.")],
    lane: Annotated[LaneName, Query(description="Its lane; empty for the trunk.")] = TRUNK,
    attempt: Annotated[
        int | None,
        Query(ge=1, le=_MAX_NUMBER, description="Why this attempt was run; else of a rerun."),
    ] = None,
) -> Explanation:
    """Return why a milestone was run, or what a rerun would do with it, part by part."""
    return await explaining.explain(session, build, state, lane, attempt)


@router.post("/{build}/reports", status_code=201, response_model=Attempt)
async def report(build: BuildPath, body: Report, writing: WritingDep) -> JSONResponse:
    """Report about a milestone without a claim. An older report never overwrites a newer one."""
    return await writing.once(lambda session: service.report(session, build, body), status_code=201)


async def _created(
    writing: Writing, make: Callable[[AsyncSession], Awaitable[tuple[Build, bool]]]
) -> JSONResponse:
    """Answer 201 for what is new, and 200 for what was there."""
    is_new = True

    async def create(session: AsyncSession) -> Build:
        nonlocal is_new
        build, is_new = await make(session)
        return build

    return await writing.once(create, status_code=lambda: 201 if is_new else 200)
