"""Where something that goes into a milestone lies, and what is there now."""

import glob
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from buildstate_worker.inputs.content import (
    Content,
    Reading,
    content_of_file,
    content_of_folder,
    content_of_matches,
)
from buildstate_worker.inputs.ignoring import Ignored
from buildstate_worker.inputs.names import full_path, name_of
from buildstate_worker.reads import Digests, Made, Project

_MAGIC: Final = re.compile(r"[*?[]")


@dataclass(frozen=True)
class Checkout:
    """A working directory, with what is known of its files.

    Attributes:
        folder: The working directory.
        project: The project that it belongs to.
        digests: The digests that are known on this machine.
        ignored: What does not count.
        made: What was made for the build on this machine; `None` if nothing is known of that.
    """

    folder: Path
    project: Project
    digests: Digests
    ignored: Ignored
    made: Made | None = None

    def path_of(self, text: str) -> str:
        """Return the absolute path that a text names."""
        return full_path(text, self.folder)

    def name_of(self, path: str) -> str:
        """Return what a file is called."""
        return name_of(path, self.folder, self.project)

    def counts(self, path: str) -> bool:
        """Return whether a file counts."""
        return not self.ignored.has(path)

    def is_made(self, path: str, *, is_named: bool) -> bool:
        """Return whether a file was made for the build, so that it is nobody's input by itself.

        Where nobody has named it, but only what it lies in, that builds have written it here is
        enough, also if it was touched since, unless git knows it: another worker does not have it.
        """
        if self.made is None:
            return False
        if self.made.is_as_left(path):
            return True
        is_unknown = not is_named and self.made.has(path)
        return is_unknown and self.project.place_of(path) not in self.project.tracked

    def left_at(self, path: str) -> str | None:
        """Return the digest of a file that was made here; `None` for an artifact, and for none."""
        try:
            status = os.stat(path)  # noqa: PTH116 - quick
        except OSError:
            return None
        maker = None if self.made is None else self.made.maker_of(path, status)
        return None if maker is not None and maker.is_result else self.digests.of(path, status)


@dataclass(frozen=True)
class Source:
    """Something that goes into a milestone.

    Attributes:
        part: Its part of the fingerprint.
        path: Where it is; with `pattern`, the folder below which that matches.
        pattern: A glob of files; `None` for what `path` names.
        is_declared: Whether the user has said that it counts. Otherwise what git ignores in a
            folder and what was made for the build do not.
        is_place: Whether the command may be meant to write it.
        is_optional: Whether it counts as well that nothing is there.
        modeless: Absolute paths below which it does not count whether a file can be executed.
        tool: The program that reads it without being told; `None` if a user has named it.
    """

    part: str
    path: str
    pattern: str | None = None
    is_declared: bool = False
    is_place: bool = False
    is_optional: bool = False
    modeless: Sequence[str] = ()
    tool: str | None = None

    @property
    def name(self) -> str:
        """What it is called."""
        return self.part.partition(":")[2]

    @property
    def paths(self) -> list[str]:
        """The absolute paths of what it names now: files, or a folder with all that is in it."""
        return [self.path] if self.pattern is None else list(_matching(self.path, self.pattern))

    def content(self, checkout: Checkout, left: dict[str, str] | None = None) -> Content | None:
        """Return what is there now; `None` for nothing that counts.

        Args:
            checkout: Where it is.
            left: Takes the digests of what was made here and does not count, by absolute path.
        """

        def keep(path: str) -> bool:
            if not checkout.counts(path):
                return False
            if self.is_declared or not checkout.is_made(path, is_named=path == self.path):
                return True
            digest = None if left is None else checkout.left_at(path)
            if left is not None and digest is not None:
                left[path] = digest
            return False

        project = None if self.is_declared else checkout.project
        reading = Reading(checkout.digests, keep, project, self.modeless)
        if self.pattern is not None:
            return content_of_matches(_matching(self.path, self.pattern), self.path, reading)
        if os.path.isdir(self.path):  # noqa: PTH112 - quick
            return content_of_folder(self.path, reading)
        content = content_of_file(self.path, reading) if keep(self.path) else None
        return Content({}) if content is None and self.is_optional else content


def is_glob(text: str, path: str | Path) -> bool:
    """Return whether a text is a glob, and not the name of a file that looks like one."""
    return bool(_MAGIC.search(text)) and not os.path.lexists(path)


def split_glob(path: str) -> tuple[str, str]:
    """Return the folder below which a glob matches, and the rest of it.

    >>> split_glob("/srv/roles/**/main.y?ml")
    ('/srv/roles', '**/main.y?ml')
    """
    steps = path.split("/")
    first = next(at for at, step in enumerate(steps) if _MAGIC.search(step))
    return "/".join(steps[:first]) or "/", "/".join(steps[first:])


def matches(folder: str, pattern: str) -> Sequence[str]:
    """Return the absolute paths of all that a glob matches, in alphabetical order."""
    found = glob.glob(pattern, root_dir=folder, recursive=True)  # noqa: PTH207 - quick
    return [os.path.join(folder, each) for each in sorted(found)]  # noqa: PTH118 - quick


def _matching(folder: str, pattern: str) -> Sequence[str]:
    """Return what a glob matches; no folders, if it matches all that is below them as well."""
    found = matches(folder, pattern)
    if "**" in pattern and pattern.endswith("*"):
        return [each for each in found if not os.path.isdir(each)]  # noqa: PTH112 - quick
    return found
