"""Artifacts: list, show."""

from buildstate_cli.actions.checking import artifact_id, build_reference
from buildstate_cli.actions.connection import connect
from buildstate_cli.options import Format
from buildstate_cli.printing import show
from buildstate_cli.session import Session
from buildstate_cli.views import artifacts


def list_some(session: Session, output: Format, build: str, state: int | None) -> None:
    """Print a build's artifacts, all or those of one state."""
    reference = build_reference(build)
    with connect(session) as client:
        found = list(client.list_artifacts(reference, state=state))
        show(found, output, artifacts.listing)


def show_one(session: Session, output: Format, artifact: str) -> None:
    """Print one artifact."""
    wanted = artifact_id(artifact)
    with connect(session) as client:
        show(client.get_artifact(wanted), output, artifacts.one)
