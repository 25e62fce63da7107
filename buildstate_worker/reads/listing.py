"""The names in folders, as far as they may be inputs."""

import os
from collections.abc import Callable, Iterable, Mapping

from buildstate_worker.fingerprint.digest import digest_of_json
from buildstate_worker.reads.made import Made
from buildstate_worker.reads.scope import Scope

Keep = Callable[[str, str, "os.DirEntry[str]"], bool]
"""Whether a name counts: called with the place of its folder, its own, and what was found."""


def listings(
    places: Iterable[str], scope: Scope, made: Made, *, keep: Keep = lambda *_: True
) -> Mapping[str, str]:
    """Return the digests of the names in folders that count; of a missing one, that of no names.

    What was made for the build does not count: it is nobody's input.

    Args:
        places: The folders' places.
        scope: What counts.
        made: What was made for the build.
        keep: Tells of one more name whether it counts.
    """
    found = {
        place: {_below(place, each.name): each for each in _entries(scope.project.path_of(place))}
        for place in places
    }
    counting = scope.counting(each for names in found.values() for each in names)
    return {
        place: _digest_of(
            entry.name
            for each, entry in names.items()
            if each in counting and not _is_made(entry, made) and keep(place, each, entry)
        )
        for place, names in found.items()
    }


def _entries(path: str) -> list["os.DirEntry[str]"]:
    try:
        with os.scandir(path) as found:
            return list(found)
    except OSError:
        return []


def _below(place: str, name: str) -> str:
    return name if place == "." else f"{place}/{name}"


def _digest_of(names: Iterable[str]) -> str:
    return digest_of_json(sorted(os.fsencode(each).hex() for each in names))


def _is_made(entry: "os.DirEntry[str]", made: Made) -> bool:
    try:
        return made.maker_of(entry.path, entry.stat()) is not None
    except OSError:
        return False
