"""What counts among all that a function may read."""

import os
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property

from buildstate_worker.reads.project import Project


def _nothing(_: str) -> bool:
    return False


@dataclass(frozen=True, kw_only=True)
class Scope:
    """The undeclared inputs that a milestone may have on this machine.

    Attributes:
        project: Where they lie.
        known: Files and folders that are known otherwise, as absolute paths: declared, restored,
            or this program's own.
        ignore: Globs of places that do not count, as the user has said. `*` takes slashes, too.
        leaves_out: Returns of an absolute path whether the user has said that it does not count.
        shared: Folders outside of the project in which the build's milestones leave files.
    """

    project: Project
    known: Collection[str] = ()
    ignore: Collection[str] = ()
    leaves_out: Callable[[str], bool] = _nothing
    shared: Collection[str] = ()

    def may_hold(self, place: str) -> bool:
        """Return whether something at a place may be an input, as far as its name tells."""
        return self.project.has(place) and self.is_free(place)

    def is_free(self, place: str) -> bool:
        """Return whether a place is neither known otherwise nor to be ignored."""
        if any(fnmatchcase(place, each) for each in self.ignore):
            return False
        path = self.project.path_of(place)
        if path in self._known or path.startswith(self._folders):
            return False
        return not self.leaves_out(path)

    def may_be_made(self, place: str) -> bool:
        """Return whether something at a place may be what a milestone has left for another one."""
        is_shared = place.startswith(tuple(f"{each}/" for each in self.shared))
        return self.is_free(place) and (is_shared or self.project.has(place))

    def counting(self, places: Iterable[str]) -> set[str]:
        """Return those of some places that may hold inputs, and that git does not ignore."""
        held = {each for each in places if self.may_hold(each)}
        return held - self.project.ignored(held)

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(map(os.path.normpath, self.known))

    @cached_property
    def _folders(self) -> tuple[str, ...]:
        return tuple(f"{each}/" for each in self._known)
