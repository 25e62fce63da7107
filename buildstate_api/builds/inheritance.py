"""Where a derived build starts: which build, and which checkpoint of it.

A derived build inherits what its parent shows up to that checkpoint, as it is at that time: what
the parent does later is not the child's. Only the artifacts stay shared, so that one that is lost
or revoked is out of use for both.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from buildstate_api.attempts import lifecycle
from buildstate_api.attempts.history import BuildHistory, load_history
from buildstate_api.builds import queries
from buildstate_api.projects import service as projects
from buildstate_api.tables import AttemptRow, BuildRow, InheritedAttemptRow
from buildstate_core.errors import Conflict, Held, NotFound
from buildstate_core.rules.facts import AttemptFact
from buildstate_core.rules.progress import resume_point
from buildstate_core.vocabulary import TRUNK, ArtifactStatus


@dataclass(frozen=True)
class Start:
    """Where a derived build is to start.

    Attributes:
        ref: The parent, as it was named.
        state: The checkpoint; `None` for the resume point.
        lane: The parent's lane.
        fields: How the request calls these three, for errors.
    """

    ref: str | UUID
    state: int | None
    lane: str
    fields: tuple[str, str, str] = ("derived_from", "derived_state", "derived_lane")


async def find_parent(session: AsyncSession, start: Start) -> BuildRow:
    """Find the parent by its number, id, PROJECT/KEY or PROJECT/VERSION."""
    field = start.fields[0]
    project_name, slash, name = str(start.ref).partition("/")
    if not slash:
        return await lifecycle.find(session, start.ref, field=field)
    project = await projects.find(session, project_name, field=field)
    found = await queries.build_by_key(session, project.id, name)
    if found is not None:
        return found
    named = await queries.builds_of_version(session, project.id, name)
    if len(named) == 1:
        return named[0]
    if named:
        several = ", ".join(f"{each.number} ({each.key})" for each in named)
        raise Conflict(
            f"Project {project_name} has {len(named)} builds of version {name[:80]!r}: {several}.",
            code="ambiguous-build",
            field=field,
            hint="Say which: PROJECT/KEY, or its number.",
        )
    raise NotFound(
        f"Project {project_name} has no build with the key or version {name[:80]!r}.",
        code="build-not-found",
        field=field,
        hint=f"To see what it has: bldst build list --project {project_name}",
    )


def difference_in_origin(existing: BuildRow, parent: BuildRow, start: Start) -> dict[str, str]:
    """Return in what an existing build starts from elsewhere than a request wants.

    A state that the request leaves open fits any: the parent may have come further since.

    Returns:
        The field of the request, and a sentence with both origins; empty if they are the same.
    """
    is_same = (
        existing.derived_from == parent.id,
        start.state in {None, existing.derived_state},
        existing.derived_lane == start.lane,
    )
    if all(is_same):
        return {}
    wanted = _place(start.state, start.lane, parent.number)
    return {start.fields[is_same.index(False)]: f"it starts from {_origin(existing)}, not {wanted}"}


def check_apart(parent: BuildRow, project_id: UUID, key: str) -> None:
    """Refuse a derived build that would be its own parent."""
    if (parent.project_id, parent.key, parent.superseded_by) == (project_id, key, None):
        raise Conflict(
            f"The derived build would have the key {key!r} of build {parent.number}, from which it"
            " derives.",
            code="derived-key-taken",
            field="key",
            hint="Say in what it differs: give it a platform, version or key of its own"
            " (--platform, --version, --key).",
        )


async def inherit(session: AsyncSession, parent: BuildRow, start: Start) -> tuple[int, list[UUID]]:
    """Find what a build that starts from a locked parent inherits.

    A report that was left open is not among it: what the parent says of that later is about
    the parent.

    Returns:
        The checkpoint's state, and the attempts up to it.

    Raises:
        NotFound: The parent has no such lane.
        Held: Something below the checkpoint is being made anew at this moment.
        Conflict: It is no checkpoint that can be used.
    """
    known = await load_history(session, parent)
    lanes = known.history.lanes
    if start.lane != TRUNK and start.lane not in lanes:
        raise lifecycle.no_lane(parent, start.lane, lanes, field=start.fields[2])
    view = known.history.view(start.lane)
    last = resume_point(view)
    state = start.state if start.state is not None or last is None else last.state
    cut = {each: attempt for each, attempt in view.items() if state is None or each <= state}
    checkpoint = resume_point(cut)
    if state is None or checkpoint is None or checkpoint.state != state:
        raise _no_checkpoint(parent, view, start, known)
    held = next((each for each in cut.values() if each.status.is_live and each.is_claimed), None)
    if held is not None:
        raise _held(parent, known.row(held), start)
    return state, [UUID(each.id) for each in cut.values() if not each.status.is_live]


def inherited_rows(child: UUID, attempts: list[UUID]) -> list[InheritedAttemptRow]:
    """Make the rows by which a build keeps what it inherits."""
    return [InheritedAttemptRow(build_id=child, attempt_id=each) for each in attempts]


def _origin(build: BuildRow) -> str:
    if build.parent is None:
        return "nothing"
    return _place(build.derived_state, build.derived_lane or TRUNK, build.parent.number)


def _place(state: int | None, lane: str, number: int) -> str:
    where = "the resume point" if state is None else f"state {state}"
    return f"{where}{f' of lane {lane}' if lane else ''} of build {number}"


def _no_checkpoint(
    parent: BuildRow, view: Mapping[int, AttemptFact], start: Start, known: BuildHistory
) -> Conflict:
    lane = f" in lane {start.lane}" if start.lane else ""
    last = resume_point(view)
    usable = [
        state
        for state, each in view.items()
        if last is not None and each.is_checkpoint and state <= last.state
    ]
    what = (
        f"Build {parent.number} has no checkpoint yet{lane} to start from"
        if start.state is None
        else f"State {start.state} of build {parent.number}{lane} is no checkpoint to start from: "
        + _why_unusable(view, start.state, known)
    )
    listed = ", ".join(map(str, usable))
    return Conflict(
        f"{what}.",
        code="not-a-checkpoint",
        field=start.fields[1],
        hint=f"Start from one that can be used: {listed}."
        if listed
        else f"None can be used yet; to see what is missing: bldst plan {parent.number}",
    )


def _why_unusable(view: Mapping[int, AttemptFact], state: int, known: BuildHistory) -> str:
    broken = next((each for each in view.values() if each.is_broken and each.state <= state), None)
    attempt = view.get(state)
    if broken is not None:
        whose = "it" if broken.state == state else f"state {broken.state} below it"
        return f"{whose} {_how_broken(broken, known)}"
    if attempt is None:
        return "nothing is recorded there"
    if attempt.status.is_done:
        return "it left no artifact to continue from"
    return f"it is {attempt.status}"


def _how_broken(broken: AttemptFact, known: BuildHistory) -> str:
    if broken.is_forced:
        return "has to run again, since a person asked for that"
    lost = next(
        (each for each in known.row(broken).artifacts if each.status != ArtifactStatus.AVAILABLE),
        None,
    )
    if lost is not None:
        return f"left an artifact that is {lost.status}"
    return f"is {broken.status}"


def _held(parent: BuildRow, row: AttemptRow, start: Start) -> Held:
    return Held(
        f"State {row.state} of build {parent.number} is being made again by"
        f" {row.worker or 'a worker'}, and what would be derived includes it.",
        holder=row.worker,
        until=row.lease_until,
        field=start.fields[1],
        hint="Derive when that has ended, or from a state below it.",
    )
