"""Derived builds: start one, and show a build with those that start from it."""

from itertools import islice

from buildstate_cli.build import view as builds
from buildstate_cli.checking import build_reference, checked, pairs
from buildstate_cli.connection import connect
from buildstate_cli.options import Format
from buildstate_cli.output.page import Page
from buildstate_cli.output.show import emit, show
from buildstate_cli.session import Session
from buildstate_core.models import Build, BuildDerive
from buildstate_worker.client import Client


def derive(
    session: Session,
    output: Format,
    build: str,
    *,
    is_quiet: bool,
    label_texts: list[str],
    **values: object,
) -> None:
    """Start a build from a checkpoint of another, and print it or only its number."""
    reference = build_reference(build)
    labels = pairs(label_texts, flag="--label")
    request = checked(BuildDerive, {**values, "labels": labels or None})
    with connect(session) as client:
        derived = client.derive_build(reference, request)
    if is_quiet:
        emit(f"{derived.number}\n")
    else:
        show(derived, output, builds.one)


def show_with_lineage(client: Client, output: Format, build: Build) -> None:
    """Print a build; for people with the builds that start from it."""

    def view(each: Build) -> Page:
        derived = client.list_builds(derived_from=each.number)
        return builds.one(each, list(islice(derived, builds.MAX_DERIVED + 1)))

    show(build, output, view)
