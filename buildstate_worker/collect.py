"""Garbage collection, the worker's part (`bldst gc`): only it has the credentials to remove bytes.

The service says which artifacts are due, and is told before and after each removal. Orphans, such
as an upload whose worker was killed, are found by listing the storage.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Final

from buildstate_core.errors import ArtifactLost, BuildStateError, NotFound, Refused
from buildstate_core.locations import Made, read_back, root_of
from buildstate_core.models import Artifact, Lookup
from buildstate_worker.client import Client
from buildstate_worker.files.temp_names import is_temp_name
from buildstate_worker.storage.base import Listed, Unfinished
from buildstate_worker.transfer import ArtifactStore

FOREIGN: Final = "storage-of-another-service"
"""The code of a refusal to look for orphans where another service keeps things."""

_AT_ONCE: Final = 1000
"""How many objects the service is asked about at once."""


@dataclass(frozen=True)
class Removed:
    """The outcome for one object that was to be removed.

    Attributes:
        size_bytes: What it took up, if that is known.
        artifact: The artifact whose bytes they were. `None`: nobody's.
        error: Why it could not be removed. `None`: it is gone.
    """

    uri: str
    size_bytes: int | None
    artifact: Artifact | None = None
    error: BuildStateError | None = None


def due_artifacts(client: Client, project: str) -> list[Artifact]:
    """Return the artifacts of a project whose bytes a worker may remove now."""
    return list(client.find_artifacts(project=project, removable=True))


def remove_due(
    client: Client, store: ArtifactStore, artifacts: Sequence[Artifact], *, root: str | None
) -> Iterator[Removed]:
    """Remove the bytes of artifacts one by one; one that fails is left for the next time.

    Args:
        client: The service.
        store: What reaches the storages.
        artifacts: What is due.
        root: Where the project's storage begins. `None`: each worker has its own, so that a file
            that is not here may be on another one.
    """
    for artifact in artifacts:
        uri = artifact.uri or ""
        size = artifact.stored_bytes
        try:
            _check_reach(store, uri, root=root)
            # It may have been held since, and from here on it cannot be any more.
            client.begin_removal(artifact.id)
            store.discard(uri)
            client.end_removal(artifact.id)
        except BuildStateError as error:
            yield Removed(uri, size, artifact, error)
        else:
            yield Removed(uri, size, artifact)


def find_orphans(
    client: Client, store: ArtifactStore, location: str, *, before: datetime
) -> list[Listed | Unfinished]:
    """Return the objects in a storage that nobody has recorded, nor is about to record.

    Only URIs that the storage's template could have made count: others may use the storage, too.

    Args:
        client: The service, which knows what is recorded.
        store: What reaches the storage.
        location: The storage, as a folder or as a template.
        before: Younger objects are left out, since they may be under way.

    Raises:
        Refused: There is an object of another service, so that nobody can tell what is needed.
        Unreachable: The storage cannot be listed, or the service does not answer.
    """
    root = f"{root_of(location)}/"
    storage = store.storage(root)
    whole = (each for each in storage.listing(root) if each.modified_at < before)
    begun = (each for each in storage.unfinished(root) if each.started_at < before)
    old: Iterator[Listed | Unfinished] = chain(whole, begun)
    found = [each for each in old if _read(location, each.uri) is not None]
    unknown = [
        each
        for start in range(0, len(found), _AT_ONCE)
        for each in _unknown(client, found[start : start + _AT_ONCE])
    ]
    records = _Records(client, location)
    return [each for each in unknown if not records.keep(each.uri)]


def remove_orphans(
    client: Client, store: ArtifactStore, location: str, found: Sequence[Listed | Unfinished]
) -> Iterator[Removed]:
    """Remove orphans one by one, but none that was recorded since it was found.

    Args:
        client: As in `find_orphans`.
        store: As in `find_orphans`.
        location: As in `find_orphans`.
        found: What `find_orphans` returned.
    """
    records = _Records(client, location)
    for each in found:
        try:
            if records.keep(each.uri) or not any(_unknown(client, [each])):
                continue
            storage = store.storage(each.uri)
            if isinstance(each, Listed):
                storage.remove(each.uri)
            else:
                storage.abandon(each)
        except BuildStateError as error:
            yield Removed(each.uri, each.size_bytes, error=error)
        else:
            yield Removed(each.uri, each.size_bytes)


class _Records:
    """The records of the builds that URIs in a storage name; read when first needed.

    The service recognises a URI in any spelling, but one object may have two different URIs: by a
    link, a second mount, or a second name of a server. So an object that it does not know is also
    looked for in the records of its build, by the attempt's id, which is unique.
    """

    def __init__(self, client: Client, location: str) -> None:
        self._client = client
        self._location = location
        self._builds: dict[int, tuple[set[str], list[Artifact]]] = {}

    def keep(self, uri: str) -> bool:
        """Return whether to keep an object: it is recorded, or does not tell whose it is.

        Raises:
            Refused: It was not made for this service.
        """
        made = _read(self._location, uri)
        if made is None or made.build is None:
            return True
        owners, artifacts = self._of(made.build)
        if made.owner not in {None, *owners} or not owners:
            raise Refused(
                f"{uri} was made by an attempt or for a build that this service does not know.",
                code=FOREIGN,
                hint="Another service keeps its artifacts there too, or this one's database was"
                " set back. Nothing is removed there as an orphan, since it may be needed.",
            )
        return made.owner is None or any(
            each.name == made.name
            and each.uri is not None
            and made.attempt in each.uri
            and (each.removal is None or each.removal.done_at is None)
            for each in artifacts
        )

    def _of(self, build: int) -> tuple[set[str], list[Artifact]]:
        """Return the ids that a build's uploads may carry, and its recorded artifacts."""
        if build not in self._builds:
            try:
                ids = {self._client.get_build(build).id}
                ids |= {each.id for each in self._client.history(build)}
                recorded = list(self._client.list_artifacts(build))
            except NotFound:
                ids, recorded = set(), []
            self._builds[build] = {str(each) for each in ids}, recorded
        return self._builds[build]


def _read(location: str, uri: str) -> Made | None:
    return read_back(location, uri, is_temp=is_temp_name(uri))


def _unknown(client: Client, some: Sequence[Listed | Unfinished]) -> Iterator[Listed | Unfinished]:
    answers = client.look_up(Lookup(uris=tuple(each.uri for each in some))).items
    use = {each.uri: each.use for each in answers}
    return (each for each in some if use.get(each.uri) == "unknown")


def _check_reach(store: ArtifactStore, uri: str, *, root: str | None) -> None:
    """Check that an artifact that is not found is gone, and not out of this worker's reach.

    Raises:
        ArtifactUnreachable: Nobody can tell from here; so a folder that is not mounted.
        InvalidInput: There is no transfer for the URI.
    """
    store.storage(uri)
    with suppress(ArtifactLost):
        store.check(uri, size_bytes=None, root=root)
