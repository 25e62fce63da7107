"""Symbolic links in folders: whether one leads out of its folder, wherever that is unpacked."""

from collections.abc import Callable
from typing import Final

_MOST_FOLLOWED: Final = 40
"""How many links Linux follows on one way. A longer way leads nowhere, so not outside."""


def leads_out(name: str, target: str, link_at: Callable[[str], str | None]) -> bool:
    """Return whether a link leads out of its folder, judged only by the folder's own content.

    The target need not exist. A path that leaves the folder and comes back by the folder's own name
    leads out: elsewhere the folder has another name.

    Args:
        name: The link's path in the folder, as in an archive.
        target: The link's target, as written.
        link_at: Returns the target of the link at a path; `None` if there is no link.

    >>> leads_out("inside/up", "../image.raw", {}.get)
    False
    >>> leads_out("inside/up", "../../image.raw", {}.get)
    True
    >>> leads_out("link", "here/../image.raw", {"here": "."}.get)
    True
    """
    here = name.split("/")[:-1]
    waiting = _steps(target)
    followed = 0
    while waiting:
        step = waiting.pop()
        if step == "/" or (step == ".." and not here):
            return True
        if step == "..":
            here.pop()
            continue
        here.append(step)
        further = link_at("/".join(here))
        if further is None:
            continue
        followed += 1
        if followed > _MOST_FOLLOWED:
            return False
        here.pop()
        waiting += _steps(further)
    return False


def _steps(path: str) -> list[str]:
    """Return the steps of a path in reverse order; `/` is the step to the root."""
    steps = [step for step in path.split("/") if step not in {"", "."}]
    if path.startswith("/"):
        steps.insert(0, "/")
    return steps[::-1]
