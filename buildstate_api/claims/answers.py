"""What a claim is answered, on the wire; and the refusals, in words."""

from collections.abc import Iterable, Mapping
from typing import Any

from buildstate_api.tables import ArtifactRow, AttemptRow, BuildRow
from buildstate_api.views import (
    artifact_view,
    attempt_view,
    maker_number,
    state_names,
    storage_rules,
)
from buildstate_core.errors import Refused
from buildstate_core.models import Artifact, Claim, ClaimRequest, RecordedRead
from buildstate_core.rules import reasons
from buildstate_core.rules.claims import Inside, RequiresFirst, RunFirst, Skipped
from buildstate_core.rules.reasons import HELD, describe, describe_wait, held_below
from buildstate_core.vocabulary import ArtifactStatus, ClaimDecision


def skip(
    build: BuildRow, row: AttemptRow, answer: Skipped, reads: Iterable[Mapping[str, Any]]
) -> Claim:
    """Answer that it is done, with the artifacts that it left, of which some may be gone."""
    return Claim(
        decision=ClaimDecision.SKIP,
        reason=answer.reason,
        text=describe(answer.reason),
        attempt=attempt_view(build, row),
        artifacts=tuple(
            artifact_view(maker_number(build, row), row, each) for each in row.artifacts
        ),
        is_resume_point=answer.is_resume_point,
        storage_url=build.project.storage_url,
        storage=storage_rules(build.project),
        discovered=tuple(map(RecordedRead.model_validate, reads)),
    )


def held(build: BuildRow, row: AttemptRow, request: ClaimRequest) -> Claim:
    """Answer who is at work on it, or on what it builds on, and until when."""
    reason = HELD if row.state == request.state else held_below(row.state)
    return Claim(
        decision=ClaimDecision.HELD,
        reason=reason,
        text=describe_wait(reason, row.worker),
        attempt=attempt_view(build, row),
        holder=row.worker,
        lease_until=row.lease_until,
    )


def run_first(build: BuildRow, request: ClaimRequest, answer: RunFirst) -> Refused:
    """Make the refusal of a milestone below which another one has to run."""
    why = f"has to run, since {describe(answer.reason)}" if answer.reason else "is done"
    return Refused(
        f"State {request.state} of build {build.number} {why}; it needs state {answer.state}"
        f" first: {describe(answer.why)}.",
        state=answer.state,
        reason=answer.why,
        code="run-first",
        field="state",
        hint=f"Run the pipeline again from state {answer.state}; what is done before it is"
        f" skipped.{_if_skipped(build, answer)} Is it not in the pipeline any more:"
        f" bldst waive {build.number} {answer.state} --reason TEXT",
    )


def _if_skipped(build: BuildRow, answer: RunFirst) -> str:
    if answer.why != reasons.NOT_ON_THIS_MACHINE:
        return ""
    return (
        f" Should state {answer.state} be skipped too, since a later checkpoint covers it:"
        f" bldst force {build.number} {answer.state} --reason TEXT."
    )


def inside(build: BuildRow, request: ClaimRequest, answer: Inside) -> Refused:
    """Make the refusal of a milestone that is called from inside of another one."""
    state = answer.attempt.state
    return Refused(
        f"State {request.state} of build {build.number} is called from inside of state {state},"
        " which has to end first.",
        state=state,
        reason=reasons.inside(state),
        code="inside",
        field="inside",
        hint="Call one after the other; or have what is inside be part of the one around it.",
    )


def requires_first(build: BuildRow, request: ClaimRequest, answer: RequiresFirst) -> Refused:
    """Make the refusal of a milestone before which the catalogue requires another one."""
    name = state_names(build).get(answer.state)
    newest = answer.attempt
    how = "it has not been tried" if newest is None else f"its newest attempt is {newest.status}"
    if newest is not None and newest.is_forced:
        how = "it has to run again, since a person asked for that"
    return Refused(
        f"State {request.state} of build {build.number} requires state {answer.state}"
        f"{f' ({name})' if name else ''} to be completed, and {how}.",
        code="requires-first",
        field="state",
        hint=f"Run state {answer.state} first, or say that it is not needed:"
        f" bldst waive {build.number} {answer.state} --reason TEXT",
    )


def usable(build: BuildRow, row: AttemptRow) -> tuple[Artifact, ...]:
    """Return the artifacts of an attempt that the record allows to be used."""
    number = maker_number(build, row)
    return tuple(artifact_view(number, row, each) for each in row.artifacts if not _is_lost(each))


def _is_lost(row: ArtifactRow) -> bool:
    return row.status != ArtifactStatus.AVAILABLE
