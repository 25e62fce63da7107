"""Create, update, list and show projects."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from buildstate_cli.connection import connect
from buildstate_cli.options import Format
from buildstate_cli.output.show import show
from buildstate_cli.project import view as projects
from buildstate_cli.session import Session
from buildstate_cli.validation import checked
from buildstate_core.errors import InvalidInput
from buildstate_core.models import ProjectCreate, ProjectUpdate, Retention
from buildstate_core.vocabulary import Sensitivity
from buildstate_worker.client import Client

_FLAGS: Final = {"name": "NAME", "allowed_places": "--allow"}
_ANYWHERE: Final = "anywhere"

Places = Mapping[Sensitivity, tuple[str, ...]]


@dataclass(frozen=True, kw_only=True)
class RetentionFlags:
    """What was typed of a policy; `None` where nothing was."""

    keep_delivered_builds: int | None
    keep_delivered: bool | None
    keep_days: int | None
    grace_hours: int | None

    def merged_into(self, before: Retention | None) -> Retention | None:
        """Return the policy changed by what was typed; `None` if nothing was.

        Args:
            before: The policy so far. `None`: there is none, so that the rest has its defaults.
        """
        given = {name: value for name, value in asdict(self).items() if value is not None}
        if not given:
            return None
        return checked(Retention, {**(before.model_dump() if before else {}), **given})


def create(
    session: Session,
    output: Format,
    *,
    allow: Sequence[str],
    retention: RetentionFlags,
    **values: object,
) -> None:
    """Create a project and print it."""
    more = {"allowed_places": _places(allow, {}), "retention": retention.merged_into(None)}
    request = checked(ProjectCreate, {**values, **more}, flags=_FLAGS)
    with connect(session) as client:
        show(client.create_project(request), output, projects.one)


def update(
    session: Session,
    output: Format,
    project: str,
    *,
    allow: Sequence[str],
    retention: RetentionFlags,
    is_kept_for_ever: bool,
    **values: object,
) -> None:
    """Change what is said of a project, and print it.

    Raises:
        InvalidInput: Nothing is to change, or the options do not fit together.
    """
    is_policy_given = retention.merged_into(None) is not None
    if is_policy_given and is_kept_for_ever:
        raise InvalidInput(
            "--no-retention is given together with a part of a policy; use one of the two.",
            field="--no-retention",
        )
    typed = {**values, "allowed_places": _places(allow, {})}
    request = checked(ProjectUpdate, typed, flags=_FLAGS)
    if not (request.model_fields_set or is_policy_given or is_kept_for_ever):
        raise InvalidInput(
            "There is nothing to change.",
            code="nothing-to-change",
            hint="Give what is to be different, such as --auto-resume lost.",
        )
    with connect(session) as client:
        more = _merged(client, project, allow, retention)
        typed = {**request.model_dump(exclude_unset=True), **more}
        request = checked(ProjectUpdate, typed, flags=_FLAGS)
        if is_kept_for_ever:
            request = request.model_copy(update={"retention": None})
        show(client.update_project(project, request), output, projects.one)


def list_all(session: Session, output: Format) -> None:
    """Print all projects."""
    with connect(session) as client:
        show(list(client.list_projects()), output, projects.listing)


def show_one(session: Session, output: Format, project: str) -> None:
    """Print one project."""
    with connect(session) as client:
        show(client.get_project(project), output, projects.one)


def _merged(
    client: Client, project: str, allow: Sequence[str], retention: RetentionFlags
) -> dict[str, object]:
    """Return the places and the policy as they will be: what was typed, the rest as it is."""
    if not allow and retention.merged_into(None) is None:
        return {}
    before = client.get_project(project)
    more: dict[str, object] = {}
    if allow:
        more["allowed_places"] = _places(allow, before.allowed_places)
    policy = retention.merged_into(before.retention)
    if policy is not None:
        more["retention"] = policy.model_dump()
    return more


def _places(texts: Sequence[str], before: Places) -> dict[str, tuple[str, ...]] | None:
    """Return the places in `LABEL=URI_PREFIX` texts, by label; `None` without any text.

    Args:
        texts: As typed.
        before: What was allowed so far; a label that is typed replaces it.

    Raises:
        InvalidInput: One is not of this form, or a label is limited and is not.
    """
    typed: dict[str, list[str]] = {}
    for text in texts:
        label, equals, place = text.partition("=")
        if label not in set(Sensitivity) or not equals or not place:
            raise InvalidInput(
                f'--allow is "{text}"; use LABEL=URI_PREFIX, with {", ".join(Sensitivity)} as the'
                f" label, or LABEL={_ANYWHERE}.",
                field="--allow",
            )
        typed.setdefault(label, []).append(place)
    for label, places in typed.items():
        if _ANYWHERE in places and len(places) > 1:
            raise InvalidInput(
                f"--allow gives both places and {_ANYWHERE} for {label} artifacts; use one of the"
                " two.",
                field="--allow",
            )
    if not typed:
        return None
    kept = {str(label): places for label, places in before.items() if label not in typed}
    limited = {label: tuple(places) for label, places in typed.items() if places != [_ANYWHERE]}
    return kept | limited
