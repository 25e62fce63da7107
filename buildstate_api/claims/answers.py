"""What a claim is answered, on the wire; and the refusals, in words."""

from buildstate_api.tables import ArtifactRow, AttemptRow, BuildRow
from buildstate_api.views import (
    artifact_view,
    attempt_view,
    maker_number,
    state_names,
    storage_rules,
)
from buildstate_core.errors import Refused
from buildstate_core.models import Artifact, Claim, ClaimRequest
from buildstate_core.rules.claims import RequiresFirst, RunFirst, Skipped
from buildstate_core.rules.reasons import HELD, describe
from buildstate_core.vocabulary import ArtifactStatus, AttemptStatus, ClaimDecision


def skip(build: BuildRow, row: AttemptRow, answer: Skipped) -> Claim:
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
    )


def held(build: BuildRow, row: AttemptRow) -> Claim:
    """Answer who holds it, and until when."""
    return Claim(
        decision=ClaimDecision.HELD,
        reason=HELD,
        text=describe(HELD),
        attempt=attempt_view(build, row),
        holder=row.worker,
        lease_until=row.lease_until,
    )


def run_first(
    build: BuildRow, request: ClaimRequest, answer: RunFirst, because: AttemptRow | None
) -> Refused:
    """Make the refusal of a milestone for which this machine lacks something."""
    return Refused(
        f"State {request.state} of build {build.number} has to run, since"
        f" {describe(answer.reason)}; it needs state {answer.state} first:"
        f" {_why_first(answer, because)}.",
        state=answer.state,
        code="run-first",
        field="state",
        hint=f"Run the pipeline again from state {answer.state}; what is done before it is"
        f" skipped. Should state {answer.state} be skipped too, since a later checkpoint covers it:"
        f" bldst force {build.number} {answer.state} --reason TEXT",
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


def _why_first(answer: RunFirst, row: AttemptRow | None) -> str:
    if answer.because is not None and answer.because.is_forced:
        return "a person asked for it to run again"
    if row is None or row.status != AttemptStatus.COMPLETED:
        return "it has left nothing yet that could be used"
    lost = next((each for each in row.artifacts if _is_lost(each)), None)
    if lost is not None:
        return f"what it left is not usable any more ({lost.status_reason or lost.status})"
    return "it changed a working machine, and this is another one or was changed since"


def _is_lost(row: ArtifactRow) -> bool:
    return row.status != ArtifactStatus.AVAILABLE
