"""Projects, and the versions of their catalogues."""

from collections.abc import Sequence

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from buildstate_api.attempts import lifecycle
from buildstate_api.database import violates
from buildstate_api.outbox import emit
from buildstate_api.paging import Paging, number
from buildstate_api.projects import queries
from buildstate_api.tables import CatalogRow, ProjectRow, StateCodeRow
from buildstate_api.views import catalog_view, project_view
from buildstate_core.catalog import DEFAULT_CATALOG
from buildstate_core.errors import Conflict, NotFound
from buildstate_core.models import (
    Catalog,
    CatalogState,
    Page,
    Project,
    ProjectCreate,
    ProjectUpdate,
    Retention,
)

_MAX_INT = 2**31 - 1
_REMOVABLE = {"storage_url", "retention"}


async def create_project(session: AsyncSession, wanted: ProjectCreate) -> Project:
    """Create a project with its first catalogue; `Conflict` if the name is taken."""
    said = wanted.model_dump(mode="json", include={"allowed_places", "retention"})
    project = ProjectRow(
        id=uuid7(),
        name=wanted.name,
        description=wanted.description,
        storage_url=wanted.storage_url,
        catalog_version=1,
        auto_resume=wanted.auto_resume,
        max_auto_resumes=wanted.max_auto_resumes,
        compression=wanted.compression,
        deduplicate=wanted.deduplicate,
        trace=wanted.trace,
        allowed_places=said["allowed_places"],
        retention=said["retention"],
    )
    session.add(project)
    try:
        await session.flush()
    except IntegrityError as error:
        if violates(error, "projects_name_key"):
            raise Conflict(
                f"There is a project named {wanted.name} already.",
                code="project-exists",
                field="name",
                hint=f"Use it, or choose another name. To see it: bldst project show {wanted.name}",
            ) from error
        raise
    states = wanted.states or tuple(
        CatalogState.model_validate(each, from_attributes=True) for each in DEFAULT_CATALOG
    )
    session.add(_catalog_row(project, 1, states))
    emit(session, "project.created", {"project": wanted.name})
    await session.refresh(project)
    return project_view(project)


async def get_project(session: AsyncSession, name: str) -> tuple[Project, int]:
    """Get one project and its revision."""
    row = await find(session, name)
    return project_view(row), row.revision


async def update_project(
    session: AsyncSession, name: str, wanted: ProjectUpdate, *, if_revision: int | None = None
) -> tuple[Project, int]:
    """Change the given fields of a project; the others stay as they are.

    Only `storage_url` and `retention` can be taken away, by null; of the others null says nothing.
    Of a `retention` only what is said changes.

    Returns:
        The project, and which revision of it this is.

    Raises:
        Conflict: `if_revision` is not the newest any more.
    """
    project = await find(session, name, lock=True)
    if if_revision is not None and if_revision != project.revision:
        raise _changed_since(f"Project {name} is at revision {project.revision}", if_revision)
    said = wanted.model_dump(mode="json", exclude_unset=True)
    if said.get("retention") is not None:
        policy = Retention.model_validate((project.retention or {}) | said["retention"])
        said["retention"] = policy.model_dump(mode="json")
    fresh = {
        field: value
        for field, value in said.items()
        if (value is not None or field in _REMOVABLE) and value != getattr(project, field)
    }
    if fresh:
        for field, value in fresh.items():
            setattr(project, field, value)
        project.revision += 1
        emit(session, "project.changed", {"project": name, "fields": sorted(fresh)})
        await session.flush()
    return project_view(project), project.revision


async def list_projects(session: AsyncSession, paging: Paging) -> Page[Project]:
    """List projects by name."""
    start = paging.start(str)
    found = await queries.projects_after(session, start[0] if start else None, paging.limit + 1)
    rows, cursor = paging.cut(found, lambda row: (row.name,))
    return Page(items=tuple(project_view(row) for row in rows), next_cursor=cursor)


async def get_catalog(session: AsyncSession, name: str, version: int | None = None) -> Catalog:
    """Get the newest version of a project's catalogue, or the one named."""
    project = await find(session, name)
    wanted = project.catalog_version if version is None else version
    row = await queries.catalog(session, project, wanted) if wanted <= _MAX_INT else None
    if row is None:
        raise NotFound(
            f"Project {name} has no version {wanted} of its catalogue.",
            code="catalog-version-not-found",
            field="version",
            hint=f"The newest is {project.catalog_version}.",
        )
    return catalog_view(name, row)


async def list_catalogs(session: AsyncSession, name: str, paging: Paging) -> Page[Catalog]:
    """List every version of a project's catalogue, newest first."""
    project = await find(session, name)
    start = paging.start(_version)
    found = await queries.catalogs_before(
        session, project, start[0] if start else None, paging.limit + 1
    )
    rows, cursor = paging.cut(found, lambda row: (row.version,))
    return Page(items=tuple(catalog_view(name, row) for row in rows), next_cursor=cursor)


async def set_catalog(
    session: AsyncSession,
    name: str,
    states: Sequence[CatalogState],
    *,
    if_version: int | None = None,
    apply_to_open: bool = False,
) -> Catalog:
    """Give a project a new version of its catalogue; builds keep the one they began with.

    With `apply_to_open`, those that still take work get the new one, in the same transaction.

    Raises:
        Conflict: `if_version` is not the newest version any more.
    """
    project = await find(session, name, lock=True)
    _check_version(project, if_version)
    return await _add_version(session, project, states, apply_to_open=apply_to_open)


async def insert_state(
    session: AsyncSession,
    name: str,
    state: CatalogState,
    *,
    if_version: int | None = None,
    apply_to_open: bool = False,
) -> Catalog:
    """Add one state to a project's catalogue, as a new version; see `set_catalog`."""
    project = await find(session, name, lock=True)
    _check_version(project, if_version)
    current = await get_catalog(session, name)
    known = {each.code: each for each in current.states}
    if state.code in known:
        raise Conflict(
            f"State {state.code} of project {name} exists already: {known[state.code].name}.",
            code="state-exists",
            field="code",
            hint="Choose a free code between its neighbours; a code never changes its meaning.",
        )
    later = [code for code in state.requires if code >= state.code]
    if later:
        raise Conflict(
            f"State {state.code} cannot require {later[0]}, which is not before it.",
            code="requirement-not-before",
            field="requires",
            hint="A state requires states with a lower code.",
        )
    missing = [code for code in state.requires if code not in known]
    if missing:
        raise NotFound(
            f"State {missing[0]}, which {state.code} requires, is not in the catalogue.",
            code="state-not-found",
            field="requires",
        )
    states = sorted((*current.states, state), key=lambda each: each.code)
    return await _add_version(session, project, states, apply_to_open=apply_to_open)


async def find(
    session: AsyncSession, name: str, *, lock: bool = False, field: str = "project"
) -> ProjectRow:
    """Find a project by name, or say that there is none."""
    project = await queries.project_by_name(session, name, lock=lock)
    if project is None:
        raise NotFound(
            f"There is no project named {name}.",
            code="project-not-found",
            field=field,
            hint=f"Create it with: bldst project create {name}",
        )
    return project


def _check_version(project: ProjectRow, if_version: int | None) -> None:
    if if_version is not None and if_version != project.catalog_version:
        raise _changed_since(f"The catalogue is at version {project.catalog_version}", if_version)


def _changed_since(what: str, wanted: int) -> Conflict:
    return Conflict(
        f"{what}, not {wanted}.",
        code="precondition-failed",
        field="If-Match",
        hint="Read it again, and apply your change to what it is now.",
    )


async def _add_version(
    session: AsyncSession,
    project: ProjectRow,
    states: Sequence[CatalogState],
    *,
    apply_to_open: bool,
) -> Catalog:
    project.catalog_version += 1
    row = _catalog_row(project, project.catalog_version, states)
    session.add(row)
    data = {"project": project.name, "version": project.catalog_version}
    emit(session, "catalog.changed", data)
    await session.flush()
    await session.refresh(row, ["created_at", "states"])
    if apply_to_open:
        await _move_open_builds(session, project)
    return catalog_view(project.name, row)


async def _move_open_builds(session: AsyncSession, project: ProjectRow) -> None:
    """Give every build that still takes work the newest catalogue, and derive where it stands."""
    version = project.catalog_version
    build_ids = await queries.lock_open_builds(session, project.id)
    await queries.pin_catalog(session, build_ids, version)
    for build_id in build_ids:
        build = await lifecycle.find(session, build_id, lock=True)
        emit(session, "build.catalog_changed", {"version": version}, build_id=build_id)
        await lifecycle.derive(session, build)


def _version(part: str) -> int:
    """Read a version of a cursor; a `ValueError` if no row can have it."""
    value = number(part)
    if value > _MAX_INT:
        raise ValueError(part)
    return value


def _catalog_row(project: ProjectRow, version: int, states: Sequence[CatalogState]) -> CatalogRow:
    return CatalogRow(
        project_id=project.id,
        version=version,
        states=[
            StateCodeRow(
                code=each.code,
                name=each.name,
                description=each.description,
                color=each.color,
                requires=list(each.requires),
                required=each.required,
                expected_seconds=each.expected_seconds,
            )
            for each in states
        ],
    )
