"""The user's project: files that milestones read without declaring them, and a helper they call."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Final

BASE: Final = "conf/base"
OVERRIDE: Final = "conf/override"
RULES: Final = "conf/rules"


class Look(StrEnum):
    """What a milestone looks at in the project without saying so."""

    NOTHING = "nothing"
    FILE = "file"
    OVERRIDE = "override"
    """A file that may be absent; the usual one only then."""
    LISTING = "listing"
    """The names in a folder."""


@dataclass(frozen=True)
class Project:
    """What is in a project beside the pipeline; every change of it is one of a number.

    Attributes:
        base: What is in the usual file.
        override: What is in the other one; 0 for no such file.
        rules: How many files there are in the folder.
        helper: The version of a function that milestones call.
    """

    base: int = 0
    override: int = 0
    rules: int = 0
    helper: int = 0

    def changed(self, which: int, value: int) -> "Project":
        """Give it with one of its numbers changed."""
        names = [each.name for each in fields(self)]
        return replace(self, **{names[which % len(names)]: value})

    @property
    def files(self) -> Mapping[str, str]:
        """What is in each of its files, by path."""
        override = {OVERRIDE: f"{self.override}"} if self.override else {}
        return {BASE: f"{self.base}", **override, **{f"{RULES}/{each}": "" for each in self._names}}

    def at(self, path: str) -> str | None:
        """Return what is seen at a path: a file's content, a folder's names, `None` for nothing."""
        return ",".join(self._names) if path == RULES else self.files.get(path)

    def seen_by(self, look: Look) -> Mapping[str, str | None]:
        """Return all that somebody sees who looks at it, by path."""
        match look:
            case Look.NOTHING:
                paths = []
            case Look.FILE:
                paths = [BASE]
            case Look.OVERRIDE:
                paths = [OVERRIDE] if self.override else [OVERRIDE, BASE]
            case Look.LISTING:
                paths = [RULES]
        return {each: self.at(each) for each in paths}

    @property
    def _names(self) -> list[str]:
        return [f"{each}" for each in range(self.rules)]
