"""Builds: created from nothing, or derived from a checkpoint of another one."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from buildstate_api.attempts import lifecycle
from buildstate_api.attempts.queries import lock_builds
from buildstate_api.builds import inheritance, queries, same_build
from buildstate_api.builds.inheritance import Start
from buildstate_api.outbox import emit
from buildstate_api.projects import service as projects
from buildstate_api.tables import BuildRow, ProjectRow
from buildstate_api.views import build_view
from buildstate_core.errors import InvalidInput
from buildstate_core.models import Build, BuildCreate, BuildDerive


async def create_build(session: AsyncSession, wanted: BuildCreate) -> tuple[Build, bool]:
    """Create a build, or find the one that its key means already.

    Returns:
        The build, and whether it is new.

    Raises:
        InvalidInput: It says where to start, and not of which build.
        Conflict: The key is that of another build than the request describes; or it is to derive
            from one, and cannot.
    """
    start = None
    if wanted.derived_from is None and (wanted.derived_state is not None or wanted.derived_lane):
        raise InvalidInput(
            "derived_state and derived_lane say where in another build to start, and derived_from,"
            " which says in which one, is missing.",
            code="invalid-value",
            field="derived_from",
            hint="Add it, as a number, an id or PROJECT/KEY, or leave the others out.",
        )
    if wanted.derived_from is not None:
        start = Start(wanted.derived_from, wanted.derived_state, wanted.derived_lane)
    return await _create(session, wanted, start, same_build.traits_said(wanted))


async def derive_build(session: AsyncSession, ref: str, wanted: BuildDerive) -> tuple[Build, bool]:
    """Create a build from a checkpoint of another; fields that are left out are as in that one.

    Returns:
        The build, and whether it is new.
    """
    parent = await lifecycle.find(session, ref)
    said = wanted.model_dump(exclude_none=True, exclude={"from_state", "lane"})
    as_before = {
        "project": parent.project.name,
        "version": parent.version,
        "platform": parent.platform,
        "os": parent.os,
        "image_type": parent.image_type,
        "labels": parent.labels,
    }
    child = BuildCreate.model_validate(as_before | said)
    if child.key is None and child.version is None:
        # Without a version, builds derived from different parents would get the same key.
        key = f"{parent.number}/{child.derived_key}"
        child = child.model_copy(update={"key": key})
    start = Start(parent.id, wanted.from_state, wanted.lane, ("build", "from_state", "lane"))
    # What is taken from the parent was not said of the child.
    return await _create(session, child, start, same_build.traits_said(wanted))


async def _create(
    session: AsyncSession, wanted: BuildCreate, start: Start | None, said: Mapping[str, str]
) -> tuple[Build, bool]:
    # With the lock, two workers that start the same build at the same time get the same one.
    project = await projects.find(session, wanted.project, lock=True)
    parent = None if start is None else await inheritance.find_parent(session, start)
    # Without a version nothing tells two builds apart: then each request makes a new one.
    key = wanted.key or (wanted.derived_key if wanted.version else str(uuid7()))
    if parent is not None:
        inheritance.check_apart(parent, project.id, key)
    existing = await queries.build_by_key(session, project.id, key)
    if existing is not None and not wanted.restart:
        same_build.check_same(existing, said, start, parent)
        await _describe(session, existing, said)
        return build_view(existing), False
    await lock_builds(session, {each.id for each in (existing, parent) if each})
    row = _row(project, wanted, key)
    inherited: list[UUID] = []
    if start is not None and parent is not None:
        await lifecycle.mark_lost(session, parent)
        row.derived_state, inherited = await inheritance.inherit(session, parent, start)
        row.derived_from, row.derived_lane = parent.id, start.lane
    if existing is not None:
        existing.superseded_by = row.id
        emit(session, "build.superseded", {"by": str(row.id)}, build_id=existing.id)
        await session.flush()
    return await _added(session, row, inherited), True


async def _describe(session: AsyncSession, existing: BuildRow, said: Mapping[str, str]) -> None:
    """Record what nobody has said of a build before."""
    added = same_build.added(existing, said)
    if not added:
        return
    for name, value in added.items():
        setattr(existing, name, value)
    emit(session, "build.described", added, build_id=existing.id)
    await session.flush()


async def _added(session: AsyncSession, row: BuildRow, inherited: list[UUID]) -> Build:
    session.add(row)
    await session.flush()
    session.add_all(inheritance.inherited_rows(row.id, inherited))
    build = await lifecycle.find(session, row.id)
    data: dict[str, object] = {"project": build.project.name, "key": build.key}
    if build.parent is not None:
        data |= {"derived_from": build.parent.number, "derived_state": build.derived_state}
    emit(session, "build.created", data, build_id=build.id)
    if inherited:
        await lifecycle.derive(session, build)
    return build_view(build)


def _row(project: ProjectRow, wanted: BuildCreate, key: str) -> BuildRow:
    return BuildRow(
        id=uuid7(),
        project_id=project.id,
        catalog_version=project.catalog_version,
        key=key,
        version=wanted.version,
        platform=wanted.platform,
        os=wanted.os,
        image_type=wanted.image_type,
        labels=wanted.labels,
        failure=None,
    )
