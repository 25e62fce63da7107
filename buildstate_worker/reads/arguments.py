"""The paths that a function is called with: whether they name content, or a place for it."""

import dataclasses
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from buildstate_core.models import Discovered
from buildstate_core.vocabulary import Seen
from buildstate_worker.files.stat_signature import MISSING, signature
from buildstate_worker.reads.digests import Digests
from buildstate_worker.reads.made import Made
from buildstate_worker.reads.names import named
from buildstate_worker.reads.scope import Scope


class Arguments:
    """The paths among the arguments of one call, as they were before it.

    A path that is there before and untouched afterwards is an input, and its content counts. One
    that is absent before and there afterwards is a place, and stays one. If it is absent both
    times, its appearing is a change. What is there before and changed goes in and out; its name
    counts, as that of every argument.

    Args:
        values: What the function is about to be called with.
        scope: What counts.
    """

    def __init__(self, values: Mapping[str, Any], scope: Scope) -> None:
        self._scope = scope
        found = {os.path.abspath(each) for each in paths_in(dict(values))}  # noqa: PTH100 - links stay
        places = {scope.project.place_of(each): each for each in found}
        self._before = {
            place: signature(Path(path))
            for place, path in places.items()
            if scope.is_free(place) and not _holds(path, scope.project.folder)
        }

    @property
    def places(self) -> frozenset[str]:
        """Their places. What is done with them is judged here, and nowhere else."""
        return frozenset(self._before)

    def reads(self, digests: Digests, made: Made) -> Iterator[Discovered]:
        """Yield what counts of them, now that the function has ended."""
        for place, before in sorted(self._before.items()):
            path = Path(self._scope.project.path_of(place))
            if before is None or before != signature(path):
                continue
            if before == MISSING:
                yield Discovered(path=named(place), what=Seen.ABSENT)
            elif not made.is_as_left(str(path)):
                what = Seen.FOLDER if path.is_dir() else Seen.FILE
                digest = digests.of_folder(path) if what is Seen.FOLDER else digests.of(str(path))
                if digest is not None:
                    yield Discovered(path=named(place), what=what, digest=digest)


def paths_in(value: object) -> Iterator[Path]:
    """Yield every path in a value, however deep in containers and dataclasses."""
    if isinstance(value, Path):
        yield value
    elif isinstance(value, list | tuple | set | frozenset):
        for each in value:
            yield from paths_in(each)
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from paths_in(each)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from paths_in(getattr(value, field.name, None))


def _holds(path: str, folder: str) -> bool:
    """Return whether a path is a folder or one around it, of which no content is meant."""
    return f"{folder}/".startswith(f"{os.path.realpath(path).rstrip('/')}/")
