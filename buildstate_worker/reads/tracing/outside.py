"""What was read outside of the project: told to the user, and not compared."""

import os
import re
import stat
from collections.abc import Sequence
from typing import Final

from buildstate_worker.reads.hook import Recording
from buildstate_worker.reads.scope import Scope
from buildstate_worker.reads.uses import Use, uses_of

_SYSTEM: Final = re.compile(
    r"/(?:usr|lib\w*|bin|sbin|proc|sys|dev)/"
    r"|/etc/(?:ld\.so\.|locale|alternatives/|localtime$|nsswitch\.conf$|passwd$|group$)"
    r"|.*/lib\w*/(?:python|locale/)|.*/(?:site-packages|locale-archive|__pycache__)(?:/|$)"
    r"|.*\.so(?:\.[\d.]+)?$"
)
"""What programs are made of, and what each of them opens."""


def outside(seen: Recording, scope: Scope) -> Sequence[str]:
    """Return the paths of files outside of the project that were read, in order.

    The system's programs and libraries are left out, and what was made meanwhile.
    """
    uses = uses_of(seen, scope.project)
    return sorted(
        place
        for place, use in uses.items()
        if place.startswith("/")
        and not _SYSTEM.match(place)
        and scope.is_free(place)
        and _is_read(use, seen.began_ns)
    )


def _is_read(use: Use, began_ns: int) -> bool:
    if use.is_written_first or use.is_missed_first or not use.may_be_read:
        return False
    try:
        status = os.stat(use.path)  # noqa: PTH116 - quick
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_ctime_ns <= began_ns
