"""Create, derive, list and show builds, and list what was tried in one."""

from collections.abc import Mapping
from itertools import islice
from typing import Final

from buildstate_cli.build import attempts_view as attempts
from buildstate_cli.build import view as builds
from buildstate_cli.connection import connect
from buildstate_cli.options import Format
from buildstate_cli.output.page import Page
from buildstate_cli.output.show import emit, show
from buildstate_cli.session import Session
from buildstate_cli.validation import build_reference, checked, checked_value, pairs
from buildstate_core.errors import InvalidInput
from buildstate_core.models import Build, BuildCreate, BuildDerive
from buildstate_core.models.names import Trait
from buildstate_core.vocabulary import TRUNK

_FLAGS: Final = {
    "derived_from": "--derive-from",
    "derived_state": "--from-state",
    "derived_lane": "--from-lane",
}


def create(
    session: Session, output: Format, *, is_quiet: bool, label_texts: list[str], **values: object
) -> None:
    """Create a build, or get the one with this key, and print it or only its number."""
    labels = pairs(label_texts, flag="--label")
    _refuse_start_of_nothing(values)
    request = checked(BuildCreate, {**values, "labels": labels or None}, flags=_FLAGS)
    with connect(session) as client:
        build = client.create_build(request)
    _show_new(build, output, is_quiet=is_quiet)


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
    _show_new(derived, output, is_quiet=is_quiet)


def list_some(
    session: Session,
    output: Format,
    *,
    project: str | None,
    platform: str | None,
    status: str | None,
    derived_from: str | None,
    limit: int,
) -> None:
    """Print the newest builds."""
    parent = None if derived_from is None else build_reference(derived_from, name="--derived-from")
    if platform is not None:
        platform = checked_value(Trait, platform, flag="--platform")
    with connect(session) as client:
        found = client.list_builds(
            project=project, platform=platform, status=status, derived_from=parent
        )
        show(list(islice(found, limit)), output, builds.listing)


def get(session: Session, output: Format, build: str) -> None:
    """Print one build; for people with the builds that start from it."""
    reference = build_reference(build)
    with connect(session) as client:

        def view(each: Build) -> Page:
            derived = client.list_builds(derived_from=each.number)
            return builds.one(each, list(islice(derived, builds.MAX_DERIVED + 1)))

        show(client.get_build(reference), output, view)


def history(
    session: Session,
    output: Format,
    build: str,
    *,
    state: int | None,
    lane: str | None,
    is_trunk: bool,
) -> None:
    """Print a build's attempts, all or those of one state, of one lane or the trunk."""
    reference = build_reference(build)
    if is_trunk:
        if lane is not None:
            raise InvalidInput("--lane and --trunk are given; use one of them.", field="--lane")
        lane = TRUNK
    with connect(session) as client:
        found = [
            each
            for each in client.history(reference)
            if state in {None, each.state} and lane in {None, each.lane}
        ]
        show(found, output, attempts.listing)


def _show_new(build: Build, output: Format, *, is_quiet: bool) -> None:
    if is_quiet:
        emit(f"{build.number}\n")
    else:
        show(build, output, builds.one)


def _refuse_start_of_nothing(values: Mapping[str, object]) -> None:
    """Refuse to be told where to start without being told of which build."""
    if values["derived_from"] is not None:
        return
    for name in ("derived_state", "derived_lane"):
        if values[name] is not None:
            raise InvalidInput(
                f"{_FLAGS[name]} is given without --derive-from; say from which build.",
                field=_FLAGS[name],
            )
