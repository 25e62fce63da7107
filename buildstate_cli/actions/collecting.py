"""`bldst artifact gc`: give up what policies say, and remove what is due."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

import typer

from buildstate_cli.actions import times
from buildstate_cli.actions.connection import connect
from buildstate_cli.complaints import warn
from buildstate_cli.exit_codes import UNREACHABLE
from buildstate_cli.options import Format
from buildstate_cli.printing import show
from buildstate_cli.session import Session
from buildstate_cli.views.collecting import Collected, Gone, collected
from buildstate_core import collecting
from buildstate_core.client import STEADY, Client
from buildstate_core.collecting import Removed
from buildstate_core.errors import Refused, Unreachable
from buildstate_core.locations import root_of
from buildstate_core.models import Project
from buildstate_core.transfer import ArtifactStore, storage_type_of, transferable
from buildstate_core.transfer.uris import local_path

_AT_LEAST: Final = timedelta(hours=1)


def collect(
    session: Session,
    output: Format,
    *,
    project: str | None,
    is_dry_run: bool,
    older_than: str,
    with_orphans: bool,
) -> None:
    """Mark, remove, look for orphans, and print what came of it.

    Raises:
        typer.Exit: Something should be gone and is not.
    """
    age = times.age(older_than, flag="--older-than", at_least=_AT_LEAST)
    with connect(session, retries=STEADY) as client:
        store = ArtifactStore(cache_dir=session.settings.cache_dir)
        projects = [client.get_project(project)] if project else list(client.list_projects())
        marked = [gone for each in projects for gone in _marked(client, each, is_dry_run)]
        removed = [
            (each.name, gone)
            for each in projects
            for gone in _removed(client, store, each, is_dry_run=is_dry_run)
        ]
        found: list[tuple[str, Removed]] = []
        if with_orphans:
            before = datetime.now(UTC) - age
            for location, name in _locations(projects, session.settings.storage_url).items():
                found += [
                    (name, each)
                    for each in _orphans(client, store, location, before, is_dry_run=is_dry_run)
                ]
    result = _result(marked, removed, found, is_dry_run=is_dry_run)
    show(result, output, collected)
    if result.failed:
        raise typer.Exit(UNREACHABLE)


def _marked(client: Client, project: Project, is_dry_run: bool) -> list[Gone]:  # noqa: FBT001 - of one caller
    plan = client.retention(project.name) if is_dry_run else client.apply_retention(project.name)
    return [
        Gone(
            project=project.name,
            artifact=each.artifact.id,
            uri=each.artifact.uri,
            size_bytes=each.size_bytes,
            why=each.text,
        )
        for each in plan.items
        if not each.keep
    ]


def _removed(
    client: Client, store: ArtifactStore, project: Project, *, is_dry_run: bool
) -> Iterable[Removed]:
    due = collecting.due(client, project.name)
    if not is_dry_run:
        root = None if project.storage_url is None else root_of(project.storage_url)
        return collecting.remove_due(client, store, due, root=root)
    return [Removed(each.uri or "", each.stored_bytes, each) for each in due]


def _locations(projects: Iterable[Project], own: str) -> dict[str, str]:
    """Give each storage once, with a project that uses it: two may share one."""
    found: dict[str, str] = {}
    for each in projects:
        # With the project's name in its place less is listed, and nothing of others looked at.
        location = (each.storage_url or own).replace("{project}", each.name)
        if each.storage_url is not None or _is_begun(location):
            found.setdefault(location, each.name)
    return found


def _is_begun(own: str) -> bool:
    """Whether this worker's own storage has anything; a folder is made by the first upload."""
    return storage_type_of(own) != "file" or local_path(root_of(own)).exists()


def _orphans(
    client: Client, store: ArtifactStore, location: str, before: datetime, *, is_dry_run: bool
) -> Iterable[Removed]:
    if not transferable(location):
        return []
    try:
        found = collecting.orphans(client, store, location, before=before)
    except (Unreachable, Refused) as error:
        if error.code == Unreachable.default_code:
            raise  # the service: without its answer nothing is anybody's
        warn(f"{location} was not searched for orphans: {error}")
        return []
    if is_dry_run:
        return [Removed(each.uri, each.size_bytes) for each in found]
    return collecting.remove_orphans(client, store, location, found)


def _result(
    marked: Iterable[Gone],
    removed: Iterable[tuple[str, Removed]],
    found: Iterable[tuple[str, Removed]],
    *,
    is_dry_run: bool,
) -> Collected:
    due = [(_gone(name, each), each.error) for name, each in removed]
    orphans = [(_gone(name, each), each.error) for name, each in found]
    freed = [each for each, error in (*due, *orphans) if error is None]
    return Collected(
        marked=tuple(marked),
        removed=tuple(each for each, error in due if error is None),
        orphans=tuple(each for each, error in orphans if error is None),
        freed_bytes=sum(each.size_bytes or 0 for each in freed),
        failed=tuple(each for each, error in (*due, *orphans) if error is not None),
        dry_run=is_dry_run,
    )


def _gone(project: str, removed: Removed) -> Gone:
    artifact = removed.artifact
    why: str | None = "nobody has recorded it"
    if artifact is not None:
        why = artifact.removal.reason if artifact.removal is not None else None
    return Gone(
        project=project,
        artifact=None if artifact is None else artifact.id,
        uri=removed.uri,
        size_bytes=removed.size_bytes,
        why=why if removed.error is None else str(removed.error),
    )
