"""What is at a place: the content of a file, or of all files in a folder.

Content counts, names below a folder, and whether a file may be executed. Nothing else of a file's
mode does, nor owners and times; as for git, a folder is the files in it. A link counts as what it
leads to.
"""

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
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


def content_of_file(path: str, digests: Digests) -> Content | None:
    """Return the content of a regular file; `None` if it is none, or unreadable."""
    digest = _digest(path, digests)
    return None if digest is None else Content({ITSELF: digest})


def content_of_files(paths: Iterable[str], below: str, digests: Digests) -> Content:
    """Return the content of some files, by their names below a folder."""
    found = ((os.path.relpath(path, below), _digest(path, digests)) for path in paths)
    return Content({name: digest for name, digest in found if digest is not None})


def content_of_folder(
    path: str, digests: Digests, *, keep: Keep, project: Project | None = None
) -> Content:
    """Return the content of a folder.

    Args:
        path: The folder.
        digests: Those that are known on this machine.
        keep: Which files count.
        project: Leave out what git ignores in this project; `None` for leaving out nothing.
    """
    listed = None if project is None else project.not_ignored(path)
    entries: dict[str, str] = {}
    for each in _walk(path, keep) if listed is None else _expanded(listed, keep):
        digest = _digest(each, digests) or _digest_of_link(each, path, digests, keep)
        if digest is not None:
            entries[os.path.relpath(each, path)] = digest
    return Content(entries)


def _digest(path: str, digests: Digests) -> str | None:
    try:
        status = os.stat(path)  # noqa: PTH116 - quick
    except OSError:
        return None
    digest = digests.of(path, status)
    if digest is None:
        return None
    return f"{digest}+x" if status.st_mode & stat.S_IXUSR else digest


def _digest_of_link(path: str, root: str, digests: Digests, keep: Keep) -> str | None:
    """Return what stands for a link that leads to no file; `None` if it is no link."""
    try:
        target = os.readlink(path)  # noqa: PTH115 - quick
    except OSError:
        return None
    leads_to = os.path.realpath(path)
    if not os.path.isdir(leads_to) or f"{leads_to}/".startswith(f"{os.path.realpath(root)}/"):  # noqa: PTH112 - quick
        return f"link to {storable(target)}"
    return content_of_folder(leads_to, digests, keep=keep).digest


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
