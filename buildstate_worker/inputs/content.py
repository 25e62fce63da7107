"""What is at a place: the content of a file, or of all files in a folder.

Content counts, names below a folder, and whether a file may be executed. Nothing else of a file's
mode does, nor owners and times; as for git, a folder is the files in it. A link counts as what it
leads to.
"""

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from buildstate_worker.fingerprint.digest import digest_of_json
from buildstate_worker.inputs.names import storable
from buildstate_worker.reads import Digests, Project

ITSELF = ""
"""The name of a file among its own entries."""

Keep = Callable[[str], bool]
"""Whether a file counts, by its absolute path."""


@dataclass(frozen=True)
class Content:
    """What was found at a place.

    Attributes:
        entries: A digest for each file by its path below the place. A file has one, `ITSELF`.
    """

    entries: Mapping[str, str]

    @cached_property
    def digest(self) -> str:
        """One digest of it all; that of a file is the SHA-256 of its content."""
        alone = self.entries.get(ITSELF)
        if alone is not None:
            return alone
        return digest_of_json(sorted((storable(name), each) for name, each in self.entries.items()))

    def without(self, names: Iterable[str]) -> "Content | None":
        """Return it without some entries; `None` if those are all that it is."""
        kept = {name: each for name, each in self.entries.items() if name not in set(names)}
        return None if not kept and ITSELF in self.entries else Content(kept)


@dataclass(frozen=True)
class Reading:
    """How content is read.

    Attributes:
        digests: Those that are known on this machine.
        keep: Which files count.
        project: Leave out what git ignores in a folder of this project; `None`: leave out nothing.
        modeless: Absolute paths below which it does not count whether a file can be executed.
    """

    digests: Digests
    keep: Keep
    project: Project | None = None
    modeless: Sequence[str] = ()

    def digest_of(self, path: str) -> str | None:
        """Return the digest of a regular file; `None` if it is none, or unreadable."""
        try:
            status = os.stat(path)  # noqa: PTH116 - quick
        except OSError:
            return None
        digest = self.digests.of(path, status)
        if digest is None or not status.st_mode & stat.S_IXUSR or self._is_modeless(path):
            return digest
        return f"{digest}+x"

    def listed(self, folder: str) -> Sequence[str] | None:
        """Return the files in a folder that git does not ignore; `None` where that is not asked."""
        return None if self.project is None else self.project.not_ignored(folder)

    def _is_modeless(self, path: str) -> bool:
        return any(path == each or path.startswith(f"{each}/") for each in self.modeless)


def content_of_file(path: str, reading: Reading) -> Content | None:
    """Return the content of a regular file; `None` if it is none, or unreadable."""
    digest = reading.digest_of(path)
    return None if digest is None else Content({ITSELF: digest})


def content_of_matches(paths: Sequence[str], below: str, reading: Reading) -> Content:
    """Return the content of what a glob matches: files, and all that is in folders.

    Args:
        paths: What it matches.
        below: The folder that names are relative to.
        reading: How content is read.
    """
    folders = {path for path in paths if os.path.isdir(path)}  # noqa: PTH112 - quick
    listed = reading.listed(below) if folders else None
    files = (path for path in paths if path not in folders and reading.keep(path))
    entries = _digests(files, below, reading, ())
    for path in folders:
        if listed is None or os.path.islink(path):  # noqa: PTH114 - quick
            found = content_of_folder(path, reading).entries
        else:
            own = [each for each in listed if each.startswith(f"{path}/")]
            found = _digests(_expanded(own, reading.keep), path, reading, (path,))
        name = os.path.relpath(path, below)
        entries.update({f"{name}/{each}": digest for each, digest in found.items()})
    return Content(entries)


def content_of_folder(path: str, reading: Reading, *, around: Sequence[str] = ()) -> Content:
    """Return the content of a folder, be it behind a link.

    Args:
        path: The folder.
        reading: How content is read.
        around: The folders whose content this one is part of, by a link.
    """
    real = os.path.realpath(path)
    listed = reading.listed(real)
    files = _walk(real, reading.keep) if listed is None else _expanded(listed, reading.keep)
    return Content(_digests(files, real, reading, (*around, real)))


def _digests(
    paths: Iterable[str], below: str, reading: Reading, roots: Sequence[str]
) -> dict[str, str]:
    """Return the digests of files, and of what links lead to, by their names below a folder."""
    found = ((each, reading.digest_of(each) or _of_link(each, reading, roots)) for each in paths)
    return {os.path.relpath(each, below): digest for each, digest in found if digest is not None}


def _of_link(path: str, reading: Reading, roots: Sequence[str]) -> str | None:
    """Return what stands for a link that leads to no file; `None` if it is no link.

    One that leads to what is read already is known by where it leads, so that no circle is walked.
    """
    try:
        target = os.readlink(path)  # noqa: PTH115 - quick
    except OSError:
        return None
    leads_to = os.path.realpath(path)
    is_known = any(f"{leads_to}/".startswith(f"{each.rstrip('/')}/") for each in roots)
    if is_known or not os.path.isdir(leads_to):  # noqa: PTH112 - quick
        return f"link to {storable(target)}"
    outside = replace(reading, project=None)
    return content_of_folder(leads_to, outside, around=roots).digest


def _expanded(paths: Iterable[str], keep: Keep) -> Iterator[str]:
    """Yield the files that count; a folder among them is another repository, taken as it is."""
    for path in paths:
        if os.path.isdir(path) and not os.path.islink(path):  # noqa: PTH112, PTH114 - quick
            yield from _walk(path, keep)
        elif keep(path):
            yield path


def _walk(path: str, keep: Keep) -> Iterator[str]:
    """Yield the paths of what is in a folder, but for folders."""
    try:
        with os.scandir(path) as found:
            entries = sorted(found, key=lambda each: each.name)
    except OSError:
        return
    for entry in entries:
        if not keep(entry.path):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(entry.path, keep)
        else:
            yield entry.path
