"""What counts among all that a function may read."""

import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property

from buildstate_worker.reads.project import Project


@dataclass(frozen=True, kw_only=True)
class Scope:
    """The undeclared inputs that a milestone may have on this machine.

    Attributes:
        project: Where they lie.
        known: Files and folders that are known otherwise, as absolute paths: declared, restored,
            or this program's own.
        ignore: Globs of places that do not count, as the user has said. `*` takes slashes, too.
        shared: Folders outside of the project in which the build's milestones leave files.
    """

    project: Project
    known: Collection[str] = ()
    ignore: Collection[str] = ()
    shared: Collection[str] = ()

    def may_hold(self, place: str) -> bool:
        """Return whether something at a place may be an input, as far as its name tells."""
        return self.project.has(place) and self.is_free(place)

    def is_free(self, place: str) -> bool:
        """Return whether a place is neither known otherwise nor to be ignored."""
        if any(fnmatchcase(place, each) for each in self.ignore):
            return False
        path = self.project.path_of(place)
        return path not in self._known and not path.startswith(self._folders)

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
