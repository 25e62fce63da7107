"""The worker's part of giving artifacts up: only it has the credentials to remove bytes.

The service says what is due, and is told before and after each removal. What nobody has recorded,
an upload whose worker was killed, is found by looking into the storage.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from buildstate_core.client import Client
from buildstate_core.errors import BuildStateError
from buildstate_core.locations import made_from, root_of
from buildstate_core.models import Artifact, Lookup
from buildstate_core.transfer import ArtifactStore
from buildstate_core.transfer.storage import Listed, Unfinished

_AT_ONCE: Final = 1000
"""How many objects the service is asked about at once."""

_DRAFT: Final = ".buildstate-"
"""What the names of drafts begin with, where an upload is a hidden file."""


@dataclass(frozen=True)
class Removed:
    """What came of one thing that was to be removed.

    Attributes:
        size_bytes: What it took up, if that is known.
        artifact: The artifact whose bytes they were. `None`: nobody's.
        error: Why it is still there. `None`: it is gone.
    """

    uri: str
    size_bytes: int | None
    artifact: Artifact | None = None
    error: BuildStateError | None = None


def due(client: Client, project: str) -> list[Artifact]:
    """Give the artifacts of a project whose bytes a worker may remove now."""
    return list(client.find_artifacts(project=project, removable=True))


def remove_due(
    client: Client, store: ArtifactStore, artifacts: Sequence[Artifact]
) -> Iterator[Removed]:
    """Remove the bytes of artifacts one by one; one that fails is left for the next time."""
    for artifact in artifacts:
        uri = artifact.uri or ""
        size = artifact.size_bytes if artifact.packed is None else artifact.packed.size_bytes
        try:
            # It may have been held since, and from here on it cannot be any more.
            client.begin_removal(artifact.id)
            store.discard(uri)
            client.end_removal(artifact.id)
        except BuildStateError as error:
            yield Removed(uri, size, artifact, error)
        else:
            yield Removed(uri, size, artifact)


def orphans(
    client: Client, store: ArtifactStore, location: str, *, before: datetime
) -> list[Listed | Unfinished]:
    """Give what nobody has recorded in a storage, and nobody is about to.

    Only what the storage's template could have made counts: somebody else may keep things there.

    Args:
        client: The service, which knows what is recorded.
        store: What reaches the storage.
        location: The storage, as a folder or as a template.
        before: What is younger may be under way.

    Raises:
        Unreachable: The storage cannot be listed, or the service does not answer.
    """
    root = f"{root_of(location)}/"
    storage = store.storage(root)
    whole = [
        each
        for each in storage.listing(root)
        if each.modified_at < before and made_from(location, each.uri)
    ]
    unknown: list[Listed | Unfinished] = []
    for start in range(0, len(whole), _AT_ONCE):
        some = whole[start : start + _AT_ONCE]
        answers = client.look_up(Lookup(uris=tuple(each.uri for each in some))).items
        use = {each.uri: each.use for each in answers}
        unknown += [each for each in some if use.get(each.uri) == "unknown"]
    unknown += [
        each
        for each in storage.unfinished(root)
        if each.started_at < before and _is_ours(location, each.uri)
    ]
    return unknown


def remove_orphans(store: ArtifactStore, found: Sequence[Listed | Unfinished]) -> Iterator[Removed]:
    """Remove what nobody needs, one by one."""
    for each in found:
        try:
            storage = store.storage(each.uri)
            if isinstance(each, Listed):
                storage.remove(each.uri)
            else:
                storage.abandon(each)
        except BuildStateError as error:
            yield Removed(each.uri, each.size_bytes, error=error)
        else:
            yield Removed(each.uri, each.size_bytes)


def _is_ours(location: str, uri: str) -> bool:
    return uri.rpartition("/")[2].startswith(_DRAFT) or made_from(location, uri)
