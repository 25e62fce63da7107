"""What a file is called in a fingerprint: the same on every worker, whoever spells its path how."""

import hashlib
import os
import unicodedata
from pathlib import Path
from typing import Final

from buildstate_worker.reads import Project
from buildstate_worker.reads.names import sayable

_MOST: Final = 400
"""Of characters; what follows is known by its digest."""


def full_path(text: str, folder: Path) -> str:
    """Return the absolute path that a text names, with the links in its last step left alone."""
    path = os.path.normpath(os.path.join(folder, text))  # noqa: PTH118 - quick
    head, tail = os.path.split(path)
    return os.path.join(os.path.realpath(head), tail) if tail else path  # noqa: PTH118 - quick


def name_of(path: str, folder: Path, project: Project) -> str:
    """Return what a file is called: relative to the working directory, if it is in the project.

    Args:
        path: Its absolute path, or a glob of such.
        folder: The working directory.
        project: The project that it belongs to.

    Returns:
        With slashes; absolute for what lies outside of the project.
    """
    here = os.path.realpath(folder)
    is_inside = any(
        f"{path}/".startswith(f"{each.rstrip('/')}/") for each in (here, project.folder)
    )
    return storable(os.path.relpath(path, here) if is_inside else path)


def storable(name: str) -> str:
    """Return a name in the form in which it is recorded: one for all forms of Unicode."""
    found = sayable(unicodedata.normalize("NFC", name))
    if len(found) <= _MOST:
        return found
    return f"{found[:_MOST]}…{hashlib.sha256(found.encode()).hexdigest()[:16]}"
