"""What was done with each path, put together from the events of a recording."""

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import source_from_cache
from typing import Final

from buildstate_worker.reads.hook import Act, Event, Recording
from buildstate_worker.reads.project import Project
from buildstate_worker.reads.words import names_in

_UNSEEN: Final = frozenset({Act.TOLD, Act.EITHER})


@dataclass
class Use:
    """What a function did with one path. Times are those of the first time.

    Attributes:
        path: The path.
        read_ns: When it was opened to be read.
        told_ns: When it was named to a child process or a library that opens files by itself, or
            opened for both: by its content alone nobody can tell whether it was read or written.
        listed_ns: When its names were listed.
        is_opened: Whether Python itself opened it, by a name that is surely this path.
        is_written: Whether it was opened to be written.
        is_written_first: Whether that was before it was read.
        is_removed: Whether it was removed or renamed.
        is_missed_first: Whether it was looked for in vain before anything else was done with it.
    """

    path: str
    read_ns: int | None = None
    told_ns: int | None = None
    listed_ns: int | None = None
    is_opened: bool = False
    is_written: bool = False
    is_written_first: bool = False
    is_removed: bool = False
    is_missed_first: bool = False

    @property
    def may_be_read(self) -> bool:
        """Whether its content, or that it had none, may have gone into something."""
        return self.read_ns is not None or self.told_ns is not None or self.is_missed_first

    def take(self, act: Act, at_ns: int) -> None:
        """Note one more thing that was done with it."""
        if act is Act.LISTED:
            self.listed_ns = at_ns if self.listed_ns is None else self.listed_ns
        elif act in _UNSEEN:
            self.told_ns = at_ns if self.told_ns is None else self.told_ns
        elif act is Act.WRITTEN:
            self.is_written_first = self.is_written_first or self.read_ns is None
            self.is_written = True
        elif act is Act.REMOVED:
            self.is_removed = True
        elif act is Act.MISSED:
            is_touched = self.may_be_read or self.is_written or self.is_removed
            self.is_missed_first = self.is_missed_first or not is_touched
        else:
            self.read_ns = at_ns if self.read_ns is None else self.read_ns
            self.is_opened = self.is_opened or act is Act.READ


def uses_of(seen: Recording, project: Project) -> Mapping[str, Use]:
    """Return what was done with each path, by its place."""
    found: dict[str, Use] = {}
    for event, at_ns in list(seen.events.items()):
        for name in _names_in(event):
            path = os.path.normpath(os.path.join(event.folder, name))  # noqa: PTH118 - quick
            place = project.place_of(path)
            use = found.get(place)
            if use is None:
                use = found[place] = Use(path)
            use.take(event.act, at_ns)
    return found


def _names_in(event: Event) -> Iterable[str]:
    """Return the names that an event is about; for compiled code, that of its source."""
    if event.act is Act.TOLD:
        return names_in(event.path)
    if event.act is Act.READ and event.path.endswith(".pyc"):
        with suppress(ValueError, NotImplementedError):  # compiled without a source
            return [source_from_cache(event.path)]
    return [event.path]
