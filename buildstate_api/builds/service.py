"""Builds: read, and reported on."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from buildstate_api.attempts import lifecycle
from buildstate_api.attempts.queries import attempt, attempts_after
from buildstate_api.attempts.reports import place
from buildstate_api.builds import queries
from buildstate_api.paging import Paging, moment, number
from buildstate_api.projects.queries import project_by_name
from buildstate_api.tables import BuildRow
from buildstate_api.views import attempt_view, build_view
from buildstate_core.errors import InvalidInput
from buildstate_core.models import Attempt, Build, Page, Report
from buildstate_core.rules.attempts import REPORTABLE
from buildstate_core.vocabulary import AttemptStatus


async def get_build(session: AsyncSession, ref: str) -> Build:
    """Get one build."""
    return build_view(await lifecycle.find(session, ref))


async def list_builds(
    session: AsyncSession,
    paging: Paging,
    filters: Mapping[str, str],
    *,
    derived_from: str | None = None,
) -> Page[Build]:
    """List builds, newest first.

    Args:
        session: The transaction.
        paging: Which page.
        filters: Column to value; `project` is the project's name.
        derived_from: Only those that derive from this build.
    """
    wanted: dict[str, str | UUID] = dict(filters)
    if "project" in wanted:
        # Its id first: beside a join, the list would be taken from the builds of all projects.
        project = await project_by_name(session, filters["project"])
        if project is None:
            return Page(items=())
        del wanted["project"]
        wanted["project_id"] = project.id
    if derived_from is not None:
        parent = await lifecycle.find(session, derived_from, field="derived_from")
        wanted["derived_from"] = parent.id
    start = paging.start(number)
    found = await queries.builds_before(
        session, start[0] if start else None, paging.limit + 1, wanted
    )
    rows, cursor = paging.cut(found, lambda row: (row.number,))
    return Page(items=tuple(build_view(row) for row in rows), next_cursor=cursor)


async def get_history(
    session: AsyncSession, ref: str, paging: Paging, *, with_inherited: bool
) -> Page[Attempt]:
    """List every attempt of a build, oldest first; those that it inherited too, if wanted."""
    build = await lifecycle.find(session, ref)
    start = paging.start(moment, UUID)
    after = (start[0], start[1]) if start else None
    found = await attempts_after(
        session, build.id, after, paging.limit + 1, with_inherited=with_inherited
    )
    rows, cursor = paging.cut(found, lambda row: (row.as_of, row.id))
    return Page(items=tuple(attempt_view(build, row) for row in rows), next_cursor=cursor)


async def report(session: AsyncSession, ref: str, wanted: Report) -> Attempt:
    """Record a plain report.

    An older report never overwrites a newer one; it is kept in the history.

    Raises:
        InvalidInput: The status is not one to report, or an artifact comes without completion.
        Held: A worker holds the milestone under a claim.
        Conflict: The build takes no more reports.
    """
    _check(wanted)
    build = await lifecycle.find(session, ref, lock=True)
    now = await lifecycle.mark_lost(session, build)
    closed = lifecycle.why_closed(build, for_lane=wanted.lane)
    if closed is not None:
        raise lifecycle.closed(build, closed)
    row = await place(session, build, wanted, now)
    return await _fresh(session, build, row.id)


def _check(wanted: Report) -> None:
    if wanted.status not in REPORTABLE:
        raise InvalidInput(
            f"status is {wanted.status}, which is not for a report to say; "
            f"use one of {', '.join(REPORTABLE)}.",
            code="invalid-value",
            field="status",
        )
    if wanted.artifacts and wanted.status is not AttemptStatus.COMPLETED:
        raise InvalidInput(
            f"artifacts come with status completed only, not with {wanted.status}.",
            code="invalid-value",
            field="artifacts",
        )


async def _fresh(session: AsyncSession, build: BuildRow, attempt_id: UUID) -> Attempt:
    row = await attempt(session, attempt_id)
    assert row is not None  # noqa: S101 - written in this transaction
    return attempt_view(build, row)
