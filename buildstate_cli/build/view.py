"""Builds, for people."""

from collections.abc import Sequence
from typing import Final

from buildstate_cli.output import formats
from buildstate_cli.output.page import Block, Fields, Page, Table
from buildstate_core.models import Build, Failure, Lane
from buildstate_core.vocabulary import BuildStatus

_COLUMNS = ("BUILD", "PROJECT", "PLATFORM", "VERSION", "STATE", "PROGRESS", "STATUS", "UPDATED")

_DERIVED = ("BUILD", "PROJECT", "PLATFORM", "VERSION", "FROM STATE", "STATE", "STATUS")

_FREE_TEXT = frozenset({"STATE", "LANES"})

MAX_DERIVED: Final = 20
"""How many of the builds that start from one are shown with it."""


def listing(builds: Sequence[Build]) -> Page:
    """Return a table of builds, with a column for lanes if any build has some."""
    has_lanes = any(each.lanes for each in builds)
    rows = [
        (
            f"#{each.number}",
            each.project,
            each.platform or "",
            each.version or "",
            formats.state(each.current_state, each.current_state_name),
            f"{each.progress} %",
            each.status,
            formats.time(each.updated_at),
            *((lanes_in_short(each.lanes),) if has_lanes else ()),
        )
        for each in builds
    ]
    columns = (*_COLUMNS, "LANES") if has_lanes else _COLUMNS
    return [Table(columns=columns, rows=rows, free_text=_FREE_TEXT, empty="No builds.")]


def one(build: Build, derived: Sequence[Build] = ()) -> Page:
    """Return one build: a sentence, then its fields by their JSON names, then its lanes.

    Args:
        build: The build.
        derived: Builds that start from it, newest first; no more than `MAX_DERIVED` are shown.
    """
    fields = [
        ("id", str(build.id)),
        ("key", build.key),
        ("version", build.version or ""),
        ("os", build.os or ""),
        ("image_type", build.image_type or ""),
        ("labels", ", ".join(f"{name}={value}" for name, value in build.labels.items())),
        ("status", build.status),
        ("current_state", formats.state(build.current_state, build.current_state_name)),
        ("progress", f"{build.progress} %"),
        ("frontier", str(build.frontier)),
        ("peak", str(build.peak)),
        ("active", ", ".join(map(str, build.active))),
        ("resume_from", formats.state(build.resume_from)),
        ("derived_from", lineage(build)),
        ("catalog_version", str(build.catalog_version)),
        ("created_at", formats.time(build.created_at)),
        ("started_at", formats.time(build.started_at)),
        ("updated_at", formats.time(build.updated_at)),
        ("finished_at", formats.time(build.finished_at)),
    ]
    blocks: list[Block | None] = [
        sentence(build),
        f"It derives from {lineage(build)}." if build.derived_from is not None else None,
        _failure(build.failure) if build.failure else None,
        Fields([(name, value) for name, value in fields if value]),
        _lanes(build.lanes) if build.lanes else None,
        *(_derived(build, derived) if derived else ()),
    ]
    return [each for each in blocks if each is not None]


def sentence(build: Build) -> str:
    """Return a sentence about where a build stands, and what a rerun would do."""
    name = " ".join(each for each in (f"#{build.number}", build.project, build.platform) if each)
    where = formats.state(build.current_state, build.current_state_name)
    stands = f"{name}: {build.status}{f' at {where}' if where else ''}"
    lanes = f" ({lanes_in_short(build.lanes)})" if build.lanes else ""
    if build.status in {BuildStatus.COMPLETED, BuildStatus.CANCELLED}:
        return f"{stands}{lanes}."
    return f"{stands}{lanes}; a rerun {formats.resumption(build.resume_from)}."


def lineage(build: Build) -> str:
    """Return what a build derives from; nothing if it does not."""
    if build.derived_from is None:
        return ""
    at = "" if build.derived_state is None else f" at state {build.derived_state}"
    return f"#{build.derived_from}{at}"


def lanes_in_short(lanes: Sequence[Lane]) -> str:
    """Return how many lanes are ahead, and which one is slowest; nothing without lanes."""
    if not lanes:
        return ""
    ahead = max(each.frontier for each in lanes)
    slowest = min(lanes, key=lambda each: each.frontier)
    arrived = sum(each.frontier == ahead for each in lanes)
    in_short = f"{arrived}/{len(lanes)} lanes at {ahead}"
    if arrived == len(lanes):
        return in_short
    return f"{in_short}, slowest {slowest.lane} at {slowest.frontier}"


def _failure(failure: Failure) -> str:
    where = f" in lane {failure.lane}" if failure.lane else ""
    what = f"State {failure.state}{where}, attempt {failure.attempt}"
    return f"{what}, at {formats.time(failure.at)}: {failure.message or 'no reason was given'}"


def _lanes(lanes: Sequence[Lane]) -> Table:
    rows = [
        (
            each.lane,
            each.status,
            formats.state(each.current_state),
            str(each.frontier),
            formats.state(each.resume_from),
        )
        for each in lanes
    ]
    return Table(columns=("LANE", "STATUS", "CURRENT", "FRONTIER", "RESUMES FROM"), rows=rows)


def _derived(build: Build, derived: Sequence[Build]) -> list[Block]:
    rows = [
        (
            f"#{each.number}",
            each.project,
            each.platform or "",
            each.version or "",
            formats.state(each.derived_state),
            formats.state(each.current_state, each.current_state_name),
            each.status,
        )
        for each in derived[:MAX_DERIVED]
    ]
    blocks: list[Block] = [
        f"These builds derive from #{build.number}:",
        Table(columns=_DERIVED, rows=rows, free_text=_FREE_TEXT),
    ]
    if len(derived) > MAX_DERIVED:
        blocks.append(f"To see all of them: bldst build list --derived-from {build.number}")
    return blocks
