"""Explain what a rerun does with one milestone, or why one of its attempts ran."""

from buildstate_cli.connection import connect
from buildstate_cli.explain import view as explanations
from buildstate_cli.options import Format
from buildstate_cli.output.show import show
from buildstate_cli.session import Session
from buildstate_cli.validation import build_reference


def explain(
    session: Session, output: Format, build: str, *, state: int, lane: str, attempt: int | None
) -> None:
    """Print why a milestone would run or not, or why one of its attempts did."""
    reference = build_reference(build)
    with connect(session) as client:
        show(client.explain(reference, state, lane=lane, attempt=attempt), output, explanations.one)
