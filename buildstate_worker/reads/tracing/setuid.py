"""Programs that get another user's rights, which they do not get while they are traced."""

import os
import shutil
import stat
from collections.abc import Mapping, Sequence

from buildstate_core.errors import InvalidInput
from buildstate_worker.reads.words import names_in


def refuse_setuid(command: Sequence[str], environ: Mapping[str, str]) -> None:
    """Refuse to trace a command that names a program which runs as another user, such as sudo.

    Args:
        command: Its words; those of a script among them count, too.
        environ: Whose PATH finds programs.

    Raises:
        InvalidInput: It names one, and this is not root, for whom that does not matter.
    """
    if os.geteuid() == 0:
        return
    for name in dict.fromkeys(each for word in command for each in names_in(word)):
        if _is_setuid(name, environ):
            raise InvalidInput(
                f"The command names {name}, which runs as another user; that fails while it is"
                " traced by an ordinary one.",
                code="trace-setuid",
                field="--trace",
                hint="Run it with --no-trace, and name what it reads with --input; or have all of"
                " it run as root.",
            )


def _is_setuid(name: str, environ: Mapping[str, str]) -> bool:
    found = shutil.which(name, path=environ.get("PATH"))
    try:
        return found is not None and os.stat(found).st_mode & stat.S_ISUID != 0  # noqa: PTH116
    except OSError:
        return False
