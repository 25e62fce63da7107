"""Builds: create, list, show, and what a rerun would do."""

from itertools import islice

from buildstate_cli.actions.checking import build_reference, checked, pairs
from buildstate_cli.actions.connection import connect
from buildstate_cli.options import Format
from buildstate_cli.printing import emit, show
from buildstate_cli.session import Session
from buildstate_cli.views import attempts, builds, plans
from buildstate_core.models import BuildCreate


def create(
    session: Session, output: Format, *, is_quiet: bool, label_texts: list[str], **values: object
) -> None:
    """Create a build, or get the one with this key, and print it or only its number."""
    labels = pairs(label_texts, flag="--label")
    request = checked(BuildCreate, {**values, "labels": labels or None})
    with connect(session) as client:
        build = client.create_build(request)
    if is_quiet:
        emit(f"{build.number}\n")
    else:
        show(build, output, builds.one)


def list_some(
    session: Session,
    output: Format,
    *,
    project: str | None,
    platform: str | None,
    status: str | None,
    limit: int,
) -> None:
    """Print the newest builds."""
    with connect(session) as client:
        found = client.list_builds(project=project, platform=platform, status=status)
        show(list(islice(found, limit)), output, builds.listing)


def get(session: Session, output: Format, build: str) -> None:
    """Print one build."""
    reference = build_reference(build)
    with connect(session) as client:
        show(client.get_build(reference), output, builds.one)


def history(
    session: Session, output: Format, build: str, *, state: int | None, lane: str | None
) -> None:
    """Print a build's attempts, all or those of one state or lane."""
    reference = build_reference(build)
    with connect(session) as client:
        found = [
            each
            for each in client.history(reference)
            if state in {None, each.state} and lane in {None, each.lane}
        ]
        show(found, output, attempts.listing)


def plan(session: Session, output: Format, build: str) -> None:
    """Print what a rerun of a build would do."""
    reference = build_reference(build)
    with connect(session) as client:
        show(client.plan(reference), output, plans.one)
