"""`bldst artifact gc`: mark what the policies do not keep, and remove what is due."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

import typer

from buildstate_cli import times
from buildstate_cli.artifact import gc_view as results
from buildstate_cli.artifact.gc_view import GcItem, GcResult
from buildstate_cli.connection import connect
from buildstate_cli.exit_codes import UNREACHABLE
from buildstate_cli.options import Format
from buildstate_cli.output.messages import warn
from buildstate_cli.output.show import show
from buildstate_cli.session import Session
from buildstate_core.errors import BuildStateError, NotAllowed, Unreachable
from buildstate_core.locations import root_of
from buildstate_core.models import Project
from buildstate_worker.client import STEADY, Client
from buildstate_worker.collect import (
    FOREIGN,
    Removed,
    due_artifacts,
    find_orphans,
    remove_due,
    remove_orphans,
)
from buildstate_worker.storage.uris import local_path
from buildstate_worker.transfer import ArtifactStore, storage_type_of, transferable

_AT_LEAST: Final = timedelta(hours=1)


def collect_garbage(
    session: Session,
    output: Format,
    *,
    project: str | None,
    is_dry_run: bool,
    older_than: str,
    with_orphans: bool,
) -> None:
    """Mark, remove, look for orphans, and print the result.

    Raises:
        typer.Exit: Something should be gone and is not, or could not be looked at.
    """
    before = datetime.now(UTC) - times.age(older_than, flag="--older-than", at_least=_AT_LEAST)
    with connect(session, retries=STEADY) as client:
        store = ArtifactStore(cache_dir=session.settings.cache_dir)
        projects = [client.get_project(project)] if project else list(client.list_projects())
        collection = _Collection(client, store, is_dry_run=is_dry_run)
        try:
            for each in projects:
                collection.mark(each)
            for each in projects:
                collection.remove(each)
            if with_orphans:
                for location, name in _locations(projects, session.settings.storage_url).items():
                    collection.search(location, name, before)
        except BaseException:
            if collection.has_removed:  # which no later run can tell
                show(collection.result(), output, results.one)
            raise
    result = collection.result()
    show(result, output, results.one)
    if result.failed:
        raise typer.Exit(UNREACHABLE)


class _Collection:
    """One run: what it has marked and removed so far, and what it failed to remove."""

    def __init__(self, client: Client, store: ArtifactStore, *, is_dry_run: bool) -> None:
        self._client = client
        self._store = store
        self._is_dry_run = is_dry_run
        self._marked: list[GcItem] = []
        self._removed: list[GcItem] = []
        self._orphans: list[GcItem] = []
        self._failed: list[GcItem] = []

    @property
    def has_removed(self) -> bool:
        """Whether anything has been removed."""
        return not self._is_dry_run and bool(self._removed or self._orphans)

    def mark(self, project: Project) -> None:
        """Mark what a project's policy does not keep."""
        ask = self._client.retention if self._is_dry_run else self._client.apply_retention
        plan = ask(project.name)
        kept = {each.artifact.uri for each in plan.items if each.keep}
        is_due_at_once = plan.policy is not None and plan.policy.grace_hours == 0
        for each in plan.items:
            if each.keep:
                continue
            item = GcItem(
                project=project.name,
                artifact=each.artifact.id,
                uri=each.artifact.uri,
                size_bytes=each.size_bytes,
                why=each.text,
            )
            self._marked.append(item)
            if self._is_dry_run and is_due_at_once and each.artifact.uri not in kept:
                self._removed.append(item)

    def remove(self, project: Project) -> None:
        """Remove the bytes of what is due."""
        due = due_artifacts(self._client, project.name)
        found: Iterable[Removed]
        if self._is_dry_run:
            found = [Removed(each.uri or "", each.stored_bytes, each) for each in due]
        else:
            root = None if project.storage_url is None else root_of(project.storage_url)
            found = remove_due(self._client, self._store, due, root=root)
        self._note(project.name, found, self._removed)

    def search(self, location: str, project: str, before: datetime) -> None:
        """Look for orphans in a storage and remove them; one that cannot be read counts as failed.

        Raises:
            BuildStateError: The service does not answer, so that nobody knows what is recorded.
        """
        if not transferable(location):
            return
        try:
            orphans = find_orphans(self._client, self._store, location, before=before)
        except BuildStateError as error:
            if isinstance(error, NotAllowed) or error.code == Unreachable.default_code:
                raise
            if error.code == FOREIGN:
                warn(f"{location} was not searched for orphans: {error}")
            else:
                why = f"it was not searched for orphans: {error}"
                self._failed.append(
                    GcItem(project=project, artifact=None, uri=None, size_bytes=None, why=why)
                )
            return
        found: Iterable[Removed]
        if self._is_dry_run:
            found = [Removed(each.uri, each.size_bytes) for each in orphans]
        else:
            found = remove_orphans(self._client, self._store, location, orphans)
        self._note(project, found, self._orphans)

    def result(self) -> GcResult:
        """Return what the run came to."""
        return GcResult(
            marked=tuple(self._marked),
            removed=tuple(self._removed),
            orphans=tuple(self._orphans),
            freed_bytes=sum(each.size_bytes or 0 for each in (*self._removed, *self._orphans)),
            failed=tuple(self._failed),
            dry_run=self._is_dry_run,
        )

    def _note(self, project: str, found: Iterable[Removed], removed: list[GcItem]) -> None:
        for each in found:
            into = removed if each.error is None else self._failed
            into.append(_item(project, each))


def _locations(projects: Iterable[Project], own: str) -> dict[str, str]:
    """Return each storage once, with one project that uses it: several may share one."""
    found: dict[str, str] = {}
    for each in projects:
        # With the project's name filled in, less is listed, and nothing of other projects.
        location = (each.storage_url or own).replace("{project}", each.name)
        if each.storage_url is not None or _is_begun(location):
            found.setdefault(location, each.name)
    return found


def _is_begun(own: str) -> bool:
    """Return whether this worker's own storage exists; the first upload makes its folder."""
    return storage_type_of(own) != "file" or local_path(root_of(own)).exists()


def _item(project: str, removed: Removed) -> GcItem:
    artifact = removed.artifact
    why: str | None = "nobody has recorded it"
    if artifact is not None:
        why = artifact.removal.reason if artifact.removal is not None else None
    return GcItem(
        project=project,
        artifact=None if artifact is None else artifact.id,
        uri=removed.uri,
        size_bytes=removed.size_bytes,
        why=why if removed.error is None else str(removed.error),
    )
