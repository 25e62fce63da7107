"""Whether what a function was seen to read is still the same."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from buildstate_core.models import RecordedRead
from buildstate_core.vocabulary import Seen
from buildstate_worker.reads.digests import Digests
from buildstate_worker.reads.listing import listings
from buildstate_worker.reads.made import Made
from buildstate_worker.reads.scope import Scope


def first_changed(
    reads: Iterable[RecordedRead], scope: Scope, *, digests: Digests, made: Made
) -> str | None:
    """Return the first path, in alphabetical order, at which something has changed, or `None`.

    Args:
        reads: What was recorded.
        scope: What counts here and now.
        digests: Those that are known on this machine.
        made: What was made for the build on this machine.
    """
    wanted = sorted(
        (each for each in reads if scope.is_free(each.path)), key=lambda each: each.path
    )
    listed = listings([each.path for each in wanted if each.what is Seen.LISTING], scope, made)
    changed = (each.path for each in wanted if not _is_same(each, scope, listed, digests, made))
    found = next(changed, None)
    digests.save()
    return found


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
    if read.what is Seen.ABSENT:
        return not os.path.exists(path) or made.is_as_left(path)  # noqa: PTH110 - quick
    return False
