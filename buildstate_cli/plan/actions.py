"""What a rerun of a build would do, and why."""

from buildstate_cli.checking import build_reference
from buildstate_cli.connection import connect
from buildstate_cli.options import Format
from buildstate_cli.output.show import show
from buildstate_cli.plan import explain_view as explanations
from buildstate_cli.plan import view as plans
from buildstate_cli.session import Session


def plan(session: Session, output: Format, build: str) -> None:
    """Print what a rerun of a build would do."""
    reference = build_reference(build)
    with connect(session) as client:
        show(client.plan(reference), output, plans.one)


def explain(
    session: Session, output: Format, build: str, *, state: int, lane: str, attempt: int | None
) -> None:
    """Print why a milestone would run or not, or why one of its attempts did."""
    reference = build_reference(build)
    with connect(session) as client:
        show(client.explain(reference, state, lane=lane, attempt=attempt), output, explanations.one)
