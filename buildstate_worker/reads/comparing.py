"""Whether what a function was seen to read is still the same."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from buildstate_core.models import RecordedRead
from buildstate_core.vocabulary import Seen
from buildstate_worker.reads.digests import Digests
from buildstate_worker.reads.listing import listings
from buildstate_worker.reads.made import Made
from buildstate_worker.reads.names import ALL
from buildstate_worker.reads.scope import Scope


@dataclass(frozen=True)
class Compared:
    """What came of a comparison.

    Attributes:
        count: How many reads were compared.
        changed: The first path, in alphabetical order, at which something has changed.
        absent: At how many of those nothing was.
    """

    count: int
    changed: str | None = None
    absent: int = 0


def compare(
    reads: Iterable[RecordedRead], scope: Scope, *, digests: Digests, made: Made
) -> Compared:
    """Compare what was read with what is there now.

    Args:
        reads: What was recorded.
        scope: What counts here and now.
        digests: Those that are known on this machine.
        made: What was made for the build on this machine.
    """
    wanted = sorted(
        (each for each in reads if _is_of_all(each) or scope.is_free(each.path)),
        key=lambda each: each.path,
    )
    left = {each.path for each in wanted if each.what is Seen.LEFT}
    folders = [each.path for each in wanted if each.what is Seen.LISTING]
    listed = listings(folders, scope, made, keep=lambda _, place, __: place not in left)
    changed = (each.path for each in wanted if not _is_same(each, scope, listed, digests, made))
    found = next(changed, None)
    digests.save()
    absent = sum(each.what is Seen.ABSENT for each in wanted)
    return Compared(len(wanted) - len(left), found, absent)


def _is_of_all(read: RecordedRead) -> bool:
    """Return whether it is not known what was read: no part of that can be known otherwise."""
    return read.path == ALL and read.what is Seen.UNSTABLE


def _is_same(
    read: RecordedRead, scope: Scope, listed: Mapping[str, str], digests: Digests, made: Made
) -> bool:
    path = scope.project.path_of(read.path)
    if read.what is Seen.FILE:
        return digests.of(path) == read.digest
    if read.what is Seen.FOLDER:
        return digests.of_folder(Path(path)) == read.digest
    if read.what is Seen.LISTING:
        return listed[read.path] == read.digest
    if read.what is Seen.LEFT:
        is_there = read.digest is not None and os.path.exists(path)  # noqa: PTH110 - quick
        return not is_there or made.is_as_left(path) or digests.of(path) == read.digest
    if read.what is Seen.ABSENT:
        return not os.path.exists(path) or made.is_as_left(path)  # noqa: PTH110 - quick
    return False
