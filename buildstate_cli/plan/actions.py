"""Plan a rerun of a build."""

from buildstate_cli.connection import connect
from buildstate_cli.options import Format
from buildstate_cli.output.show import show
from buildstate_cli.plan import view as plans
from buildstate_cli.session import Session
from buildstate_cli.validation import build_reference


def plan(session: Session, output: Format, build: str) -> None:
    """Print what a rerun of a build would do."""
    reference = build_reference(build)
    with connect(session) as client:
        show(client.plan(reference), output, plans.one)
