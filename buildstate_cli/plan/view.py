"""Plans, for people."""

from collections.abc import Iterable, Sequence
from typing import Final

from buildstate_cli.output import formats
from buildstate_cli.output.page import Page, Table
from buildstate_core.models import Plan, PlannedMilestone
from buildstate_core.vocabulary import TRUNK, BuildStatus, Decision

_COLUMNS = ("STATE", "DECISION", "REASON", "WHY", "DOWNLOAD", "TIME")

_MAX_NAMED: Final = 4
"""Up to so many states are named in a sentence; more are counted."""

_FREE_TEXT = frozenset({"STATE", "REASON", "WHY"})


def one(plan: Plan) -> Page:
    """Return what a rerun would do, state by state, and below it in a sentence."""
    has_lanes = any(each.lane for each in plan.milestones)
    rows = [
        (*((each.lane,) if has_lanes else ()), *_row(each, plan.status)) for each in plan.milestones
    ]
    columns = ("LANE", *_COLUMNS) if has_lanes else _COLUMNS
    table = Table(columns=columns, rows=rows, free_text=_FREE_TEXT, empty="No states.")
    return [table, sentence(plan)]


def sentence(plan: Plan) -> str:
    """Return a sentence about what a rerun restores and runs, and how long that takes."""
    if plan.status in {BuildStatus.COMPLETED, BuildStatus.CANCELLED}:
        return f"Build #{plan.build} is {plan.status}; it takes no more work."
    restored, run = _of(plan, Decision.RESTORE), _of(plan, Decision.RUN)
    waited, refused = _of(plan, Decision.WAIT), _of(plan, Decision.REFUSE)
    parts = []
    if restored:
        download = formats.size(plan.download_bytes) if plan.download_bytes else "nothing"
        parts.append(f"restores {_codes(restored)} ({download} to download)")
    if waited:
        parts.append(f"waits for {_codes(waited)}, which another worker has")
    if refused:
        parts.append(f"refuses {_codes(refused)}")
    if run:
        start = " from the beginning" if plan.resume_from is None and not restored else ""
        parts.append(f"runs {formats.count(len(run), 'state')}{_where(run)}{start}")
    elif not waited:
        parts.append("runs nothing")
    if not run and not waited:
        return f"A rerun {formats.listed(parts)}."
    return _with_time(parts, plan, [*run, *waited])


def _with_time(parts: Sequence[str], plan: Plan, at_work: Sequence[PlannedMilestone]) -> str:
    """Return the sentence with the time it takes; a state without a known time is named."""
    unknown = [each for each in at_work if each.expected_seconds is None]
    if plan.expected_seconds is None or len(unknown) == len(at_work):
        return f"A rerun {formats.listed(parts)}. How long that takes is not known yet."
    about = formats.about(plan.expected_seconds)
    if not unknown:
        time = f"takes about {about} as far as history tells"
        return f"A rerun {_joined([*parts, time])}."
    known = f"takes at least {about}"
    states = _distinct(unknown)
    named = formats.states(states) if len(states) <= _MAX_NAMED else f"{len(states)} of them"
    take = "takes" if len(states) == 1 else "take"
    return f"A rerun {_joined([*parts, known])}: how long {named} {take} is not known yet."


def _row(each: PlannedMilestone, status: BuildStatus) -> tuple[str, ...]:
    is_open = status not in {BuildStatus.COMPLETED, BuildStatus.CANCELLED}
    expected = each.expected_seconds
    is_at_work = each.decision in {Decision.RUN, Decision.WAIT} and is_open
    return (
        formats.state(each.state, each.state_name),
        each.decision,
        each.reason,
        each.text,
        formats.size(each.download_bytes or None),
        formats.about(expected) if is_at_work and expected is not None else "",
    )


def _where(run: Iterable[PlannedMilestone]) -> str:
    """Return in how many lanes the states are, for a sentence; nothing without lanes."""
    names = {each.lane for each in run}
    lanes = formats.count(len(names - {TRUNK}), "lane")
    if TRUNK in names:
        return f" in the trunk and {lanes}" if len(names) > 1 else ""
    return f" in {lanes}"


def _of(plan: Plan, decision: Decision) -> list[PlannedMilestone]:
    return [each for each in plan.milestones if each.decision is decision]


def _distinct(milestones: Iterable[PlannedMilestone]) -> list[int]:
    return sorted({each.state for each in milestones})


def _codes(milestones: Iterable[PlannedMilestone]) -> str:
    return formats.states(_distinct(milestones))


def _joined(parts: Sequence[str]) -> str:
    """Join parts of a sentence: `restores state 25, runs 3 states, and takes …`."""
    if len(parts) <= 2:  # noqa: PLR2004 - two need no comma
        return " and ".join(parts)
    return f"{', '.join(parts[:-1])}, and {parts[-1]}"
