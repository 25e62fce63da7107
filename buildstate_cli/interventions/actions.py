"""Waive, force, revoke, cancel, and list the interventions in a build."""

from collections.abc import Sequence

from buildstate_cli.build import attempts_view as attempts
from buildstate_cli.build import view as builds
from buildstate_cli.connection import connect
from buildstate_cli.interventions import view as interventions
from buildstate_cli.options import Format
from buildstate_cli.output.page import Page
from buildstate_cli.output.show import show
from buildstate_cli.plan import view as plans
from buildstate_cli.session import Session
from buildstate_cli.validation import build_reference, checked
from buildstate_core.errors import NotFound
from buildstate_core.models import (
    Artifact,
    Attempt,
    Cancel,
    Force,
    Plan,
    Revocation,
    Revoke,
    Waive,
)
from buildstate_core.vocabulary import TRUNK, ArtifactStatus, AttemptStatus
from buildstate_worker.client import Client


def waive(session: Session, output: Format, build: str, **values: object) -> None:
    """Record that a milestone is not needed, and print what stands for it."""
    reference = build_reference(build)
    request = checked(Waive, values)
    with connect(session) as client:
        show(client.waive(reference, request), output, attempts.reported)


def force(session: Session, output: Format, build: str, **values: object) -> None:
    """Have everything from a state on run again, and print what a rerun then does."""
    reference = build_reference(build)
    request = checked(Force, values)

    def view(plan: Plan) -> Page:
        return [interventions.forced(request.state, request.lane), *plans.one(plan)]

    with connect(session) as client:
        show(client.force(reference, request), output, view)


def revoke(
    session: Session,
    output: Format,
    build: str,
    *,
    state: int,
    lane: str,
    name: str | None,
    reason: str,
) -> None:
    """Revoke what a milestone left, and print all that is revoked with it."""
    reference = build_reference(build)
    request = checked(Revoke, {"reason": reason})
    with connect(session) as client:
        attempt = _newest_completed(client, reference, state=state, lane=lane)
        done = [
            client.revoke_artifact(each.id, request) for each in _to_revoke(attempt, name, build)
        ]
    show(_together(done), output, interventions.revoked)


def cancel(session: Session, output: Format, build: str, *, reason: str) -> None:
    """Cancel a build, and print where it stands."""
    reference = build_reference(build)
    request = checked(Cancel, {"reason": reason})
    with connect(session) as client:
        show(client.cancel_build(reference, request), output, lambda each: [builds.sentence(each)])


def list_all(session: Session, output: Format, build: str) -> None:
    """Print the interventions in a build."""
    reference = build_reference(build)
    with connect(session) as client:
        show(list(client.interventions(reference)), output, interventions.listing)


def _newest_completed(client: Client, build: str | int, *, state: int, lane: str) -> Attempt:
    """Return the attempt whose result counts.

    Raises:
        NotFound: There is none; the hint says where there is one.
    """
    found = [
        each
        for each in client.history(build)
        if each.state == state and each.status is AttemptStatus.COMPLETED
    ]
    if in_lane := [each for each in found if each.lane == lane]:
        return max(in_lane, key=lambda each: each.attempt)
    where = f" in lane {lane}" if lane else ""
    raise NotFound(
        f"State {state} of build {build}{where} has no completed attempt.",
        code="attempt-not-found",
        field="STATE",
        hint=_elsewhere(client, build, state, lane, found),
    )


def _elsewhere(
    client: Client, build: str | int, state: int, lane: str, found: Sequence[Attempt]
) -> str:
    """Return a hint: where the state was completed, if not in this lane of this build."""
    lanes = sorted({each.lane for each in found} - {lane})
    if lanes == [TRUNK]:
        return "It was completed in the trunk. Leave --lane out."
    if lanes:
        in_trunk = " In the trunk, too: leave --lane out." if TRUNK in lanes else ""
        named = ", ".join(each for each in lanes if each)
        return f"It was completed in another lane. Name one with --lane: {named}.{in_trunk}"
    derived = client.get_build(build)
    if derived.derived_from is not None and state <= (derived.derived_state or 0):
        return (
            f"Build #{derived.number} derives from #{derived.derived_from} at state"
            f" {derived.derived_state}. Name that one."
        )
    return f"To see what there is: bldst build history {build}"


def _to_revoke(attempt: Attempt, name: str | None, build: str) -> Sequence[Artifact]:
    """Return the artifacts of an attempt, all or the one named.

    What is revoked already is left out, unless there is nothing else: the service then says so.

    Raises:
        NotFound: There is none.
    """
    named = [each for each in attempt.artifacts if name in {None, each.name}]
    if not named:
        what = f" named {name}" if name is not None else ""
        raise NotFound(
            f"Attempt {attempt.attempt} of state {attempt.state} left no artifact{what}.",
            code="artifact-not-found",
            field="--name" if name is not None else "STATE",
            hint=f"To see what there is: bldst artifact list {build}",
        )
    return [each for each in named if each.status is not ArtifactStatus.REVOKED] or named


def _together(done: Sequence[Revocation]) -> Revocation:
    """Return one revocation for several; an artifact that two of them revoked is in it once."""
    artifacts = {each.id: each for revocation in done for each in revocation.artifacts}
    numbers = {number for revocation in done for number in revocation.builds}
    return Revocation(artifacts=tuple(artifacts.values()), builds=tuple(sorted(numbers)))
